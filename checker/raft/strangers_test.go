package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// granted adds a vote that a tap saw, with the voter's own log where the wire shows it.
func granted(h *tape.Tape, voter, candidate string, term uint64, last history.Pos) {
	h.Tap(voter, history.Raft{What: history.RaftVote, Term: term, PeerTerm: term, Peer: candidate, Granted: true, Last: last})
}

func refused(h *tape.Tape, voter, candidate string, own, asked uint64) {
	h.Tap(voter, history.Raft{What: history.RaftVote, Term: own, PeerTerm: asked, Peer: candidate, Reason: history.ReasonUnspecified})
}

func exits(h *tape.Tape, node string) {
	h.Proc(history.Proc{Node: node, What: history.ProcExit, Inc: 1, Expected: true})
}

// What systems that nobody prepared say to each other, legally.
func TestStrangersAreLegal(t *testing.T) {
	rows := []tape.Row{
		{Name: "an answer in an older term, for one who never stood in it", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			refused(h, "n3", "n1", 5, 7) // it names n1 as its vote of term 5
			h.Vote("", "n2", 5, tape.Pos(2, 9), "n3")
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 5})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a grant that is repeated, once its voter has entries of the winner", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			granted(h, "n2", "n1", 7, tape.Pos(2, 9))
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7, Last: tape.Pos(2, 9)})
			granted(h, "n2", "n1", 7, tape.Pos(7, 12))
			granted(h, "n3", "n1", 7, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Valid},
		{Name: "the repetition seen before the first grant", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			granted(h, "n2", "n1", 7, tape.Pos(7, 12))
			granted(h, "n2", "n1", 7, tape.Pos(2, 9))
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7, Last: tape.Pos(2, 9)})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a vote on one link before the request on the other", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			granted(h, "n2", "n1", 7, history.Pos{})
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7, Last: tape.Pos(2, 9)})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a winner whose requests are no messages of their own", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			granted(h, "n2", "n1", 7, history.Pos{})
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7})
			h.End()
		}), Want: verdict.Valid},
		{Name: "pre-votes for terms that nobody enters", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			for _, candidate := range []string{"n1", "n2"} {
				h.Tap("n3", history.Raft{What: history.RaftPreVote, Term: 8, PeerTerm: 8, Peer: candidate, Granted: true})
			}
			h.Win("", "n2", 7, tape.Pos(2, 9), "n1")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a member that is restarted and votes again, for the same", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9), "n2")
			exits(h, "n2")
			granted(h, "n2", "n1", 7, tape.Pos(2, 9))
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7})
			exits(h, "n1")
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 7}) // its last messages were read late
			h.End()
		}), Want: verdict.Valid},
		{Name: "a candidate that stood behind a leader of a later term", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n2", 8, tape.Pos(2, 9), "n3")
			h.Win("", "n1", 7, tape.Pos(2, 9), "n3") // the older messages were on a slower link
			h.End()
		}), Want: verdict.Valid},
	}
	tape.Verdicts(t, votes, rows)
	for i := range rows {
		require.Equal(t, verdict.Valid, rows[i].Build().Judge(elections()).Verdict, rows[i].Name)
		require.NotEqual(t, verdict.Invalid, rows[i].Build().Judge(staleLogs()).Verdict, rows[i].Name)
		require.NotEqual(t, verdict.Invalid, rows[i].Build().Judge(logs()).Verdict, rows[i].Name)
	}
}

// A candidate that asks before its own vote is on disk may die in between, and then vote
// for another. Once it has led, it has given it.
func TestCandidatesThatAskFirst(t *testing.T) {
	asks := history.Run{Tapped: true, Rules: []history.Rule{history.AsksFirst}}
	other := func(h *tape.Tape) {
		h.Vote("", "n2", 7, tape.Pos(2, 9), "n1")
		h.End()
	}
	tape.Verdicts(t, votes, []tape.Row{
		{Name: "it died in between", Build: tape.On(tape.New(asks), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			exits(h, "n1")
			other(h)
		}), Want: verdict.Valid},
		{Name: "and its request was read late", Build: tape.On(tape.New(asks), func(h *tape.Tape) {
			exits(h, "n1")
			h.Vote("", "n1", 7, tape.Pos(2, 9), "n3")
			other(h)
		}), Want: verdict.Valid},
		{Name: "it did not die", Build: tape.On(tape.New(asks), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			other(h)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "it had led", Build: tape.On(tape.New(asks), func(h *tape.Tape) {
			h.Win("", "n1", 7, tape.Pos(2, 9), "n3")
			exits(h, "n1")
			other(h)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "its vote for another was forgotten", Build: tape.On(tape.New(asks), func(h *tape.Tape) {
			h.Vote("", "n3", 7, tape.Pos(2, 9), "n1")
			exits(h, "n1")
			other(h)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "the system writes its vote first", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9))
			exits(h, "n1")
			other(h)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
	})
}

// What is nowhere may have been said in words that the dialect does not know.
func TestStrangeWords(t *testing.T) {
	strange := func(h *tape.Tape) {
		h.Run(history.Run{What: history.RunHeard, Heard: &history.Heard{Messages: 50, Strange: map[string]uint64{"a message of type 9": 1}}})
		h.End()
	}
	ack := func(h *tape.Tape) {
		h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 7, EntryTerm: 7, Index: 3, Lead: true})
	}
	tape.Verdicts(t, votes, []tape.Row{
		{Name: "a winner without votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 7, tape.Pos(2, 9))
			strange(h)
		}), Want: verdict.Unknown},
		{Name: "a winner before its votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 7, tape.Pos(2, 9))
			granted(h, "n2", "n1", 7, history.Pos{})
			strange(h)
		}), Want: verdict.Unknown},
		{Name: "a winner with its votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("", "n1", 7, tape.Pos(2, 9), "n2")
			strange(h)
		}), Want: verdict.Valid},
		{Name: "two votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("", "n1", 7, tape.Pos(2, 9), "n3")
			h.Vote("", "n2", 7, tape.Pos(2, 9), "n3")
			strange(h)
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
	})
	tape.Verdicts(t, logs, []tape.Row{
		{Name: "a commit that nobody acknowledged", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			ack(h)
			strange(h)
		}), Want: verdict.Unknown},
		{Name: "and every word is known", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			ack(h)
			h.End()
		}), Want: verdict.Invalid, Rule: "committed before a majority had it"},
	})
}

// A dialect says to which rules its speakers are not held, and the result says so.
func TestRulesThatADialectExcuses(t *testing.T) {
	begin := func(unjudged ...history.Unjudged) history.Run {
		return history.Run{Tapped: true, Wire: &history.Wire{Dialect: "toy", Unjudged: unjudged}}
	}
	twice := func(group string) func(h *tape.Tape) {
		return func(h *tape.Tape) {
			h.Vote(group, "n1", 7, tape.Pos(2, 9), "n3")
			h.Vote(group, "n2", 7, tape.Pos(2, 9), "n3")
			h.End()
		}
	}
	excused := history.Unjudged{Rule: "two votes in one term", Why: "a vote may change within a round"}
	for _, group := range []string{"", "a"} {
		h := tape.New(begin(excused))
		twice(group)(h)
		got := h.Judge(votes())
		require.Equal(t, verdict.Valid, got.Verdict)
		require.Contains(t, got.Unjudged[0], "two votes in one term: a vote may change within a round")

		h = tape.New(begin(history.Unjudged{Rule: "another", Why: "…"}))
		twice(group)(h)
		require.Equal(t, verdict.Invalid, h.Judge(votes()).Verdict)
	}
	h := tape.New(begin(excused))
	h.Win("", "n1", 7, tape.Pos(2, 9))
	h.End()
	require.Equal(t, verdict.Invalid, h.Judge(votes()).Verdict, "other rules hold")
	c := votes().(verdict.Foreseeing)
	for i := range h.Events[:len(h.Events)-1] {
		c.Event(&h.Events[i])
	}
	require.Equal(t, []string{"won without a majority", "led before it had a majority"}, c.Foresees(99))
}
