package evidence

import (
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Availability measures how long the system was without a leader and how soon it
// served again after healing. These are numbers, not promises: Raft keeps safety
// at any timing. There are three rules: a healed system must serve again at all,
// it must serve the final reads that it owes once its members say that they are
// ready, and each of its members must come to know what was committed.
//
// A power failure excuses nothing, since what was synced is there after it; faults that may
// have taken that from a majority do.
//
// They are judged generously and only on a healthy machine: after healing a majority
// of the members ran, and not one operation succeeded, though some of the kinds that
// were tried had before. A stall of the harness for over a quarter of the election
// timeout excuses what comes until a while after it, and nothing else: from then on
// the system is judged anew (calm.go). It is broken if operations were tried for
// recovery() in one piece, wherever that is. Anything less is unknown, and so is
// whatever stopped members that is not in the history as a stall.
// Final reads are judged in finalreads.go; a member that has not caught up after as
// long, in catchup.go.
type Availability struct {
	verdict.Findings
	nodes    []string
	election time.Duration
	ready    time.Duration // how long members may take once started, if that is more than usual
	running  map[string]bool

	healed, stopped, end time.Duration // -1 until then
	evidence             []history.Event

	triedSince int64         // operations invoked since healing
	usual      bool          // one of them is of a kind that had succeeded before
	firstOK    time.Duration // the first success asked for after healing; -1
	calm       calm          // since shortly before healing
	down       bool          // less than a majority ran at some time since healing

	open verdict.Inflight[time.Duration] // invocation of each process's open operation
	pace pace

	reached map[string]*reach // by member
	goal    verdict.Slot      // the furthest commit of a leader told of before healing
	faults  map[int]bool      // steps that have begun and not ended
	whole   bool              // the history has its end
	apart   bool              // the harness itself kept members apart
	disks   Disks

	final finalReads
}

// NewAvailability returns the checker "availability".
func NewAvailability() *Availability {
	return &Availability{
		running: make(map[string]bool),
		reached: make(map[string]*reach), faults: make(map[int]bool),
		final: newFinalReads(), pace: newPace(),
		healed: -1, stopped: -1, firstOK: -1,
	}
}

// Name returns "availability".
func (*Availability) Name() string { return "availability" }

// recovery is how long a healed system may take to serve again: so long, after the
// time that its members may take to be ready, if that is more than usual.
func (c *Availability) recovery() time.Duration {
	return max(10*time.Second, 20*c.election) + c.ready
}

// Event takes the next event.
func (c *Availability) Event(e *history.Event) {
	c.end = max(c.end, e.At)
	c.pace.event(e)
	c.disks.Event(e)
	switch {
	case e.Run != nil:
		c.runEvent(e)
	case e.Proc != nil:
		c.proc(e)
	case e.Fault != nil:
		c.fault(e.Fault)
	case e.Raft != nil:
		c.knows(e)
	case e.Op != nil:
		c.op(e)
		if c.stopped < 0 {
			c.final.op(e)
		}
	case e.Claim != nil:
		if c.healed >= 0 && c.stopped < 0 {
			c.final.claimed(e)
		}
	}
}

func (c *Availability) runEvent(e *history.Event) {
	r := e.Run
	switch {
	case r.What == history.RunBegin:
		c.election, c.ready, c.nodes = r.Election, r.Ready, slices.Clone(r.Nodes)
	case r.What == history.RunStall:
		c.stall(e)
	case r.What == history.RunApart:
		c.apart = true
	case r.What == history.RunEnd:
		c.whole = true
	case r.What == history.RunPhase && r.Phase == history.PhaseHealed:
		c.healed = e.At
		for name, runs := range c.running {
			c.member(name).whole = runs
		}
		c.evidence = append(c.evidence, verdict.Keep(e))
		c.quorum()
	case r.What == history.RunPhase && r.Phase == history.PhaseStop:
		c.stopped = e.At
		c.evidence = append(c.evidence, verdict.Keep(e))
	}
}

// stall notes that the harness stalled. Of stalls before healing only the last one may
// still be felt after it.
func (c *Availability) stall(e *history.Event) {
	if e.Run.Stall <= c.election/4 {
		return
	}
	if c.healed < 0 {
		c.calm = calm{}
	}
	c.calm.stall(e.At, e.Run.Stall, c.election)
}

func (c *Availability) proc(e *history.Event) {
	p := e.Proc
	c.ran(p)
	switch p.What {
	case history.ProcStart:
		c.running[p.Node] = true
	case history.ProcExit:
		c.running[p.Node] = false
	}
	c.quorum()
}

// quorum notes when, after healing, less than a majority of the members runs.
func (c *Availability) quorum() {
	if c.healed < 0 || c.stopped >= 0 || len(c.running) == 0 {
		return
	}
	up := 0
	for _, name := range c.nodes {
		if c.running[name] {
			up++
		}
	}
	c.down = c.down || up <= len(c.nodes)/2
}

func (c *Availability) op(e *history.Event) {
	op := e.Op
	if op.Type == history.Invoke {
		c.open.Set(op.Process, e.At)
		if c.healed >= 0 && c.stopped < 0 {
			c.triedSince++
			c.usual = c.usual || c.final.kinds[op.F]
		}
		return
	}
	asked, known := c.open.Take(op.Process)
	if c.stopped >= 0 {
		return
	}
	if op.Type != history.OK {
		if c.healed >= 0 && c.firstOK < 0 {
			c.calm.failed(e.At)
		}
		return
	}
	if known && c.healed >= 0 && asked >= c.healed && c.firstOK < 0 {
		c.firstOK = e.At
	}
}

// Finish gives the verdict.
func (c *Availability) Finish() verdict.Result {
	summary := c.pace.tell(c.Count)
	if c.healed >= 0 {
		c.judge(&summary)
		c.refuses()
		c.stuck()
	}
	return c.Result(c.Name(), summary)
}

// judge applies the rule that a healed system serves at all.
func (c *Availability) judge(summary *string) {
	if c.firstOK >= 0 {
		c.Count("recovery-ms", (c.firstOK - c.healed).Milliseconds())
		*summary += fmt.Sprintf(", served %v after healing", (c.firstOK - c.healed).Round(time.Millisecond))
		return
	}
	if c.triedSince == 0 {
		*summary += ", no operation was tried after healing"
		return
	}
	until := c.end
	if c.stopped >= 0 {
		until = c.stopped
	}
	waited := until - c.healed
	text := fmt.Sprintf("no operation succeeded in %v after everything was healed, of %d tried", waited.Round(time.Millisecond), c.triedSince)
	refused, stalled := c.calm.refused(c.healed, until), c.calm.stalled(c.healed, until)
	if stalled {
		text += fmt.Sprintf(", %v of that in one piece without a stall of the harness", refused.Round(time.Millisecond))
	}
	switch {
	case c.apart:
		c.Unknown("%s, but the harness itself kept members apart", text)
	case c.disks.Spared(verdict.Forever) != "":
		c.Unknown("%s, but %s", text, c.disks.Spared(verdict.Forever))
	case c.down:
		c.Unknown("%s, but less than a majority of the members ran", text)
	case len(c.faults) > 0:
		c.Unknown("%s, but a fault had not ended", text)
	case !c.usual:
		c.Unknown("%s, but none of that kind had succeeded before either: is the client right?", text)
	case refused >= c.recovery():
		c.Violate("did not recover", text, c.evidence...)
	case stalled && waited >= c.recovery():
		c.Unknown("%s: the harness itself was stalled too often to judge, which takes %v without one", text, c.recovery())
	case waited >= c.recovery():
		c.Unknown("%s, but nobody tried for longer than %v, which takes %v to judge", text, refused.Round(time.Millisecond), c.recovery())
	default:
		c.Unknown("%s: too short a time to judge, which takes 20 election timeouts and at least 10s, after what members need to be ready: %v", text, c.recovery())
	}
}
