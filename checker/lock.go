package checker

import (
	"fmt"
	"strconv"

	"github.com/usurper/usurper/harness/history"
)

// Lock checks locks that do not expire: that no two clients have one at a time,
// that the fencing token of whoever gets it is larger than those of all who had it
// before, and that what a lock guards takes no write with a token once it has taken
// one with a larger token.
//
// The tokens tell in which order the lock was had, so that no search is needed:
// locktenure.go has the rule and why it is exact. A failed operation had no effect.
// One without an answer may have had one at any time or may have none, so it proves
// nothing by itself; but of a lock that was released somebody had taken it.
type Lock struct {
	findings
	locks  map[string]*lock
	order  []*lock
	open   map[int]lockRef
	counts [len(lockKinds)]int64 // operations that were tried
	oks    [len(lockKinds)]int64 // and succeeded
}

// lock is what was done to one lock.
type lock struct {
	key string
	ops []lockOp
}

// lockRef is where an open operation is.
type lockRef struct {
	lock *lock
	op   int
}

// lockOp is one operation.
type lockOp struct {
	ask, done stamp  // done is zero while it is open
	arg       string // the name that has the lock, or what was written
	node      string
	token     uint64 // 0 if it is not known
	process   int32
	kind      lockKind
	outcome   outcomeKind
}

type lockKind uint8

const (
	acquires lockKind = iota
	releases
	fenced
)

var lockKinds = [...]history.F{history.FAcquire, history.FRelease, history.FFenced}

// NewLock returns the checker "lock".
func NewLock() *Lock { return &Lock{locks: make(map[string]*lock), open: make(map[int]lockRef)} }

// Name returns "lock".
func (*Lock) Name() string { return "lock" }

// Early returns OfPrefix.
func (*Lock) Early() Early { return OfPrefix }

// Event takes the next event.
func (c *Lock) Event(e *history.Event) {
	op := e.Op
	if op == nil {
		return
	}
	kind := lockKind(0)
	switch op.F {
	case history.FAcquire:
	case history.FRelease:
		kind = releases
	case history.FFenced:
		kind = fenced
	default:
		return
	}
	if op.Type == history.Invoke {
		c.invoke(e, kind)
		return
	}
	at, ok := c.open[op.Process]
	if !ok || at.lock.key != op.Key || at.lock.ops[at.op].kind != kind {
		c.unknown("client %d completes an operation at %s that it never began", op.Process, seconds(e.At))
		return
	}
	delete(c.open, op.Process)
	o := &at.lock.ops[at.op]
	o.done = stamp{e.Seq, e.At}
	switch op.Type {
	case history.OK:
		o.outcome = outcomeOK
		c.oks[kind]++
		if kind != fenced && op.Got != "" {
			o.token = c.token(e, op.Got)
		}
	case history.Fail:
		o.outcome = outcomeFail
	}
}

func (c *Lock) invoke(e *history.Event, kind lockKind) {
	op := e.Op
	if _, ok := c.open[op.Process]; ok {
		c.unknown("client %d begins an operation at %s while another is open", op.Process, seconds(e.At))
	}
	l := c.locks[op.Key]
	if l == nil {
		l = &lock{key: op.Key}
		c.locks[op.Key] = l
		c.order = append(c.order, l)
	}
	o := lockOp{ask: stamp{e.Seq, e.At}, arg: op.Arg, node: op.Node, process: int32(op.Process), kind: kind}
	if kind != acquires && op.Old != "" {
		o.token = c.token(e, op.Old)
	}
	c.open[op.Process] = lockRef{l, len(l.ops)}
	l.ops = append(l.ops, o)
	c.counts[kind]++
}

// token reads a token, which is at least 1.
func (c *Lock) token(e *history.Event, text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		c.unknown("client %d has a token at %s that is no positive number: %q", e.Op.Process, seconds(e.At), text)
		return 0
	}
	return n
}

// Finish gives the verdict.
func (c *Lock) Finish() Result {
	for i, stat := range [...]string{"acquires", "releases", "fenced-writes"} {
		c.count(stat, c.counts[i])
	}
	if c.counts == [len(lockKinds)]int64{} {
		return c.result(c.Name(), "not checked: no lock was asked for")
	}
	if c.oks[acquires] == 0 {
		c.unknown("nobody got a lock, of %s", many(c.counts[acquires], "attempt"))
	}
	for _, l := range c.order {
		c.judgeTenures(l)
		c.judgeFence(l)
	}
	return c.result(c.Name(), fmt.Sprintf("%s had %s, never two at a time; %s accepted",
		many(len(c.order), "lock"), many(c.oks[acquires], "holder"), many(c.oks[fenced], "fenced write")))
}

// events rebuilds both ends of operations, as far as they have them.
func (l *lock) events(ops ...*lockOp) []history.Event {
	var out []history.Event
	for _, o := range ops {
		if o == nil {
			continue
		}
		out = append(out, l.event(o, false))
		if o.done != (stamp{}) {
			out = append(out, l.event(o, true))
		}
	}
	return out
}

func (l *lock) event(o *lockOp, completion bool) history.Event {
	op := &history.Op{
		Process: int(o.process), Node: o.node, Type: history.Invoke, F: lockKinds[o.kind], Key: l.key, Arg: o.arg,
	}
	token := strconv.FormatUint(o.token, 10)
	if o.kind == fenced || o.kind == releases && o.token > 0 {
		op.Old = token
	}
	at := o.ask
	if completion {
		at = o.done
		op.Type = [...]history.OpType{history.Info, history.OK, history.Fail}[o.outcome]
		if op.Type == history.OK && o.kind != fenced {
			op.Got, op.Saw = token, true
		}
	}
	return history.Event{Seq: at.seq, At: at.at, Op: op}
}

// describeLock says what is asked of a lock.
func describeLock(op *history.Op) string {
	switch op.F {
	case history.FAcquire:
		return fmt.Sprintf("lock %s as %s", op.Key, value(op.Arg))
	case history.FRelease:
		text := fmt.Sprintf("unlock %s as %s", op.Key, value(op.Arg))
		if token := orElse(op.Got, op.Old); token != "" && op.Type != history.Fail {
			text += " with token " + token
		}
		return text
	}
	return fmt.Sprintf("write %s = %s with token %s", op.Key, value(op.Arg), orElse(op.Old, "unknown"))
}
