package evidence_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestCatchUp(t *testing.T) {
	// lagging is a run in which n3 lacks what the others know committed when
	// everything is healed, and the system serves for so long after that.
	lagging := func(served time.Duration, after func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			for _, n := range h.Nodes {
				h.Proc(history.Proc{Node: n, What: history.ProcStart})
			}
			tape.Replicate(h, 10)
			h.Phase(history.PhaseReady)
			h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s for 1s isolate n3"})
			for _, n := range []string{"n1", "n2"} {
				h.Put(n, "n1", 1, 1, 5)
				h.Commit(n, 1, 15, n == "n1")
			}
			h.Fault(history.Fault{Step: 1, What: history.FaultHeal, Bit: true})
			h.Phase(history.PhaseHealed)
			h.Do(1, history.OK, tape.Put("a"))
			if after != nil {
				after(h)
			}
			h.Wait(served)
			h.Phase(history.PhaseStop)
			h.End()
			return h
		}
	}
	behind := func(h *tape.Tape) { // some of it came
		h.Put("n3", "n1", 1, 1, 4)
		h.Commit("n3", 1, 14, false)
	}
	caught := func(h *tape.Tape) {
		h.Put("n3", "n1", 1, 1, 5)
		h.Commit("n3", 1, 15, false)
	}
	lied := func(bit bool) func(h *tape.Tape) {
		return func(h *tape.Tape) {
			f := history.Fault{Step: 2, What: history.FaultInject, Text: "at 2s for 1s lost-write n3", Nodes: []string{"n3"}}
			h.Fault(f)
			f.What, f.Bit = history.FaultHeal, bit
			h.Fault(f)
		}
	}
	const rule = "a member did not catch up"
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewAvailability() }, []tape.Row{
		{Name: "never told", Build: lagging(time.Minute, nil), Want: verdict.Invalid, Rule: rule},
		{Name: "one entry short", Build: lagging(time.Minute, behind), Want: verdict.Invalid, Rule: rule},
		{Name: "told in the end", Build: lagging(time.Minute, caught), Want: verdict.Valid},
		{Name: "not for long", Build: lagging(3*time.Second, nil), Want: verdict.Valid},
		{Name: "by a snapshot", Build: lagging(time.Minute, func(h *tape.Tape) {
			h.Trace("n3", history.Raft{What: history.RaftInstall, Term: 1, Peer: "n1", Index: 15, EntryTerm: 1})
		}), Want: verdict.Valid},
		{Name: "what is committed later is no measure", Build: lagging(time.Minute, func(h *tape.Tape) {
			caught(h)
			h.Put("n1", "n1", 1, 1, 5)
			h.Commit("n1", 1, 20, true)
		}), Want: verdict.Valid},
		{Name: "started late", Build: lagging(time.Minute, func(h *tape.Tape) {
			h.Proc(history.Proc{Node: "n3", What: history.ProcExit})
			h.Proc(history.Proc{Node: "n3", What: history.ProcStart})
		}), Want: verdict.Valid},
		{Name: "a fault without an end", Build: lagging(time.Minute, func(h *tape.Tape) {
			h.Fault(history.Fault{Step: 2, What: history.FaultInject, Text: "at 2s for 1s pause n3"})
		}), Want: verdict.Valid},
		{Name: "robbed without a word", Build: lagging(time.Minute, lied(true)), Want: verdict.Unknown},
		{Name: "… or to be", Build: lagging(time.Minute, lied(false)), Want: verdict.Invalid, Rule: rule},
		{Name: "a short stall", Build: lagging(time.Minute, func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "a long stall, and long after it", Build: lagging(time.Minute, func(h *tape.Tape) {
			h.Wait(40 * time.Second)
			h.Run(history.Run{What: history.RunStall, Stall: 40 * time.Second})
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "a long stall, and not long after it", Build: lagging(9*time.Second, func(h *tape.Tape) {
			h.Wait(40 * time.Second)
			h.Run(history.Run{What: history.RunStall, Stall: 40 * time.Second})
		}), Want: verdict.Unknown},
		{Name: "a machine that stalls again and again", Build: lagging(time.Second, func(h *tape.Tape) {
			for range 8 {
				h.Wait(9 * time.Second)
				h.Run(history.Run{What: history.RunStall, Stall: tape.ElectionTimeout})
			}
		}), Want: verdict.Unknown},
	})
}
