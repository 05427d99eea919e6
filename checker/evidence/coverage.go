// Package evidence asks whether a run was one that proves anything, and what it
// shows besides the rules of a protocol: whether the system served, whether its
// members crashed, caught up, and hold the same data.
//
// Read coverage.go first.
package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// NoWorkload is the workload name of a run without clients.
const NoWorkload = "none"

// Coverage guards against the run in which nothing happened, which every other
// checker would call valid. It never says Invalid: what it misses makes the
// verdict unknown. It demands
//
//   - a whole history: the run's begin and end events, no hole in the taps, none
//     in the traces;
//   - members that the harness did not keep apart but by faults, and did nothing to that
//     no fault says;
//   - a whole run: one that was interrupted may have missed what it was for;
//   - of a random plan, that there was time for a fault;
//   - that every injected fault had an effect, unless its step is optional, or no person
//     wrote it and it met members that lost power or stood still, and
//     that at least one did if there was a plan, and one of those on traffic if there
//     were several: members that speak past the proxy layer escape all of them;
//   - of a plan that a person wrote, that every step which is not optional was
//     injected: none was skipped, never fired or found no target. Those of other
//     plans are counted, not judged;
//   - operations that succeeded before, during and after the faults;
//   - a leader, where raft events are to be had;
//   - final reads, if they were begun.
type Coverage struct {
	verdict.Findings
	verdict.Sources
	workload string
	begun    bool
	steps    int
	authored bool // a person wrote the plan
	drawn    bool // it is a random one, about some theme
	phase    string
	faults   map[int]*stepState
	tried    int64
	before   int64 // successes, by when they completed
	during   int64
	after    int64
	injected bool
	traffic  struct{ injected, bit int64 } // faults on what members say to each other
	final    struct{ asked, answered int64 }
	leaders  int64
	finality bool // PhaseFinal was reached

	interrupted bool // before the plan had ended
	spoilt      string
	election    time.Duration
	wire        *history.Wire
	heard       *history.Heard
}

// manyFaults is how many on traffic may have no effect, each for a reason of its own.
const manyFaults = 3

// stepState is what became of a step of the plan.
type stepState struct {
	inject history.Event
	open   bool // it has not ended
	stops  bool // members cannot speak meanwhile
	idle   bool // one of those that do that was in force together with it
}

// NewCoverage returns the checker "coverage".
func NewCoverage() *Coverage { return &Coverage{faults: make(map[int]*stepState)} }

// Name returns "coverage".
func (*Coverage) Name() string { return "coverage" }

// Event takes the next event.
func (c *Coverage) Event(e *history.Event) {
	c.Deed(e)
	switch {
	case e.Run != nil:
		switch e.Run.What {
		case history.RunBegin:
			c.begun, c.workload, c.steps, c.authored = true, e.Run.Workload, e.Run.Steps, e.Run.Authored
			c.drawn, c.election = len(e.Run.Themes) > 0, e.Run.Election
			c.wire = e.Run.Wire
		case history.RunHeard:
			c.heard = e.Run.Heard
		case history.RunPhase:
			c.phase = e.Run.Phase
			c.finality = c.finality || c.phase == history.PhaseFinal
		case history.RunNote:
			if n := e.Run.Untried; n > 0 {
				c.Count("operations-untried", int64(n))
			}
		case history.RunUntap:
			c.Unknown("%s", e.Run.Text)
		case history.RunUntrace:
			c.Unknown("the trace of %s has a hole: %s", e.Run.Node, e.Run.Text)
		case history.RunSpoilt:
			c.spoilt = e.Run.Text
		case history.RunApart:
			c.Unknown("the harness itself kept members apart: %s", e.Run.Text)
		case history.RunEnd:
			if e.Run.Text != "" {
				c.interrupted = true
				c.Unknown("the run did less than was planned: %s", e.Run.Text)
			}
		}
	case e.Fault != nil:
		c.fault(e)
	case e.Op != nil:
		c.op(e.Op)
	case e.Raft != nil:
		if e.Raft.What == history.RaftLeader {
			c.leaders++
		}
	}
}

func (c *Coverage) fault(e *history.Event) {
	f := e.Fault
	s := c.faults[f.Step]
	if s == nil {
		s = &stepState{}
		c.faults[f.Step] = s
	}
	switch f.What {
	case history.FaultInject:
		c.injected = true
		s.inject, s.open = verdict.Keep(e), true
		s.stops = theFault(f, slices.Concat(stopsMembers(), takesSynced(""), standsStill())...) != ""
		c.meets(s)
		c.Count("faults-injected", 1)
		if f.Traffic {
			c.traffic.injected++
		}
	case history.FaultHeal:
		s.open = false
		if f.Bit {
			c.Count("faults-bit", 1)
			if f.Traffic {
				c.traffic.bit++
			}
		} else if f.Traffic && s.idle && !c.authored {
			c.Count("faults-without-traffic", 1)
		} else if !f.Optional {
			text := verdict.OrElse(f.Resolved, f.Text)
			switch {
			case f.Reason != "":
				text += ": " + f.Reason
			case len(f.Evidence) > 0:
				text += ": " + counted(f.Evidence, func(string) bool { return true })
			}
			c.Unknown("fault %d had no effect: %s", f.Step, text)
		}
	case history.FaultNotStarted:
		c.Count("faults-not-started", 1)
	default:
		s.open = false
		c.Count("faults-"+string(f.What), 1)
		if c.authored && !f.Optional {
			c.Unknown("%s%s: %q: %s", stepName(f), idle(f.What), f.Text, f.Reason)
		}
	}
}

// standsStill lists the words of plans for further faults under which members may say nothing.
func standsStill() []string { return []string{"slow-sync", "slow", "freeze"} }

// meets notes of a fault that was injected which others it is in force together with. How
// long a power failure takes, or a member to come back from it, no random plan knows.
func (c *Coverage) meets(s *stepState) {
	for _, o := range c.faults {
		if o != s && o.open {
			s.idle = s.idle || o.stops
			o.idle = o.idle || s.stops
		}
	}
}

// stepName is how a person finds the step in the plan.
func stepName(f *history.Fault) string {
	if f.Line > 0 {
		return fmt.Sprintf("step %d, in line %d of the plan, ", f.Step, f.Line)
	}
	return fmt.Sprintf("step %d of the plan ", f.Step)
}

// idle says what became of a step that struck nobody.
func idle(what history.FaultWhat) string {
	switch what {
	case history.FaultSkipped:
		return "was skipped"
	case history.FaultNotFired:
		return "never fired"
	case history.FaultNoTarget:
		return "found nobody to strike"
	}
	return string(what)
}

func (c *Coverage) op(op *history.Op) {
	if op.Type == history.Invoke {
		c.tried++
		if op.Final {
			c.final.asked++
		}
		return
	}
	if op.Type != history.OK {
		return
	}
	if op.Final {
		c.final.answered++
	}
	switch c.phase {
	case history.PhaseHealed, history.PhaseFinal, history.PhaseStop:
		c.after++
	default:
		if c.injected {
			c.during++
		} else {
			c.before++
		}
	}
}

// Finish gives the verdict.
func (c *Coverage) Finish() verdict.Result {
	c.Count("ops", c.tried)
	c.Count("ops-ok-before", c.before)
	c.Count("ops-ok-during", c.during)
	c.Count("ops-ok-after", c.after)
	c.Count("leaders", c.leaders)
	if c.spoilt != "" { // all that is missing is missing for that
		c.Foremost("the run is judged up to here, as nothing follows from what comes after: %s", c.spoilt)
		return c.Result(c.Name(), c.struck())
	}
	if !c.begun {
		c.Unknown("the history has no begin event")
	}
	if !c.Ended {
		c.Unknown("the history was cut short: it has no end event")
	}
	for _, why := range c.Torn() {
		c.Unknown("%s", why)
	}
	if left := c.Counted("faults-not-started"); left > 0 {
		why := "the attack ended early" // at a broken rule
		if c.interrupted {
			why = "interrupted"
		}
		c.Unknown("%s, %d of %s of the plan not started", why, left, count.Many(c.steps, "step"))
	}
	if c.drawn && c.steps == 0 {
		c.Unknown("the random plan has no fault, for which the time is too short: give it longer with --for (a clean run is --plan none)")
	}
	c.judgeFaults()
	c.judgeOps()
	if (c.Traced || c.Tapped) && c.leaders == 0 {
		c.Unknown("no member was ever seen to lead")
	}
	text := fmt.Sprintf("%s, %s succeeded before them, %d during, %d after",
		c.struck(), count.Many(c.before, "operation"), c.during, c.after)
	if n := c.Counted("operations-untried"); n > 0 {
		text += fmt.Sprintf("; %d that arrived %s not tried, since all clients waited", n, count.Word(n, "was", "were"))
	}
	c.understood()
	r := c.Result(c.Name(), text)
	r.Told = c.told()
	return r
}

// understood doubts a run of which most was not understood.
func (c *Coverage) understood() {
	if c.heard == nil {
		return
	}
	var strange uint64
	for _, n := range c.heard.Strange {
		strange += n
	}
	c.Count("messages-strange", int64(strange))
	c.Count("bytes-undecoded", int64(c.heard.Undecoded))
	if strange > mostlyStrange*c.heard.Messages {
		c.Unknown("the traffic is hardly understood: %s", verdict.Heard(c.heard))
	}
}

// mostlyStrange is how often what is not known may come for each message that is: one that
// is understood may have several fields that are not.
const mostlyStrange = 4

// told says how the traffic was read, and what was not understood of it: that is no
// evidence of anything.
func (c *Coverage) told() string {
	var parts []string
	if w := c.wire; w != nil {
		parts = append(parts, "the traffic was read as "+w.Dialect)
		if w.Term != "" {
			parts = append(parts, "what is called a term here is "+w.Term+" there")
		}
		if w.Main != "" {
			parts = append(parts, "the group without a name is "+w.Main)
		}
	}
	if h := c.heard; h != nil && (len(h.Strange)+len(h.Aside) > 0 || h.Undecoded > 0) {
		parts = append(parts, verdict.Heard(h))
	}
	if c.drawn && c.steps > 0 && c.steps < few && c.election >= slow {
		parts = append(parts, fmt.Sprintf("a random plan of %s: with an election timeout of %s a longer --for has more of them", count.Many(c.steps, "fault"), c.election))
	}
	return strings.Join(parts, "; ")
}

// A plan of fewer than few faults shows little, where members whose elections are slow leave
// no time for more.
const (
	few  = 4
	slow = time.Second
)

// struck says how many faults bit, of those that were put in force, and what became of
// the other steps of the plan.
func (c *Coverage) struck() string {
	text := fmt.Sprintf("%d of %s bit", c.Counted("faults-bit"), count.Many(c.Counted("faults-injected"), "fault"))
	var others []string
	for _, what := range []struct{ stat, text string }{
		{"faults-skipped", "skipped"}, {"faults-not-fired", "not fired"}, {"faults-no-target", "without a target"}, {"faults-not-started", "not started"},
	} {
		if n := c.Counted(what.stat); n > 0 {
			others = append(others, fmt.Sprintf("%d %s", n, what.text))
		}
	}
	if len(others) == 0 {
		return text
	}
	return text + " (" + strings.Join(others, ", ") + ")"
}

func (c *Coverage) judgeFaults() {
	for _, step := range slices.Sorted(maps.Keys(c.faults)) {
		if s := c.faults[step]; s.open && !s.inject.Fault.Optional {
			c.Unknown("fault %d has no end: %s", step, verdict.OrElse(s.inject.Fault.Resolved, s.inject.Fault.Text))
		}
	}
	if !c.authored && c.traffic.bit == 0 && c.traffic.injected >= manyFaults {
		c.Unknown("none of %s on traffic had any effect: see that members reach each other by the addresses that they are given", count.Many(c.traffic.injected, "fault"))
	}
	if c.steps == 0 || c.Counted("faults-bit") > 0 {
		return
	}
	if !c.injected {
		c.Unknown("no fault was injected although the plan has %s", count.Many(c.steps, "step"))
		return
	}
	c.Unknown("no fault had any effect although the plan has %s", count.Many(c.steps, "step"))
}

func (c *Coverage) judgeOps() {
	if c.workload == NoWorkload {
		return
	}
	if c.tried == 0 {
		c.Unknown("no operation was tried")
		return
	}
	if c.before+c.during+c.after == 0 {
		c.Unknown("no operation succeeded")
		return
	}
	if c.injected {
		if c.before == 0 {
			c.Unknown("no operation succeeded before the first fault")
		}
		if c.during == 0 {
			c.Unknown("no operation succeeded while faults were in force")
		}
		if c.after == 0 {
			c.Unknown("no operation succeeded after the faults were healed")
		}
	}
	if c.final.asked > 0 && c.final.answered == 0 {
		c.Unknown("none of %s succeeded", count.Many(c.final.asked, "final read"))
	}
	if c.Ended && c.injected && !c.finality && c.final.asked == 0 {
		c.Unknown("the run never came to its final reads")
	}
}
