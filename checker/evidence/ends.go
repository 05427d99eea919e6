package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// ends follows whose process may end by itself, since it cannot go on, and whose has.
type ends struct {
	disk    string            // the kind of the members' own
	force   map[int]string    // faults in force under which members may end, by step
	members map[int][]string  // whom those in force hit
	struck  map[string]string // by member, such a fault that its process has lived through
	rotten  map[string]string // by member, a fault that may have taken what it had synced
	by      map[string]int    // by member, the step that was the first to
	down    map[string]string // by member that has no process, how that ended
}

func newEnds() ends {
	return ends{
		force: make(map[int]string), members: make(map[int][]string),
		struck: make(map[string]string), rotten: make(map[string]string), by: make(map[string]int), down: make(map[string]string),
	}
}

// stopsMembers lists the words of plans for faults under which a member may end, besides
// those of takesSynced.
func stopsMembers() []string { return []string{powerFailure, "fail-write", "full", "starve", "deaf"} }

func (c *ends) event(e *history.Event) {
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		c.disk = strings.Clone(e.Run.Disk)
	case e.Fault != nil:
		c.fault(e.Fault)
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.started(e.Proc.Node)
	case e.Proc != nil && e.Proc.What == history.ProcExit:
		c.down[strings.Clone(e.Proc.Node)] = howEnded(e.Proc)
	}
}

func (c *ends) fault(f *history.Fault) {
	what := theFault(f, slices.Concat(stopsMembers(), takesSynced(c.disk))...)
	switch {
	case what == "":
	case f.What == history.FaultInject:
		c.force[f.Step], c.members[f.Step] = what, slices.Clone(f.Nodes)
		for _, n := range f.Nodes {
			c.struck[strings.Clone(n)] = what
			if !slices.Contains(takesSynced(c.disk), what) {
				continue
			}
			if c.rotten[n] == "" {
				c.by[strings.Clone(n)] = f.Step
			} else {
				delete(c.by, n) // more than one
			}
			c.rotten[strings.Clone(n)] = what
		}
	default:
		c.retried(f, what)
		delete(c.force, f.Step)
		delete(c.members, f.Step)
	}
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
	if n := f.Nodes[0]; c.rotten[n] == what && c.by[n] == f.Step {
		delete(c.rotten, n)
		delete(c.by, n)
	}
}

// started forgets what only the process before has lived through. That a disk had no power
// is over with the start.
func (c *ends) started(node string) {
	delete(c.struck, node)
	delete(c.down, node)
	for step, what := range c.force {
		if what != powerFailure && slices.Contains(c.members[step], node) {
			c.struck[node] = what
		}
	}
}

// may says after what a member may end by itself; "" if it may not.
func (c *ends) may(node string) string { return verdict.OrElse(c.struck[node], c.rotten[node]) }

// excused says how a member ended that has no process now, and after what it may have.
func (c *ends) excused(node string) (how, why string, ok bool) {
	how, down := c.down[node]
	why = c.may(node)
	return how, why, down && why != ""
}

func howEnded(p *history.Proc) string {
	if p.Signal != "" {
		return "ended by " + p.Signal
	}
	return fmt.Sprintf("ended with code %d", p.Code)
}
