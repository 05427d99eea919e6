package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

const twoSaid = "two members said they lead one term"

func TestClaims(t *testing.T) {
	silent := func() *tape.Tape { return tape.New(history.Run{}) } // no trace, no tap
	ended := history.Proc{Node: "n1", What: history.ProcExit, Inc: 1, Expected: true}
	tape.Verdicts(t, func() verdict.Checker { return raft.NewClaims() }, []tape.Row{
		{Name: "two say that they lead one term", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 1, true)
			h.Claim("n2", "leader", 1, true)
		}), Want: verdict.Invalid, Rule: twoSaid},
		{Name: "the first has ended since", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 1, true)
			h.Proc(ended)
			h.Claim("n3", "follower", 1, true)
			h.Claim("n2", "leader", 1, true)
		}), Want: verdict.Invalid, Rule: twoSaid},
		{Name: "long apart, with another term between", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 4, true)
			h.Claim("n2", "leader", 5, true)
			h.Claim("n3", "leader", 4, true)
		}), Want: verdict.Invalid, Rule: twoSaid},
		{Name: "one says so, of another its trace", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 4, true)
			h.Lead("n2", 4)
		}), Want: verdict.Invalid, Rule: twoSaid},
		{Name: "one is seen to lead on the wire, another says so", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 4})
			h.Claim("n1", "leader", 4, true)
		}), Want: verdict.Invalid, Rule: twoSaid},
		{Name: "its own trace and its own word, then another's", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Lead("n1", 4)
			h.Claim("n1", "leader", 4, true)
			h.Claim("n2", "leader", 4, true)
		}), Want: verdict.Invalid, Rule: twoSaid},

		{Name: "two leaders at one time, of two terms", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 1, true)
			h.Claim("n2", "leader", 2, true) // n1 does not know yet
			h.Claim("n1", "leader", 1, true)
		}), Want: verdict.Valid},
		{Name: "the same leads before and after a restart", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 1, true)
			h.Proc(ended)
			h.Add(history.Event{Claim: &history.Claim{Node: "n1", Inc: 2, Role: "leader", Term: 1, Atomic: true}})
		}), Want: verdict.Valid},
		{Name: "a new leader that names the term of the last applied entry", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.Claim("n1", "leader", 4, false)
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 5})
			h.Claim("n2", "leader", 4, false)
			h.Claim("n2", "leader", 5, false)
		}), Want: verdict.Unchecked},
		{Name: "the same beside one whose words are of one instant", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 4, true)
			h.Claim("n2", "leader", 4, false)
		}), Want: verdict.Valid},
		{Name: "leaders that tell no term", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 0, true)
			h.Claim("n2", "leader", 0, true)
		}), Want: verdict.Unchecked},
		{Name: "one says that it leads, and never stood on the wire", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 4, tape.Pos(0, 0), "n2")
			h.Claim("n1", "leader", 4, true)
			h.Claim("n2", "leader", 5, true)
			h.End()
		}), Want: verdict.Unknown},
		{Name: "one says that it leads, and stood and sent nothing since", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 4, tape.Pos(0, 0), "n2")
			h.Vote("", "n2", 5, tape.Pos(0, 0), "n1")
			h.Claim("n2", "leader", 5, true)
			h.End()
		}), Want: verdict.Valid},
		{Name: "one led before the wire showed anything", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Claim("n1", "leader", 1, true)
			h.Win("", "n2", 2, tape.Pos(0, 0), "n1")
			h.End()
		}), Want: verdict.Valid},
		{Name: "one says that it leads, whose connection could not be decoded", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 4, tape.Pos(0, 0), "n2")
			h.Run(history.Run{What: history.RunUntap, Text: "n2 > n1"})
			h.Claim("n2", "leader", 5, true)
			h.End()
		}), Want: verdict.Valid},
		{Name: "candidates of one term", Build: tape.On(silent(), func(h *tape.Tape) {
			h.Claim("n1", "candidate", 2, true)
			h.Claim("n2", "candidate", 2, true)
		}), Want: verdict.Valid},
	})
}

// Both witnesses are shown.
func TestClaimsAgainstTheWire(t *testing.T) {
	h := tape.Tapped()
	h.Win("", "n2", 3, tape.Pos(0, 0), "n1")
	h.Claim("n2", "leader", 4, true)
	h.End()
	got := h.Judge(raft.NewClaims())
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Equal(t, "a member's own word and the wire disagree: at 0.005s n2 (process 1) answers that it is leader in term 4, "+
		"but on the wire it asked for no vote in that term, and sent nothing as its leader; the last in which it did is term 3", got.Summary)
}

// Two leaders of whom traces or taps tell are the election checker's.
func TestClaimsLeaveTheRestToTheElection(t *testing.T) {
	h := tape.Started()
	h.Elect("n1", 1, "n2")
	h.Lead("n3", 1)
	require.Equal(t, verdict.Invalid, h.Judge(raft.NewElection()).Verdict)
	require.Empty(t, h.Judge(raft.NewClaims()).Violations)
}

func TestClaimsSayWhatWasJudged(t *testing.T) {
	h := tape.New(history.Run{})
	require.Equal(t, "not checked: no member told its role and term", h.Judge(raft.NewClaims()).Summary)
	h.Claim("n1", "leader", 4, false)
	h.Claim("n2", "leader", 4, false)
	got := h.Judge(raft.NewClaims())
	require.Equal(t, verdict.Unchecked, got.Verdict)
	require.Equal(t, "not checked: role and term of an answer are not declared to be of one instant", got.Summary)
	require.Equal(t, "n1 at 0.002s and n2 at 0.003s are said to lead term 4, by words that are no evidence", got.Told)
	h.Claim("n3", "leader", 5, true)
	got = h.Judge(raft.NewClaims())
	require.Equal(t, verdict.Valid, got.Verdict)
	require.Equal(t, "elections judged by the members' own words: 1 term claimed, none by two", got.Summary)
	require.NotEmpty(t, got.Told)
	h.Claim("n1", "leader", 5, true)
	got = h.Judge(raft.NewClaims())
	require.Equal(t, "term 5 has two leaders: at 0.004s n3 (process 1) answers that it is leader in term 5; "+
		"at 0.005s n1 (process 1) answers that it is leader in term 5", got.Summary)
}
