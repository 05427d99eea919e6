package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// rival is what may have taken a write besides a failure of power or disks: that another
// member led, whose log did not have it, or that a process ended that had not written it.
type rival struct {
	at     verdict.Stamp
	node   string
	led    bool
	group  string
	killed bool
}

// reign is a term of a group with a leader.
type reign struct {
	group string
	term  uint64
}

// led notes that a member leads a term, the first time it is told.
func (c *Lost) led(e *history.Event) {
	r := reign{e.Raft.Group, e.Raft.Term}
	if c.follows && !c.leads[r] {
		r.group = strings.Clone(r.group)
		c.leads[r] = true
		c.rivals = append(c.rivals, rival{at: verdict.StampOf(e), node: strings.Clone(e.Raft.Node), led: true, group: r.group})
	}
}

// ended notes that a process did.
func (c *Lost) ended(e *history.Event) {
	of := false
	for _, f := range c.failures {
		if e.Proc.Expected && f.takes(e.Proc.Node) {
			f.cut, of, f.gone = verdict.StampOf(e), true, with(f.gone, []string{e.Proc.Node})
		}
	}
	if c.follows && !of {
		c.rivals = append(c.rivals, rival{at: verdict.StampOf(e), node: strings.Clone(e.Proc.Node), killed: e.Proc.Expected})
	}
}

// started notes that a member that has no power any more has it again: what ends it from then
// on is something else.
func (c *Lost) started(node string) {
	for _, f := range c.failures {
		if f.heal.Fault == nil && slices.Contains(f.gone, node) {
			f.back = with(f.back, []string{node})
		}
	}
}

// takes tells whether it is a member's process that the failure ends.
func (f *failure) takes(node string) bool {
	return f.heal.Fault == nil && slices.Contains(f.inject.Fault.Nodes, node) && !slices.Contains(f.back, node)
}

// rivalsOf lists what else may have taken a write between two events than the failures that
// may have. That somebody leads again after one that took the leader, or a majority, is due
// to it.
func (c *Lost) rivalsOf(from, until uint64, may []*failure) (all []rival) {
	due := make(map[*failure]map[string]bool) // groups that have a leader again
	leader := make(map[string]string)         // of a group
	for i := range c.rivals {
		r := &c.rivals[i]
		if r.at.Seq >= until {
			break
		}
		if r.at.Seq > from && !(r.led && isDue(r, leader[r.group], may, due, c.members)) {
			all = append(all, *r)
		}
		if r.led {
			leader[r.group] = r.node
		}
	}
	return all
}

// isDue tells whether r leads because of one of the failures, and notes that somebody does.
func isDue(r *rival, before string, may []*failure, due map[*failure]map[string]bool, members int) (is bool) {
	for _, f := range may {
		nodes := f.inject.Fault.Nodes
		if r.at.Seq < f.cut.Seq || due[f][r.group] || 2*len(nodes) <= members && before != "" && !slices.Contains(nodes, before) {
			continue
		}
		if due[f] == nil {
			due[f] = make(map[string]bool)
		}
		due[f][r.group], is = true, true
	}
	return is
}

// rivalsTold is how many of a kind are told.
const rivalsTold = 3

// rivalsText tells of them: leaders changed at 6.612s, n2 was killed at 6.700s.
func rivalsText(all []rival) string {
	var led, ends []string
	for i := range all {
		switch r := &all[i]; {
		case r.led:
			led = append(led, verdict.Seconds(r.at.At))
		case r.killed:
			ends = append(ends, fmt.Sprintf("%s was killed at %s", r.node, verdict.Seconds(r.at.At)))
		default:
			ends = append(ends, fmt.Sprintf("%s ended at %s", r.node, verdict.Seconds(r.at.At)))
		}
	}
	var parts []string
	switch len(led) {
	case 0:
	case 1:
		parts = append(parts, "the leader changed at "+led[0])
	default:
		parts = append(parts, "leaders changed at "+firstFew(led))
	}
	if len(ends) > 0 {
		parts = append(parts, firstFew(ends))
	}
	return strings.Join(parts, "; ")
}

// firstFew lists the first of them.
func firstFew(all []string) string {
	if more := len(all) - rivalsTold; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:rivalsTold], ", "), more)
	}
	return strings.Join(all, ", ")
}
