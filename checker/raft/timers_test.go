package raft_test

import (
	"testing"
	"time"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestTimers(t *testing.T) {
	stand := func(heard time.Duration, known bool) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			h.Start()
			h.Trace("n2", history.Raft{What: history.RaftCandidate, Term: 2, Heard: heard, Known: known})
			h.End()
			return h
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return raft.NewTimers() }, []tape.Row{
		{Name: "after the election timeout", Build: stand(tape.ElectionTimeout, true), Want: verdict.Valid},
		{Name: "much later", Build: stand(10*tape.ElectionTimeout, true), Want: verdict.Valid},
		{Name: "a tick early", Build: stand(tape.ElectionTimeout-20*time.Millisecond, true), Want: verdict.Valid},
		{Name: "with its leader alive", Build: stand(tape.ElectionTimeout/2, true), Want: verdict.Invalid, Rule: "stood although its leader was alive"},
		{Name: "without a leader", Build: stand(0, false), Want: verdict.Valid},
		{Name: "at its leader's word", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Trace("n2", history.Raft{
				What: history.RaftCandidate, Term: 2, Heard: 30 * time.Millisecond, Known: true, Reason: history.ReasonTransfer,
			})
			h.End()
		}), Want: verdict.Valid},
		{Name: "at a message of its leader, whatever it said", Build: stand(0, true), Want: verdict.Valid},
		{Name: "a system that states no such rule", Build: tape.On(tape.New(history.Run{Traced: true, Rules: []history.Rule{}}), func(h *tape.Tape) {
			h.Trace("n2", history.Raft{What: history.RaftCandidate, Term: 2, Heard: tape.ElectionTimeout / 2, Known: true})
			h.End()
		}), Want: verdict.Unchecked},
	})
}

func TestTimersAreRandom(t *testing.T) {
	// times is candidacies after the same wait, but for the first one.
	times := func(n int, first time.Duration) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			h.Start()
			for i := range n {
				wait := tape.ElectionTimeout + 10*time.Millisecond
				if i == 0 {
					wait = first
				}
				h.Trace("n2", history.Raft{What: history.RaftCandidate, Term: uint64(i + 2), Heard: wait, Known: true})
			}
			h.End()
			return h
		}
	}
	same := tape.ElectionTimeout + 10*time.Millisecond
	tape.Verdicts(t, func() verdict.Checker { return raft.NewTimers() }, []tape.Row{
		{Name: "always the same", Build: times(40, same), Want: verdict.Invalid, Rule: "the election timer is not random"},
		{Name: "once another", Build: times(40, same+5*time.Millisecond), Want: verdict.Valid},
		{Name: "too few to tell", Build: times(12, same), Want: verdict.Valid},
	})
}
