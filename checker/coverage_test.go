package checker_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// covered is a run in which everything happened that should, but for what the
// options leave out or add.
type covered struct {
	steps, bit        int
	before, during    bool
	after, final, end bool
	leader            bool
	extra             func(h *tape)
}

func whole() covered { return covered{1, 1, true, true, true, true, true, true, nil} }

func (c covered) build() *tape {
	h := newTape(history.Run{Traced: true, Steps: c.steps, Workload: "register"})
	if c.leader {
		h.lead("n1", 1)
	}
	outcome := func(ok bool) history.OpType {
		if ok {
			return history.OK
		}
		return history.Fail
	}
	h.phase(history.PhaseReady)
	h.do(1, outcome(c.before), put("a"))
	h.phase(history.PhaseFaults)
	for i := range c.steps {
		h.fault(history.Fault{Step: i + 1, What: history.FaultInject, Text: "pause one"})
	}
	h.do(1, outcome(c.during), put("b"))
	for i := range c.steps {
		h.fault(history.Fault{Step: i + 1, What: history.FaultHeal, Text: "pause one", Bit: i < c.bit})
	}
	if c.extra != nil {
		c.extra(h)
	}
	h.phase(history.PhaseHealed)
	h.do(1, outcome(c.after), put("c"))
	h.phase(history.PhaseFinal)
	read := get("c")
	read.Final = true
	h.do(1, outcome(c.final), read)
	h.phase(history.PhaseStop)
	if c.end {
		h.end()
	}
	return h
}

func TestCoverage(t *testing.T) {
	with := func(change func(c *covered)) func() *tape {
		c := whole()
		change(&c)
		return c.build
	}
	verdicts(t, func() checker.Checker { return checker.NewCoverage() }, []row{
		{"everything happened", whole().build, checker.Valid, ""},
		{"no fault planned", with(func(c *covered) { c.steps, c.bit = 0, 0 }), checker.Valid, ""},
		{"cut short", with(func(c *covered) { c.end = false }), checker.Unknown, ""},
		{"no leader", with(func(c *covered) { c.leader = false }), checker.Unknown, ""},
		{"nothing before", with(func(c *covered) { c.before = false }), checker.Unknown, ""},
		{"nothing during", with(func(c *covered) { c.during = false }), checker.Unknown, ""},
		{"nothing after", with(func(c *covered) { c.after, c.final = false, false }), checker.Unknown, ""},
		{"no final read", with(func(c *covered) { c.final = false }), checker.Unknown, ""},
		{"a fault that did not bite", with(func(c *covered) { c.steps = 2 }), checker.Unknown, ""},
		{"a fault that need not bite", with(func(c *covered) {
			c.extra = func(h *tape) {
				h.fault(history.Fault{Step: 2, What: history.FaultInject, Optional: true})
				h.fault(history.Fault{Step: 2, What: history.FaultHeal, Optional: true})
			}
		}), checker.Valid, ""},
		{"a fault without an end", with(func(c *covered) {
			c.extra = func(h *tape) { h.fault(history.Fault{Step: 2, What: history.FaultInject}) }
		}), checker.Unknown, ""},
		{"a step that never fired", with(func(c *covered) {
			c.extra = func(h *tape) { h.fault(history.Fault{Step: 2, What: history.FaultNotFired}) }
		}), checker.Valid, ""},
		{"no step fired", with(func(c *covered) {
			c.steps, c.bit = 0, 0
			c.extra = func(h *tape) {
				h.events[0].Run.Steps = 1
				h.fault(history.Fault{Step: 1, What: history.FaultNoTarget})
			}
		}), checker.Unknown, ""},
		{"a hole in the taps", with(func(c *covered) {
			c.extra = func(h *tape) { h.run(history.Run{What: history.RunUntap, Text: "n1 > n2"}) }
		}), checker.Unknown, ""},
		{"nothing at all", func() *tape { return newTape(history.Run{}) }, checker.Unknown, ""},
	})
}

func TestAvailability(t *testing.T) {
	// healed is a run that fails every operation for so long after healing.
	healed := func(tries int, extra func(h *tape)) func() *tape {
		return func() *tape {
			h := traced()
			for _, n := range h.nodes {
				h.proc(history.Proc{Node: n, What: history.ProcStart})
			}
			h.lead("n1", 1)
			h.phase(history.PhaseReady)
			h.do(1, history.OK, put("a"))
			h.phase(history.PhaseHealed)
			if extra != nil {
				extra(h)
			}
			for range tries {
				h.wait(time.Second)
				h.do(1, history.Fail, put("b"))
			}
			h.phase(history.PhaseStop)
			h.end()
			return h
		}
	}
	verdicts(t, func() checker.Checker { return checker.NewAvailability() }, []row{
		{"never recovered", healed(30, nil), checker.Invalid, "did not recover"},
		{"not tried for long", healed(3, nil), checker.Unknown, ""},
		{"never tried", healed(0, nil), checker.Valid, ""},
		{"recovered", healed(30, func(h *tape) { h.do(1, history.OK, put("b")) }), checker.Valid, ""},
		{"a stalled machine", healed(30, func(h *tape) {
			h.run(history.Run{What: history.RunStall, Stall: electionTimeout})
		}), checker.Unknown, ""},
		{"a minority left", healed(30, func(h *tape) {
			h.proc(history.Proc{Node: "n1", What: history.ProcExit})
			h.proc(history.Proc{Node: "n2", What: history.ProcExit})
		}), checker.Unknown, ""},
	})
}

func TestAvailabilityMeasures(t *testing.T) {
	h := traced()
	h.lead("n1", 1)
	h.phase(history.PhaseReady)
	h.proc(history.Proc{Node: "n1", What: history.ProcExit, Expected: true})
	h.wait(250 * time.Millisecond)
	h.lead("n2", 2)
	got := h.judge(checker.NewAvailability())
	if ms := got.Stats["failover-median-ms"]; ms != 251 {
		t.Fatalf("failover of %d ms, want 251", ms)
	}
}

func TestNodeLogs(t *testing.T) {
	with := func(e history.Event) func() *tape {
		return func() *tape {
			h := newTape(history.Run{})
			h.add(e)
			return h
		}
	}
	exit := history.Proc{Node: "n1", What: history.ProcExit, Code: 2, Text: "panic: boom"}
	expected := exit
	expected.Expected = true
	verdicts(t, func() checker.Checker { return checker.NewNodeLogs() }, []row{
		{"a panic", with(history.Event{Run: &history.Run{What: history.RunLog, Node: "n1", Text: "panic: boom"}}),
			checker.Invalid, "a crash in a node's log"},
		{"a note", with(history.Event{Run: &history.Run{What: history.RunNote, Node: "n1", Text: "panic: no"}}), checker.Valid, ""},
		{"an exit nobody caused", with(history.Event{Proc: &exit}), checker.Invalid, "a node died by itself"},
		{"a kill", with(history.Event{Proc: &expected}), checker.Valid, ""},
	})
}
