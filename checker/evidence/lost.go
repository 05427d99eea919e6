package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Lost checks that power failures take back nothing that was acknowledged. What it calls
// lost was acknowledged, and no final read shows it although nothing can have taken its
// place:
//
//   - a value added to a set or list, that none of the final reads of it has;
//   - a write of a register of which every final read shows a value that was last written
//     by somebody who had been answered before the write was asked for.
//
// So the checkers of clients call such a history invalid, too. This one says what they
// cannot: when the power failed, what of the disks was said, what else was acknowledged
// then and is there, and how much was lost. What vanished without a power failure since it
// was last seen is theirs alone, as are keys that transactions write.
//
// Of a member that is alone it also judges what bit-rot took, where that cannot have been
// read as the torn end of a file (rot.go). What else may have taken a write is told
// (rivals.go).
type Lost struct {
	verdict.Findings
	disks    Disks
	follows  bool // what can take writes may come: disks that lose their power, or bit-rot of a member that is alone
	values   *verdict.Values
	nodes    verdict.Names
	keys     map[string]*keptKey
	order    []*keptKey
	open     verdict.Inflight[openWrite]
	failures []*failure
	rivals   []rival
	leads    map[reign]bool
	head     string // how the first of what is told begins
	acked    int64
	members  int
	whole    bool // the history has its end
}

// keptKey is what was asked of one key.
type keptKey struct {
	name     string
	grows    bool // it is a set or list
	register bool
	foreign  bool // a transaction or something else writes it
	writes   []keptWrite
	at       map[uint32]int32 // of a value, who wrote it last, in writes
	finals   []finalAnswer
}

// keptWrite is one write.
type keptWrite struct {
	invoke, done verdict.Stamp
	seen         uint64 // when the last read began that showed it; 0 for none
	process      int32
	value, old   uint32
	node         uint16
	f            uint8 // in writeKinds
	outcome      verdict.Outcome
	fate         fate
}

// openWrite is where a write that has no answer yet is, or a read.
type openWrite struct {
	key   *keptKey
	n     int32 // in writes; -1 of a read
	asked history.Event
}

// failure is a power failure, or bit-rot of a member that is alone.
type failure struct {
	inject, heal history.Event
	rot          bool
	cut          verdict.Stamp             // when the last of its members had no process any more
	gone, back   []string                  // members that had none any more, and that have had one again since, before it healed
	first        map[*keptKey]*finalAnswer // of a key, the first read that was asked for after that and served
	lost         []lostWrite
}

type lostWrite struct {
	key    *keptKey
	w      *keptWrite
	by     *finalAnswer
	until  uint64     // when it was seen to be gone
	may    []*failure // those that may have taken it
	rivals []rival    // what else may have
}

// NewLost returns the checker "lost".
func NewLost() *Lost {
	return &Lost{values: verdict.NewValues(), keys: make(map[string]*keptKey), leads: make(map[reign]bool)}
}

// Name returns "lost".
func (*Lost) Name() string { return "lost" }

// Kinds returns Ops and Others.
func (*Lost) Kinds() verdict.Kinds { return verdict.Ops | verdict.Others }

// Event takes the next event.
func (c *Lost) Event(e *history.Event) {
	c.disks.Event(e)
	switch {
	case e.Op != nil && c.follows:
		c.op(e)
	case e.Run != nil && e.Run.What == history.RunBegin:
		c.members = len(e.Run.Nodes)
		c.follows = e.Run.Disk != "" || c.members == 1
	case e.Fault != nil:
		c.fault(e)
	case e.Run != nil && e.Run.What == history.RunEnd:
		c.whole = true
	case e.Proc != nil && e.Proc.What == history.ProcExit:
		c.ended(e)
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.started(e.Proc.Node)
	case e.Raft != nil && e.Raft.What == history.RaftLeader:
		c.led(e)
	}
}

func (c *Lost) fault(e *history.Event) {
	what := theFault(e.Fault, powerFailure, bitRot)
	if what == "" || what == bitRot && c.members != 1 {
		return
	}
	if e.Fault.What == history.FaultInject {
		c.failures = append(c.failures, &failure{
			inject: verdict.Keep(e), rot: what == bitRot, cut: verdict.StampOf(e), first: make(map[*keptKey]*finalAnswer),
		})
		return
	}
	i := slices.IndexFunc(c.failures, func(f *failure) bool { return f.inject.Fault.Step == e.Fault.Step && f.heal.Fault == nil })
	switch {
	case i < 0:
	case e.Fault.What == history.FaultSkipped:
		c.failures = slices.Delete(c.failures, i, i+1)
	default:
		c.failures[i].heal = verdict.Keep(e)
	}
}

// writeKinds are the writes that are followed.
func writeKinds() [5]history.F {
	return [5]history.F{history.FPut, history.FCas, history.FDelete, history.FAdd, history.FAppend}
}

func (c *Lost) op(e *history.Event) {
	op := e.Op
	if op.Type != history.Invoke {
		c.answered(e)
		return
	}
	kind := -1
	for i, f := range writeKinds() {
		if f == op.F {
			kind = i
		}
	}
	reads := op.F == history.FGet || op.F == history.FRead
	switch {
	case op.F == history.FTxn:
		for i := range op.Txn {
			if m := &op.Txn[i]; m.F != history.FGet && m.F != history.FRead {
				c.key(m.Key).foreign = true
			}
		}
		return
	case kind < 0 && !reads:
		c.key(op.Key).foreign = true
		return
	}
	k := c.key(op.Key)
	if reads {
		asked := history.Event{Seq: e.Seq, At: e.At}
		if op.Final {
			asked = verdict.Keep(e)
		}
		c.open.Set(op.Process, openWrite{key: k, n: -1, asked: asked})
		return
	}
	k.grows = k.grows || op.F == history.FAdd || op.F == history.FAppend
	k.register = k.register || op.F != history.FAdd && op.F != history.FAppend
	n := int32(len(k.writes))
	k.writes = append(k.writes, keptWrite{
		invoke: verdict.StampOf(e), process: int32(op.Process), node: c.nodes.ID(op.Node),
		f: uint8(kind), value: c.values.ID(op.Arg), old: c.values.ID(op.Old),
	})
	k.at[k.writes[n].value] = n
	c.open.Set(op.Process, openWrite{key: k, n: n})
}

func (c *Lost) key(name string) *keptKey {
	k := c.keys[name]
	if k == nil {
		k = &keptKey{name: strings.Clone(name), at: make(map[uint32]int32)}
		c.keys[k.name] = k
		c.order = append(c.order, k)
	}
	return k
}

// answered takes the end of an operation.
func (c *Lost) answered(e *history.Event) {
	o, ok := c.open.Take(e.Op.Process)
	if !ok {
		return
	}
	if o.n >= 0 {
		w := &o.key.writes[o.n]
		w.done, w.outcome = verdict.StampOf(e), verdict.OutcomeOf(e.Op.Type)
		if w.outcome == verdict.OK {
			c.acked++
		}
		return
	}
	if e.Op.Type != history.OK {
		return
	}
	if e.Op.Final {
		o.key.finals = append(o.key.finals, finalAnswer{o.asked, verdict.Keep(e)})
		return
	}
	for _, f := range c.failures {
		if f.first[o.key] == nil && o.asked.Seq > f.cut.Seq {
			f.first[o.key] = &finalAnswer{o.asked, verdict.Keep(e)}
		}
	}
	for v := range shown(e.Op) {
		if n, ok := o.key.at[c.values.ID(v)]; ok {
			o.key.writes[n].seen = o.asked.Seq
		}
	}
}

// shown goes over the values that a read shows.
func shown(op *history.Op) func(yield func(string) bool) {
	if op.F == history.FRead {
		return slices.Values(op.List)
	}
	return slices.Values([]string{op.Got})
}

// Finish gives the verdict.
func (c *Lost) Finish() verdict.Result {
	if len(c.failures) == 0 {
		return c.Unchecked(c.Name(), "no member lost its power")
	}
	there, lost := c.judge()
	rots := int64(0)
	for _, f := range c.failures {
		if f.rot {
			rots++
		}
	}
	c.Count("power-failures", int64(len(c.failures))-rots)
	if rots > 0 {
		c.Count("bit-rots", rots)
	}
	c.Count("acknowledged", c.acked)
	c.Count("there", there)
	c.Count("lost", lost)
	after := "after " + c.failed(rots)
	if there+lost == 0 {
		return c.Unchecked(c.Name(), fmt.Sprintf("%s, and no final read shows one, %s", count.Many(c.acked, "acknowledged write"), after))
	}
	if lost == 0 && !slices.ContainsFunc(c.failures, func(f *failure) bool { return f.heal.Fault == nil || f.heal.Fault.Bit }) {
		return c.Unchecked(c.Name(), c.failed(rots)+", and none of them had an effect")
	}
	for _, f := range c.failures {
		if len(f.lost) == 0 {
			continue
		}
		why := c.excuse(f)
		if !c.whole {
			why = "the history was cut short, and another final read might show them"
		}
		if why != "" {
			c.Unknown("%s %s gone %s, but %s", count.Many(lost, "acknowledged write"), count.Word(lost, "is", "are"), after, why)
			continue
		}
		c.tell(f)
	}
	r := c.Result(c.Name(), fmt.Sprintf("%s, none lost %s: the final reads show %d, the others were overwritten or are not read",
		count.Many(c.acked, "acknowledged write"), after, there))
	if r.Verdict == verdict.Invalid {
		r.Summary = fmt.Sprintf("%s, %d lost %s: %s", count.Many(c.acked, "acknowledged write"), lost, after, c.head)
	}
	return r
}

// failed says what may have taken writes, and how often.
func (c *Lost) failed(rots int64) string {
	switch powers := int64(len(c.failures)) - rots; {
	case rots == 0:
		return count.Many(powers, "power failure")
	case powers == 0:
		return timesRot(rots)
	default:
		return count.Many(powers, "power failure") + " and " + timesRot(rots)
	}
}

func timesRot(n int64) string {
	if n == 1 {
		return bitRot
	}
	return bitRot + " " + count.Times(n)
}

// excuse says why what is lost in a failure proves nothing; "" if it does.
func (c *Lost) excuse(f *failure) string {
	if c.members == 1 && c.disks.OnlyRotten() {
		return c.torn(f)
	}
	return c.disks.Loss(verdict.Forever)
}

// judge finds out what became of each acknowledged write.
func (c *Lost) judge() (there, lost int64) {
	for _, k := range c.order {
		if k.foreign || k.grows == k.register || len(k.finals) == 0 {
			continue
		}
		shows := make([]view, len(k.finals))
		for i := range k.finals {
			shows[i] = c.read(k, &k.finals[i])
		}
		early := c.between(k)
		for i := range k.writes {
			w := &k.writes[i]
			if w.outcome != verdict.OK {
				continue
			}
			by := -1
			w.fate, by = w.outcomeOf(k, shows)
			switch w.fate {
			case present:
				there++
			case gone:
				l := lostWrite{key: k, w: w, by: &k.finals[by]}
				if f := c.failureOf(&l, early, shows); f != nil {
					f.lost = append(f.lost, l)
					lost++
				} else {
					w.fate = untold
				}
			}
		}
	}
	return there, lost
}
