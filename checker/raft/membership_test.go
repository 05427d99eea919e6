package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func wireVote(candidate string, term uint64) history.Raft {
	return history.Raft{What: history.RaftVote, Term: term, Peer: candidate, Granted: true}
}

func TestVotesOfAReplacedMember(t *testing.T) {
	stands := func(h *tape.Tape, node string, term uint64) {
		h.Tap(node, history.Raft{What: history.RaftCandidate, Term: term, Last: tape.Pos(1, 1)})
	}
	leads := func(h *tape.Tape, node string, term uint64) {
		h.Tap(node, history.Raft{What: history.RaftLeader, Term: term, Last: tape.Pos(1, 1)})
	}
	wire := func(fill func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Tapped()
			stands(h, "n1", 5)
			fill(h)
			h.End()
			return h
		}
	}
	const twice = "two votes in one term"
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "the new one votes for another in the old one's term", Build: wire(func(h *tape.Tape) {
			h.Tap("n2", wireVote("n1", 5))
			leads(h, "n1", 5)
			h.Changes("n2", 0, "n1", "n3")
			h.Changes("n2", 2, "n1", "n2", "n3")
			h.NewTap("n2", wireVote("n3", 5))
		}), Want: verdict.Valid},
		{Name: "the old one's vote comes late", Build: wire(func(h *tape.Tape) {
			h.Changes("n2", 0, "n1", "n3")
			h.Changes("n2", 2, "n1", "n2", "n3")
			h.NewTap("n2", wireVote("n3", 5))
			h.Tap("n2", wireVote("n1", 5))
		}), Want: verdict.Valid},
		{Name: "the old one votes twice", Build: wire(func(h *tape.Tape) {
			h.Tap("n2", wireVote("n1", 5))
			h.Changes("n2", 2, "n1", "n2", "n3")
			h.Tap("n2", wireVote("n3", 5))
		}), Want: verdict.Invalid, Rule: twice},
		{Name: "the new one votes twice", Build: wire(func(h *tape.Tape) {
			h.Changes("n2", 2, "n1", "n2", "n3")
			h.NewTap("n2", wireVote("n1", 5))
			h.NewTap("n2", wireVote("n3", 5))
		}), Want: verdict.Invalid, Rule: twice},
		{Name: "the new one makes a winner", Build: wire(func(h *tape.Tape) {
			h.Changes("n2", 2, "n1", "n2", "n3")
			h.NewTap("n2", wireVote("n1", 5))
			leads(h, "n1", 5)
		}), Want: verdict.Valid},
		{Name: "nobody makes a winner", Build: wire(func(h *tape.Tape) {
			h.Changes("n2", 0, "n1", "n3")
			h.Changes("n2", 2, "n1", "n2", "n3")
			leads(h, "n1", 5)
		}), Want: verdict.Invalid, Rule: "won without a majority"},
	})
}

// A traced member that was replaced starts with nothing, and may.
func TestTraceOfAReplacedMember(t *testing.T) {
	replaced := func(announce bool) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Traced()
			h.Start()
			h.Stand("n1", 5)
			h.Grant("n2", "n1", 5)
			h.Lead("n1", 5)
			h.Put("n2", "n1", 5, 5, 3)
			if announce {
				h.Changes("n2", 0, "n1", "n3")
				h.Changes("n2", 2, "n1", "n2", "n3")
			}
			h.Logs["n2"] = nil
			h.Restart("n2", 0, "")
			h.Follow("n2", "n1", 5)
			h.End()
			return h
		}
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "a new member", Build: replaced(true), Want: verdict.Valid},
		{Name: "the same member", Build: replaced(false), Want: verdict.Invalid, Rule: "a vote was forgotten"},
	})
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "a new member", Build: replaced(true), Want: verdict.Valid},
		{Name: "the same member", Build: replaced(false), Want: verdict.Invalid, Rule: "a term went back"},
	})
}

// With two of five members out, two are a majority of the three that are left.
func TestMajorityOfThoseThatAreLeft(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	run := func(fill func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Tapped(five...)
			fill(h)
			h.End()
			return h
		}
	}
	out := func(h *tape.Tape) {
		h.Changes("n5", 0, "n1", "n2", "n3", "n4")
		h.Changes("n4", 0, "n1", "n2", "n3")
	}
	wins := func(h *tape.Tape) {
		h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: tape.Pos(1, 1)})
		h.Tap("n2", wireVote("n1", 3))
		h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 3, Last: tape.Pos(1, 1)})
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "two votes, two out", Build: run(func(h *tape.Tape) { out(h); wins(h) }), Want: verdict.Valid},
		{Name: "two votes, nobody out", Build: run(wins), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "two votes, one out", Build: run(func(h *tape.Tape) { h.Changes("n5", 0, "n1", "n2", "n3", "n4"); wins(h) }), Want: verdict.Invalid, Rule: "won without a majority"},
	})
	commits := func(h *tape.Tape) {
		h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 3})
		h.Tap("n2", history.Raft{What: history.RaftAck, Term: 3, Peer: "n1", Index: 7, EntryTerm: 3})
		h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 3, Index: 7, EntryTerm: 3, Lead: true})
	}
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "acknowledged by two, two out", Build: run(func(h *tape.Tape) { out(h); commits(h) }), Want: verdict.Valid},
		{Name: "acknowledged by two, two out later", Build: run(func(h *tape.Tape) { commits(h); out(h) }), Want: verdict.Invalid, Rule: "committed before a majority had it"},
		{Name: "acknowledged by two, one out", Build: run(func(h *tape.Tape) { h.Changes("n5", 0, "n1", "n2", "n3", "n4"); commits(h) }), Want: verdict.Invalid, Rule: "committed before a majority had it"},
	})
}

// The harness's word alone is nothing that a member said.
func TestMembershipIsNoWordOfAMember(t *testing.T) {
	for _, c := range []func() verdict.Checker{newVotes, newLogs} {
		tape.Verdicts(t, c, []tape.Row{{Name: "nobody spoke", Build: tape.On(tape.New(history.Run{}), func(h *tape.Tape) {
			h.Changes("n2", 0, "n1", "n3")
			h.End()
		}), Want: verdict.Unchecked}})
	}
}
