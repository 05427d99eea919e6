package checker_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestCatchUp(t *testing.T) {
	// lagging is a run in which n3 lacks what the others know committed when
	// everything is healed, and the system serves for so long after that.
	lagging := func(served time.Duration, after func(h *tape)) func() *tape {
		return func() *tape {
			h := traced()
			for _, n := range h.nodes {
				h.proc(history.Proc{Node: n, What: history.ProcStart})
			}
			replicate(h, 10)
			h.phase(history.PhaseReady)
			h.fault(history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s for 1s isolate n3"})
			for _, n := range []string{"n1", "n2"} {
				h.put(n, "n1", 1, 1, 5)
				h.commit(n, 1, 15, n == "n1")
			}
			h.fault(history.Fault{Step: 1, What: history.FaultHeal, Bit: true})
			h.phase(history.PhaseHealed)
			h.do(1, history.OK, put("a"))
			if after != nil {
				after(h)
			}
			h.wait(served)
			h.phase(history.PhaseStop)
			h.end()
			return h
		}
	}
	behind := func(h *tape) { // some of it came
		h.put("n3", "n1", 1, 1, 4)
		h.commit("n3", 1, 14, false)
	}
	caught := func(h *tape) {
		h.put("n3", "n1", 1, 1, 5)
		h.commit("n3", 1, 15, false)
	}
	const rule = "a member did not catch up"
	verdicts(t, func() checker.Checker { return checker.NewAvailability() }, []row{
		{"never told", lagging(time.Minute, nil), checker.Invalid, rule},
		{"one entry short", lagging(time.Minute, behind), checker.Invalid, rule},
		{"told in the end", lagging(time.Minute, caught), checker.Valid, ""},
		{"not for long", lagging(3*time.Second, nil), checker.Valid, ""},
		{"by a snapshot", lagging(time.Minute, func(h *tape) {
			h.trace("n3", history.Raft{What: history.RaftInstall, Term: 1, Peer: "n1", Index: 15, EntryTerm: 1})
		}), checker.Valid, ""},
		{"what is committed later is no measure", lagging(time.Minute, func(h *tape) {
			caught(h)
			h.put("n1", "n1", 1, 1, 5)
			h.commit("n1", 1, 20, true)
		}), checker.Valid, ""},
		{"started late", lagging(time.Minute, func(h *tape) {
			h.proc(history.Proc{Node: "n3", What: history.ProcExit})
			h.proc(history.Proc{Node: "n3", What: history.ProcStart})
		}), checker.Valid, ""},
		{"a fault without an end", lagging(time.Minute, func(h *tape) {
			h.fault(history.Fault{Step: 2, What: history.FaultInject, Text: "at 2s for 1s pause n3"})
		}), checker.Valid, ""},
		{"a short stall", lagging(time.Minute, func(h *tape) {
			h.run(history.Run{What: history.RunStall, Stall: electionTimeout})
		}), checker.Invalid, rule},
		{"a stalled machine", lagging(time.Minute, func(h *tape) {
			h.run(history.Run{What: history.RunStall, Stall: 40 * time.Second})
		}), checker.Unknown, ""},
	})
}
