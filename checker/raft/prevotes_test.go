package raft_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newPreVotes() verdict.Checker { return raft.NewPreVotes() }

// asking is a tape of a system that states that it asks for pre-votes.
func asking(traced bool) *tape.Tape {
	h := tape.New(history.Run{Traced: traced, Tapped: !traced, Rules: []history.Rule{history.PreVotes}})
	if traced {
		h.Start()
	}
	return h
}

func preVote(candidate string, term uint64, granted bool) history.Raft {
	return history.Raft{What: history.RaftPreVote, Peer: candidate, PeerTerm: term, Granted: granted}
}

func TestPreVotesOfAMajority(t *testing.T) {
	tape.Verdicts(t, newPreVotes, []tape.Row{
		{Name: "a majority was asked", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", preVote("n1", 1, true))
			h.Trace("n3", preVote("n1", 1, false))
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "nobody was asked", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "all refused", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", preVote("n1", 1, false))
			h.Trace("n3", preVote("n1", 1, false))
			h.Stand("n1", 1)
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "the pre-votes were for another term", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", preVote("n1", 1, true))
			h.Stand("n1", 2)
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "for another candidate", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", preVote("n3", 1, true))
			h.Stand("n1", 1)
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "cut off after it won them, it comes back with a higher term", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", preVote("n1", 1, true))
			h.Elect("n1", 1, "n2")
			h.Trace("n1", history.Raft{What: history.RaftFollower, Term: 1})
			h.Trace("n1", preVote("n3", 2, true))
			h.Stand("n3", 2)
			h.Follow("n2", "", 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a leader's word", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n2", history.Raft{What: history.RaftCandidate, Term: 2, Reason: history.ReasonTransfer})
			h.End()
		}), Want: verdict.Valid},
		{Name: "on the wire", Build: tape.On(asking(false), func(h *tape.Tape) {
			h.Tap("n2", preVote("n1", 1, true))
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.End()
		}), Want: verdict.Valid},
		{Name: "on the wire, nobody was asked", Build: tape.On(asking(false), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "on the wire, at a leader's word", Build: tape.On(asking(false), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1, Reason: history.ReasonTransfer})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a wire with a hole", Build: tape.On(asking(false), func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunUntap})
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a torn trace", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Seq["n2"]++
			h.Follow("n2", "", 0)
			h.Stand("n1", 1)
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a system that states no such rule", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Unchecked},
		{Name: "a member alone", Build: tape.On(tape.New(history.Run{
			Traced: true, Nodes: []string{"n1"}, Rules: []history.Rule{history.PreVotes},
		}), func(h *tape.Tape) {
			h.Start()
			h.Elect("n1", 1)
			h.End()
		}), Want: verdict.Valid},
	})
}

// etcd's raft counts a pre-vote that comes late for the next term: n3 asks for term 2,
// which n1 wins, hears of that, asks for term 3, and is given n1's word for term 2.
func TestLatePreVotes(t *testing.T) {
	late := func(asked uint64, rules ...history.Rule) func() *tape.Tape {
		return tape.On(tape.New(history.Run{Tapped: true, Rules: rules}), func(h *tape.Tape) {
			h.Tap("n1", preVote("n3", asked, true))
			h.Tap("n1", preVote("n2", 3, true))
			h.Tap("n3", history.Raft{What: history.RaftCandidate, Term: 3})
			h.End()
		})
	}
	const rule = "stood without the pre-votes of a majority"
	tape.Verdicts(t, newPreVotes, []tape.Row{
		{Name: "for the term before", Build: late(2, history.PreVotes, history.LatePreVotes), Want: verdict.Valid},
		{Name: "for an earlier one", Build: late(1, history.PreVotes, history.LatePreVotes), Want: verdict.Invalid, Rule: rule},
		{Name: "for the term before, where late ones count for nothing", Build: late(2, history.PreVotes), Want: verdict.Invalid, Rule: rule},
	})
}

func TestPreVotesWhileALeaderLives(t *testing.T) {
	heard := func(ago time.Duration) history.Raft {
		r := preVote("n3", 2, true)
		r.Term, r.Heard, r.Known = 1, ago, true
		return r
	}
	tape.Verdicts(t, newPreVotes, []tape.Row{
		{Name: "it had just heard it", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Trace("n2", heard(tape.ElectionTimeout/2))
		}), Want: verdict.Invalid, Rule: "a pre-vote although the leader was alive"},
		{Name: "it had heard it in the same tick", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Trace("n2", heard(0))
		}), Want: verdict.Invalid, Rule: "a pre-vote although the leader was alive"},
		{Name: "it had not for long enough", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Trace("n2", heard(tape.ElectionTimeout))
			h.End()
		}), Want: verdict.Valid},
		{Name: "it knows no leader", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Trace("n2", preVote("n3", 2, true))
			h.End()
		}), Want: verdict.Valid},
		{Name: "it leads", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n2", 1, "n1")
			h.Trace("n2", preVote("n3", 2, true))
		}), Want: verdict.Invalid, Rule: "a leader granted a pre-vote"},
		{Name: "in a system that promises no more than to ask", Build: tape.On(asking(true), func(h *tape.Tape) {
			h.Trace("n1", preVote("n2", 1, true))
			h.Elect("n2", 1, "n1")
			h.Trace("n1", heard(tape.ElectionTimeout/2))
			h.Trace("n2", preVote("n3", 2, true))
			h.Stand("n3", 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "it led, and has stepped down", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n2", 1, "n1")
			h.Follow("n2", "", 1)
			h.Trace("n2", preVote("n3", 2, true))
			h.End()
		}), Want: verdict.Valid},
		{Name: "it led before a restart", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n2", 1, "n1")
			h.Restart("n2", 1, "n2")
			h.Trace("n2", preVote("n3", 2, true))
			h.End()
		}), Want: verdict.Valid},
	})
}

// What elections cost that nobody won is told, and breaks no rule.
func TestTermsSpentAreTold(t *testing.T) {
	h := tape.Started()
	h.Elect("n1", 1, "n2")
	for term := uint64(2); term <= 5; term++ {
		h.Stand("n3", term) // cut off
	}
	h.Follow("n1", "", 5) // n3 is back
	h.Follow("n2", "", 5)
	h.Elect("n2", 6, "n1")
	h.Follow("n2", "n3", 7) // deposed by an elected successor, which is no news
	h.End()
	r := h.Judge(newPreVotes())
	require.Equal(t, verdict.Unchecked, r.Verdict)
	require.Contains(t, r.Told, "4 of 6 terms spent on elections that nobody won")
	require.Contains(t, r.Told, "1 leader gave way to a candidate: n1 of term 1 to n3 of term 5")
	require.EqualValues(t, 4, r.Stats["terms-spent"])
	require.EqualValues(t, 1, r.Stats["leaders-deposed"])
}
