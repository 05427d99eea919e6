package evidence

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// reach is how far a member knew the log committed, by its own trace.
type reach struct {
	index uint64
	event verdict.Slot
	// whole tells that the member ran when everything was healed, and was neither
	// started nor ended from then until the nodes were stopped.
	whole bool
}

func (c *Availability) member(name string) *reach {
	m := c.reached[name]
	if m == nil {
		m = &reach{}
		c.reached[name] = m
	}
	return m
}

// knows notes what a member knows committed, and what was known at all before
// everything was healed.
func (c *Availability) knows(e *history.Event) {
	r := e.Raft
	index := r.Index
	switch {
	case r.Source != history.Trace:
		return
	case r.What == history.RaftStart:
		index = r.Commit
	case r.What == history.RaftCommit, r.What == history.RaftInstall:
	default:
		return
	}
	m := c.member(r.Node)
	if index >= m.index || r.What == history.RaftStart {
		m.index = index
		m.event.Set(e)
	}
	if c.healed < 0 && r.What == history.RaftCommit && r.Lead && (c.goal.Event.Raft == nil || index > c.goal.Raft.Index) {
		c.goal.Set(e)
	}
}

// ran notes who was there all the time from healing to the stop.
func (c *Availability) ran(p *history.Proc) {
	if c.healed >= 0 && c.stopped < 0 && (p.What == history.ProcStart || p.What == history.ProcExit) {
		c.member(p.Node).whole = false
	}
}

// fault notes faults that have begun and not ended.
func (c *Availability) fault(f *history.Fault) {
	switch f.What {
	case history.FaultInject:
		c.faults[f.Step] = true
	case history.FaultHeal, history.FaultSkipped:
		delete(c.faults, f.Step)
	}
}

// stuck finds members that ran for at least recovery() with all faults healed,
// while the system served, and at the end of it did not know committed what a
// leader had committed before the healing. If no stretch of that time was so long
// without a stall of the harness (each stands for a change of leaders, too), or less
// than a majority ran, it is unknown why.
//
// Of a member without a trace nothing is said, nor of one that was started or
// ended meanwhile, nor while a fault has not told of its end. The history must be
// whole, since a commit that is merged late raises what a member has reached; one
// that is told of late only lowers what is asked of it.
func (c *Availability) stuck() {
	if c.goal.Event.Raft == nil || c.stopped < 0 || !c.whole || len(c.faults) > 0 ||
		c.firstOK < 0 || c.stopped-c.firstOK < c.recovery() {
		return
	}
	goal := c.goal.Raft.Index
	for _, name := range slices.Sorted(maps.Keys(c.reached)) {
		m := c.reached[name]
		if !m.whole || m.index >= goal || m.event.Event.Raft == nil {
			continue
		}
		text := fmt.Sprintf("%s knew entries up to %d committed when it was stopped, %s after everything was healed, although entry %d was committed before that",
			name, m.index, verdict.Seconds(c.stopped-c.healed), goal)
		if why := c.disks.Spared(verdict.Forever); why != "" {
			c.Unknown("%s; but %s", text, why)
			continue
		}
		if slices.Contains(c.disks.Silent(verdict.Forever), name) { // it need not know what it lacks, nor its leader
			c.Unknown("%s; but faults may have taken without a word what it had synced", text)
			continue
		}
		if c.down || c.apart || c.calm.longest(c.firstOK, c.stopped) < c.recovery() {
			c.Unknown("%s; but the machine was too busy, or less than a majority ran", text)
			continue
		}
		c.Violate("a member did not catch up", text, slices.Concat(c.goal.Get(), m.event.Get(), c.evidence)...)
	}
}
