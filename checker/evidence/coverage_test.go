package evidence_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A trace that lacks something makes the run one of which not everything is known.
func TestCoverageOfTornTraces(t *testing.T) {
	whole := func(do func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			c := tape.WholeRun()
			c.End = false
			h := c.Build()
			do(h)
			h.End()
			return h
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewCoverage() }, []tape.Row{
		{Name: "whole", Build: whole(func(h *tape.Tape) { h.Follow("n2", "", 1) }), Want: verdict.Valid},
		{Name: "an event is missing", Build: whole(func(h *tape.Tape) { h.Seq["n2"]++; h.Follow("n2", "", 1) }), Want: verdict.Unknown},
		{Name: "a process whose first events are missing", Build: whole(func(h *tape.Tape) {
			h.Restart("n2", 1, "")
			h.Seq["n2"] = 4
			h.Events = h.Events[:len(h.Events)-1]
			h.Follow("n2", "", 1)
		}), Want: verdict.Unknown},
		{Name: "a process that was killed before it served, without a word", Build: whole(func(h *tape.Tape) {
			h.Proc(history.Proc{Node: "n2", What: history.ProcStart, Inc: 2})
			h.Proc(history.Proc{Node: "n2", What: history.ProcExit, Inc: 2, Signal: "killed", Expected: true})
		}), Want: verdict.Valid},
		{Name: "a line could not be read", Build: whole(func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunUntrace, Node: "n2", Text: "torn"})
		}), Want: verdict.Unknown},
	})
}

func TestCoverage(t *testing.T) {
	with := func(change func(c *tape.Whole)) func() *tape.Tape {
		c := tape.WholeRun()
		change(&c)
		return c.Build
	}
	// written is a run whose plan is a person's, with one more step.
	written := func(f history.Fault) func() *tape.Tape {
		return with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) {
				h.Events[0].Run.Authored = true
				h.Fault(f)
			}
		})
	}
	// idle has a fault on traffic do nothing that begins while another is in force.
	idle := func(authored bool, other string) func(c *tape.Whole) {
		return func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) {
				h.Events[0].Run.Authored = authored
				h.Fault(history.Fault{Step: 2, What: history.FaultInject, Text: "at 1s for 1s " + other, Nodes: []string{"n1", "n2"}})
				h.Fault(history.Fault{Step: 3, What: history.FaultInject, Text: "at 1s for 1s isolate n1", Traffic: true})
				h.Fault(history.Fault{Step: 2, What: history.FaultHeal, Text: "at 1s for 1s " + other, Bit: true})
				h.Fault(history.Fault{Step: 3, What: history.FaultHeal, Text: "at 1s for 1s isolate n1", Traffic: true})
			}
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewCoverage() }, []tape.Row{
		{Name: "everything happened", Build: tape.WholeRun().Build, Want: verdict.Valid},
		{Name: "no fault planned", Build: with(func(c *tape.Whole) { c.Steps, c.Bit = 0, 0 }), Want: verdict.Valid},
		{Name: "a random plan without a fault", Build: with(func(c *tape.Whole) {
			c.Steps, c.Bit = 0, 0
			c.Extra = func(h *tape.Tape) { h.Events[0].Run.Themes = []string{"power-loss"} }
		}), Want: verdict.Unknown},
		{Name: "a random plan with one", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Events[0].Run.Themes = []string{"power-loss"} }
		}), Want: verdict.Valid},
		{Name: "cut short", Build: with(func(c *tape.Whole) { c.End = false }), Want: verdict.Unknown},
		{Name: "no leader", Build: with(func(c *tape.Whole) { c.Leader = false }), Want: verdict.Unknown},
		{Name: "nothing before", Build: with(func(c *tape.Whole) { c.Before = false }), Want: verdict.Unknown},
		{Name: "nothing during", Build: with(func(c *tape.Whole) { c.During = false }), Want: verdict.Unknown},
		{Name: "nothing after", Build: with(func(c *tape.Whole) { c.After, c.Final = false, false }), Want: verdict.Unknown},
		{Name: "no final read", Build: with(func(c *tape.Whole) { c.Final = false }), Want: verdict.Unknown},
		{Name: "a fault that did not bite", Build: with(func(c *tape.Whole) { c.Steps = 2 }), Want: verdict.Unknown},
		{Name: "… since members had no power", Build: with(idle(false, "power-failure n1 n2 keep nothing")), Want: verdict.Valid},
		{Name: "… that a person wrote", Build: with(idle(true, "power-failure n1 n2 keep nothing")), Want: verdict.Unknown},
		{Name: "… and other members were cut off", Build: with(idle(false, "isolate n3")), Want: verdict.Unknown},
		{Name: "a fault that need not bite", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) {
				h.Fault(history.Fault{Step: 2, What: history.FaultInject, Optional: true})
				h.Fault(history.Fault{Step: 2, What: history.FaultHeal, Optional: true})
			}
		}), Want: verdict.Valid},
		{Name: "no traffic was met", Build: with(onTraffic(3, 0)), Want: verdict.Unknown},
		{Name: "some traffic was met", Build: with(onTraffic(3, 1)), Want: verdict.Valid},
		{Name: "little traffic was looked for", Build: with(onTraffic(2, 0)), Want: verdict.Valid},
		{Name: "a fault without an end", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Fault(history.Fault{Step: 2, What: history.FaultInject}) }
		}), Want: verdict.Unknown},
		{Name: "a step that never fired", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Fault(history.Fault{Step: 2, What: history.FaultNotFired}) }
		}), Want: verdict.Valid},
		{Name: "a step of a person's plan that never fired", Build: written(history.Fault{Step: 2, Line: 7, What: history.FaultNotFired}), Want: verdict.Unknown},
		{Name: "a step of a person's plan that was skipped", Build: written(history.Fault{Step: 2, What: history.FaultSkipped}), Want: verdict.Unknown},
		{Name: "a step of a person's plan that found nobody", Build: written(history.Fault{Step: 2, What: history.FaultNoTarget}), Want: verdict.Unknown},
		{Name: "a step of a person's plan that was still to come", Build: written(history.Fault{Step: 2, What: history.FaultNotStarted}), Want: verdict.Unknown},
		{Name: "a step that was still to come", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) {
				h.Fault(history.Fault{Step: 2, What: history.FaultNotStarted, Optional: true})
			}
		}), Want: verdict.Unknown},
		{Name: "a step of a person's plan that may do nothing", Build: written(history.Fault{Step: 2, What: history.FaultNoTarget, Optional: true}), Want: verdict.Valid},
		{Name: "no step fired", Build: with(func(c *tape.Whole) {
			c.Steps, c.Bit = 0, 0
			c.Extra = func(h *tape.Tape) {
				h.Events[0].Run.Steps = 1
				h.Fault(history.Fault{Step: 1, What: history.FaultNoTarget})
			}
		}), Want: verdict.Unknown},
		{Name: "a hole in the taps", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Run(history.Run{What: history.RunUntap, Text: "n1 > n2"}) }
		}), Want: verdict.Unknown},
		{Name: "members kept apart by the harness", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Run(history.Run{What: history.RunApart, Text: "5 in a row"}) }
		}), Want: verdict.Unknown},
		{Name: "spoilt by the harness", Build: with(func(c *tape.Whole) {
			c.Extra = func(h *tape.Tape) { h.Run(history.Run{What: history.RunSpoilt, Text: "a disk lied"}) }
		}), Want: verdict.Unknown},
		{Name: "nothing at all", Build: func() *tape.Tape { return tape.New(history.Run{}) }, Want: verdict.Unknown},
	})
}

// What a step of a person's plan did not do is told with its line.
func TestCoverageNamesTheLine(t *testing.T) {
	c := tape.WholeRun()
	c.Extra = func(h *tape.Tape) {
		h.Events[0].Run.Authored = true
		h.Fault(history.Fault{Step: 2, Line: 7, What: history.FaultNotFired, Text: "on install restart it", Reason: "no such event came"})
	}
	result := c.Build().Judge(evidence.NewCoverage())
	require.Contains(t, result.Unknowns[0], `step 2, in line 7 of the plan, never fired: "on install restart it": no such event came`)
}

// What spoilt a run is told before what it did to the plan.
func TestCoverageNamesFirstWhatSpoiltTheRun(t *testing.T) {
	c := tape.WholeRun()
	c.Extra = func(h *tape.Tape) {
		h.Events[0].Run.Authored = true
		for step := range 60 {
			h.Fault(history.Fault{Step: 2 + step, Line: 2 + step, What: history.FaultSkipped, Text: "at 3s restart n1", Reason: "n1 is already down"})
		}
		h.Run(history.Run{What: history.RunSpoilt, Text: "the disk of n1 did not come back"})
	}
	result := c.Build().Judge(evidence.NewCoverage())
	require.Equal(t, verdict.Unknown, result.Verdict)
	require.Contains(t, result.Unknowns[0], "the disk of n1 did not come back")
	require.Contains(t, result.Unknowns[1], "step 2, in line 2 of the plan, was skipped")
}

// Operations of an open loop that found all clients waiting are told of, not judged.
func TestCoverageTellsWhatWasNotTried(t *testing.T) {
	c := tape.WholeRun()
	c.Extra = func(h *tape.Tape) {
		h.Run(history.Run{What: history.RunNote, Text: "37 of 900 operations that arrived were not tried", Untried: 37})
	}
	result := c.Build().Judge(evidence.NewCoverage())
	require.Equal(t, verdict.Valid, result.Verdict)
	require.Contains(t, result.Summary, "; 37 that arrived were not tried, since all clients waited")
	c.Extra = func(h *tape.Tape) { h.Run(history.Run{What: history.RunNote, Text: "something else"}) }
	require.NotContains(t, c.Build().Judge(evidence.NewCoverage()).Summary, "not tried")
}

// Steps that were still to come when a run was interrupted are counted, not blamed
// one by one, and the summary tells what became of each.
func TestCoverageOfAnInterruptedRun(t *testing.T) {
	c := tape.WholeRun()
	c.Extra = func(h *tape.Tape) {
		h.Events[0].Run.Authored, h.Events[0].Run.Steps = true, 6
		h.Fault(history.Fault{Step: 2, What: history.FaultNotStarted})
		h.Fault(history.Fault{Step: 3, What: history.FaultNotStarted})
		h.Fault(history.Fault{Step: 4, What: history.FaultNoTarget, Optional: true})
	}
	result := c.Build().Judge(evidence.NewCoverage())
	require.Equal(t, []string{"the attack ended early, 2 of 6 steps of the plan not started"}, result.Unknowns)

	c.Extra = func(h *tape.Tape) {
		h.Fault(history.Fault{Step: 2, What: history.FaultNotFired})
		h.Fault(history.Fault{Step: 3, What: history.FaultSkipped})
	}
	require.Contains(t, c.Build().Judge(evidence.NewCoverage()).Summary, "1 of 1 fault bit (1 skipped, 1 not fired), ")
}

// rot damages files of members, or finds none.
func rot(h *tape.Tape, bit bool, nodes ...string) {
	f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s bit-rot several", Nodes: nodes}
	h.Fault(f)
	f.What, f.Bit = history.FaultHeal, bit
	h.Fault(f)
}

func TestAvailability(t *testing.T) {
	// healed is a run that fails every operation for so long after healing.
	healed := func(tries int, extra func(h *tape.Tape), before ...func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			for _, n := range h.Nodes {
				h.Proc(history.Proc{Node: n, What: history.ProcStart})
			}
			h.Lead("n1", 1)
			h.Phase(history.PhaseReady)
			h.Do(1, history.OK, tape.Put("a"))
			for _, do := range before {
				do(h)
			}
			h.Phase(history.PhaseHealed)
			if extra != nil {
				extra(h)
			}
			for range tries {
				h.Wait(time.Second)
				h.Do(1, history.Fail, tape.Put("b"))
			}
			h.Phase(history.PhaseStop)
			h.End()
			return h
		}
	}
	slow := func(h *tape.Tape) { h.Events[0].Run.Ready = 30 * time.Second }
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewAvailability() }, []tape.Row{
		{Name: "never recovered", Build: healed(30, nil), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "never recovered from a power failure", Build: healed(30, nil, func(h *tape.Tape) { outage(h, 1, h.Nodes...) }), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "files of a majority went bad", Build: healed(30, func(h *tape.Tape) { rot(h, true, "n1", "n2") }), Want: verdict.Unknown},
		{Name: "… of a minority", Build: healed(30, func(h *tape.Tape) { rot(h, true, "n1") }), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "… were to go bad, and did not", Build: healed(30, func(h *tape.Tape) { rot(h, false, "n1", "n2") }), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "not tried for long", Build: healed(3, nil), Want: verdict.Unknown},
		{Name: "members that take half a minute to be ready", Build: healed(39, slow), Want: verdict.Unknown},
		{Name: "… and do not come in that time either", Build: healed(41, slow), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "never tried", Build: healed(0, nil), Want: verdict.Valid},
		{Name: "recovered", Build: healed(30, func(h *tape.Tape) { h.Do(1, history.OK, tape.Put("b")) }), Want: verdict.Valid},
		{Name: "a stalled machine", Build: healed(10, func(h *tape.Tape) {
			h.Wait(time.Second)
			h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
		}), Want: verdict.Unknown},
		{Name: "members kept apart by the harness", Build: healed(30, func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunApart, Text: "5 in a row"})
		}), Want: verdict.Unknown},
		{Name: "a machine that stalls again and again", Build: healed(1, func(h *tape.Tape) {
			for range 8 {
				h.Do(1, history.Fail, tape.Put("b"))
				h.Wait(5 * time.Second)
				h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
			}
		}), Want: verdict.Unknown},
		{Name: "stalled once, and never recovered from then on", Build: healed(30, func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
		}), Want: verdict.Invalid, Rule: "did not recover"},
		{Name: "a minority left", Build: healed(30, func(h *tape.Tape) {
			h.Proc(history.Proc{Node: "n1", What: history.ProcExit})
			h.Proc(history.Proc{Node: "n2", What: history.ProcExit})
		}), Want: verdict.Unknown},
	})
}

func TestAvailabilityMeasures(t *testing.T) {
	h := tape.Traced()
	h.Lead("n1", 1)
	h.Phase(history.PhaseReady)
	h.Proc(history.Proc{Node: "n1", What: history.ProcExit, Expected: true})
	h.Wait(250 * time.Millisecond)
	h.Lead("n2", 2)
	got := h.Judge(evidence.NewAvailability())
	if ms := got.Stats["failover-median-ms"]; ms != 251 {
		t.Fatalf("failover of %d ms, want 251", ms)
	}
	if !strings.Contains(got.Summary, "(median of 1: trace)") {
		t.Fatal(got.Summary)
	}
}

// Where only members themselves say who leads, failovers are told of as theirs.
func TestAvailabilityByWhatMembersSay(t *testing.T) {
	h := tape.New(history.Run{})
	h.Claim("n1", "leader", 1, false)
	h.Phase(history.PhaseReady)
	h.Proc(history.Proc{Node: "n1", What: history.ProcExit, Inc: 1, Expected: true})
	h.Wait(250 * time.Millisecond)
	h.Claim("n2", "candidate", 2, false)
	h.Claim("n2", "leader", 1, false) // its term is told of late
	h.Claim("n2", "leader", 2, false)
	got := h.Judge(evidence.NewAvailability())
	if n := got.Stats["failovers"]; n != 1 || !strings.Contains(got.Summary, "in at most 252ms (median of 1: said by itself)") {
		t.Fatal(got.Summary)
	}
}

// onTraffic adds faults on traffic that need not bite, of which some do.
func onTraffic(injected, bit int) func(*tape.Whole) {
	return func(c *tape.Whole) {
		c.Extra = func(h *tape.Tape) {
			for i := range injected {
				f := history.Fault{Step: 2 + i, What: history.FaultInject, Optional: true, Traffic: true}
				h.Fault(f)
				f.What, f.Bit = history.FaultHeal, i < bit
				h.Fault(f)
			}
		}
	}
}

// Systems whose elections are slow want longer runs than others.
func TestCoverageTellsOfFewFaults(t *testing.T) {
	for _, tc := range []struct {
		faults   int
		election time.Duration
		told     string
	}{
		{1, 4 * time.Second, "a random plan of 1 fault: with an election timeout of 4s a longer --for has more of them"},
		{4, 4 * time.Second, ""}, {1, 150 * time.Millisecond, ""},
	} {
		c := tape.WholeRun()
		c.Extra = func(h *tape.Tape) {
			run := h.Events[0].Run
			run.Themes, run.Steps, run.Election = []string{"late-answers"}, tc.faults, tc.election
		}
		require.Equal(t, tc.told, c.Build().Judge(evidence.NewCoverage()).Told)
	}
}

// How the traffic was read is told, and what was not understood of it; only of a run of
// which hardly anything was, nothing can be said.
func TestCoverageTellsWhatWasHeard(t *testing.T) {
	judged := func(heard history.Heard) verdict.Result {
		c := tape.WholeRun()
		c.Extra = func(h *tape.Tape) {
			h.Events[0].Run.Wire = &history.Wire{Dialect: "toy", Main: "_meta_", Term: "an epoch"}
			h.Run(history.Run{What: history.RunHeard, Heard: &heard})
		}
		return c.Build().Judge(evidence.NewCoverage())
	}
	said := "the traffic was read as toy; what is called a term here is an epoch there; the group without a name is _meta_"
	require.Equal(t, said, judged(history.Heard{Messages: 70}).Told)
	got := judged(history.Heard{Messages: 70, Strange: map[string]uint64{"a message of type 9": 280}, Undecoded: 12})
	require.Equal(t, verdict.Valid, got.Verdict)
	require.Equal(t, said+"; 70 messages understood, 280 times a message of type 9, which the dialect does not know, "+
		"12 bytes passed on connections that the tap had lost", got.Told)
	require.EqualValues(t, 280, got.Stats["messages-strange"])
	got = judged(history.Heard{Messages: 70, Strange: map[string]uint64{"a message of type 9": 281}})
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "the traffic is hardly understood: 70 messages understood, 281 times")
}
