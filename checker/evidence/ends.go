package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// ends follows whose process may end by itself, since it cannot go on, and whose has.
type ends struct {
	disk   string // the kind of the members' own
	now    time.Duration
	force  []strain            // faults in force under which members may end
	struck map[string][]strain // by member, such faults that its process has lived through
	rotten map[string][]strain // by member, faults that may have taken what it had synced
	down   map[string]end      // by member that has no process, how that ended
}

// strain is a fault under which members may end.
type strain struct {
	step  int
	what  string
	nodes []string
	until time.Duration // when nobody can end of it any more; 0 while that is not known
}

// end is how a process ended, and after what it may have, if it may.
type end struct{ how, why string }

func newEnds() ends {
	return ends{struck: make(map[string][]strain), rotten: make(map[string][]strain), down: make(map[string]end)}
}

// stopsMembers lists the words of plans for faults under which a member may end, besides
// those of takesSynced.
func stopsMembers() []string { return []string{powerFailure, "fail-write", "full", starving, "deaf"} }

// starving is the word of plans for the fault whose end nobody has to fear any more: who was
// not killed for want of memory has lost nothing.
const starving = "starve"

// killedLate is how long after memory is back it may be told that a process was killed for it.
const killedLate = 2 * time.Second

func (c *ends) event(e *history.Event) {
	c.now = e.At
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		c.disk = strings.Clone(e.Run.Disk)
	case e.Fault != nil:
		c.fault(e.Fault)
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.started(e.Proc.Node)
	case e.Proc != nil && e.Proc.What == history.ProcExit:
		c.down[strings.Clone(e.Proc.Node)] = end{howEnded(e.Proc), c.may(e.Proc.Node)}
	}
}

func (c *ends) fault(f *history.Fault) {
	what := theFault(f, slices.Concat(stopsMembers(), takesSynced(c.disk))...)
	switch {
	case what == "":
	case f.What == history.FaultInject:
		s := strain{step: f.Step, what: what, nodes: with(nil, f.Nodes)}
		c.force = append(c.force, s)
		for _, n := range s.nodes {
			c.struck[n] = append(c.struck[n], s)
			if slices.Contains(takesSynced(c.disk), what) {
				c.rotten[n] = append(c.rotten[n], s)
			}
		}
	default:
		c.over(f, what)
	}
}

// over ends a fault. What had no effect is no reason to end later.
func (c *ends) over(f *history.Fault, what string) {
	of := func(s strain) bool { return s.step == f.Step }
	c.force = slices.DeleteFunc(c.force, of)
	for n := range c.struck {
		switch {
		case withoutEffect(f):
			c.struck[n] = slices.DeleteFunc(c.struck[n], of)
		case what == starving:
			for i := range c.struck[n] {
				if s := &c.struck[n][i]; of(*s) {
					s.until = c.now + killedLate
				}
			}
		}
	}
	if withoutEffect(f) {
		for n := range c.rotten {
			c.rotten[n] = slices.DeleteFunc(c.rotten[n], of)
		}
	}
	c.retried(f, what)
}

// syncsRetried counts the syncs of an open file that succeeded after one of it had failed.
const syncsRetried = "syncs-retried"

// retried holds a member to what is in its files all the same, if nothing else was taken from it
// than what it was told of, and it went on with that very file as though the next sync had made
// it good: what was synced before is there.
func (c *ends) retried(f *history.Fault, what string) {
	if what != "fail-sync" || c.disk != "fuse" || len(f.Nodes) != 1 || f.Evidence[syncsRetried] == 0 {
		return
	}
	if all := c.rotten[f.Nodes[0]]; len(all) == 1 && all[0].step == f.Step {
		delete(c.rotten, f.Nodes[0])
	}
}

// started forgets what only the process before has lived through. That a disk had no power
// is over with the start.
func (c *ends) started(node string) {
	delete(c.struck, node)
	delete(c.down, node)
	for _, s := range c.force {
		if s.what != powerFailure && slices.Contains(s.nodes, node) {
			c.struck[strings.Clone(node)] = append(c.struck[node], s)
		}
	}
}

// may says after what a member may end by itself; "" if it may not.
func (c *ends) may(node string) string {
	for _, all := range [][]strain{c.struck[node], c.rotten[node]} {
		for i := range slices.Backward(all) {
			if s := &all[i]; s.until == 0 || c.now <= s.until {
				return s.what
			}
		}
	}
	return ""
}

// excused says how a member ended that has no process now, and after what it may have.
func (c *ends) excused(node string) (how, why string, ok bool) {
	was, down := c.down[node]
	if was.why == "" {
		was.why = c.may(node)
	}
	return was.how, was.why, down && was.why != ""
}

func howEnded(p *history.Proc) string {
	if p.Signal != "" {
		return "ended by " + p.Signal
	}
	return fmt.Sprintf("ended with code %d", p.Code)
}
