package raft_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func elections() verdict.Checker {
	return verdict.PerGroup(func() verdict.Checker { return raft.NewElection() })
}

func votes() verdict.Checker {
	return verdict.PerGroup(func() verdict.Checker { return raft.NewVotes() })
}

func staleLogs() verdict.Checker {
	return verdict.PerGroup(func() verdict.Checker { return raft.NewStaleLog() })
}

func logs() verdict.Checker {
	return verdict.PerGroup(func() verdict.Checker { return raft.NewLogs() })
}

func leads(h *tape.Tape, group, node string, term uint64) {
	h.In(group, node, history.Raft{What: history.RaftLeader, Term: term})
}

func TestLeadersOfGroups(t *testing.T) {
	tape.Verdicts(t, elections, []tape.Row{
		{Name: "one term led by two members in two groups", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 3)
			leads(h, "a", "n2", 3)
			leads(h, "b", "n3", 3)
			h.End()
		}), Want: verdict.Valid},
		{Name: "two leaders in one term of one group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "a", "n2", 3)
			leads(h, "b", "n3", 3)
			leads(h, "a", "n1", 3)
			h.End()
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "two leaders in one term of the main group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "a", "n2", 3)
			leads(h, "", "n2", 3)
			leads(h, "", "n1", 3)
			h.End()
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "a connection was lost before the group was seen", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
			leads(h, "a", "n2", 3)
			h.End()
		}), Want: verdict.Unknown},
	})
}

func TestVotesOfGroups(t *testing.T) {
	tape.Verdicts(t, votes, []tape.Row{
		{Name: "votes for two members in two groups", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("a", "n1", 3, tape.Pos(2, 9), "n3")
			h.Win("b", "n2", 3, tape.Pos(1, 4), "n3")
			h.Win("", "n2", 3, tape.Pos(1, 4), "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "votes for two members in one group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Vote("a", "n1", 3, tape.Pos(2, 9), "n3")
			h.Vote("b", "n2", 3, tape.Pos(2, 9), "n3")
			h.Vote("a", "n2", 3, tape.Pos(2, 9), "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "a winner in a group of which it is not known who votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("a", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Valid},
		{Name: "a winner in a group of one", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Win("a", "n1", 3, tape.Pos(2, 9))
			h.Voters("a", "n1")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a winner without a majority, in a group whose voters it tells of afterwards", Build: tape.On(tape.Tapped("n1", "n2", "n3", "n4", "n5"), func(h *tape.Tape) {
			h.Win("a", "n1", 3, tape.Pos(2, 9), "n4")
			h.Voters("a", "n1", "n2", "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "a winner with the majority of its group, of which not all members are", Build: tape.On(tape.Tapped("n1", "n2", "n3", "n4", "n5"), func(h *tape.Tape) {
			h.Win("a", "n1", 3, tape.Pos(2, 9), "n3")
			h.Voters("a", "n1", "n2", "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a leader before its votes, in a group whose voters it tells of afterwards", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "a", "n1", 3)
			h.Vote("a", "n1", 3, tape.Pos(2, 9), "n3")
			h.Voters("a", "n1", "n2", "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "led before it had a majority"},
		{Name: "a majority of those who vote after a change", Build: tape.On(tape.Tapped("n1", "n2", "n3", "n4", "n5"), func(h *tape.Tape) {
			h.Voters("a", "n1", "n2", "n3", "n4", "n5")
			h.Win("a", "n1", 3, tape.Pos(2, 9), "n2", "n3")
			h.Voters("a", "n1", "n2", "n3")
			h.Win("a", "n2", 4, tape.Pos(3, 9), "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "the voters of a group changed, to whom is not known", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Voters("a", "n1", "n2", "n3")
			h.Voters("a")
			h.Win("a", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Valid},
		{Name: "the voters of the main group changed, to whom is not known", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Voters("")
			h.Win("", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Unknown},
		{Name: "it grows from one member, and later winners have a majority of all", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			h.Voters("")
			h.Win("", "n2", 3, tape.Pos(2, 9), "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "it grows from one member, and a later winner has no majority of all", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			h.Voters("")
			h.Win("", "n2", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a leader asked nobody, of members that never changed", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			h.Win("", "n2", 3, tape.Pos(2, 9), "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "the main group changed by itself", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Voters("", "n1")
			h.Win("", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Valid},
		{Name: "the harness asked for the change that the wire shows", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Changes("n3", 0, "n1", "n2")
			h.Voters("")
			h.Win("", "n1", 3, tape.Pos(2, 9), "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "the harness asked for the change, and a winner had no majority of any", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Changes("n3", 0, "n1", "n2")
			h.Voters("")
			h.Win("", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
	})
}

func TestLogsOfGroups(t *testing.T) {
	commits := func(h *tape.Tape, group, node string, term, index uint64) {
		h.In(group, node, history.Raft{What: history.RaftCommit, Term: term, EntryTerm: term, Index: index, Lead: true})
	}
	tape.Verdicts(t, staleLogs, []tape.Row{
		{Name: "shorter logs in another group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			commits(h, "a", "n1", 3, 50)
			h.Win("b", "n2", 4, tape.Pos(1, 4), "n3")
			h.Win("a", "n2", 4, tape.Pos(3, 50), "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a winner that lacks what its group committed", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			commits(h, "a", "n1", 3, 50)
			h.Win("a", "n2", 4, tape.Pos(3, 49), "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
	})
	acks := func(h *tape.Tape, group, node string, index uint64) {
		h.In(group, node, history.Raft{What: history.RaftAck, Term: 3, EntryTerm: 3, Peer: "n1", Index: index})
	}
	tape.Verdicts(t, logs, []tape.Row{
		{Name: "acknowledged in its group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Voters("a", "n1", "n2", "n3")
			acks(h, "a", "n2", 7)
			commits(h, "a", "n1", 3, 7)
			h.End()
		}), Want: verdict.Valid},
		{Name: "acknowledged in another group", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Voters("a", "n1", "n2", "n3")
			acks(h, "b", "n2", 7)
			commits(h, "a", "n1", 3, 7)
			h.End()
		}), Want: verdict.Invalid, Rule: "committed before a majority had it"},
		{Name: "nobody knows who votes", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			commits(h, "a", "n1", 3, 7)
			h.End()
		}), Want: verdict.Unchecked},
	})
}

func TestPreVotesOfGroups(t *testing.T) {
	preVotes := func() verdict.Checker {
		return verdict.PerGroup(func() verdict.Checker { return raft.NewPreVotes() })
	}
	begin := history.Run{Tapped: true, Rules: []history.Rule{history.PreVotes}}
	asked := func(h *tape.Tape, group string) {
		h.In(group, "n3", history.Raft{What: history.RaftPreVote, Term: 3, PeerTerm: 3, Peer: "n1", Granted: true})
		h.Vote(group, "n1", 3, tape.Pos(2, 9))
	}
	tape.Verdicts(t, preVotes, []tape.Row{
		{Name: "of its group", Build: tape.On(tape.New(begin), func(h *tape.Tape) {
			h.Voters("a", "n1", "n2", "n3")
			asked(h, "a")
			h.End()
		}), Want: verdict.Valid},
		{Name: "of another group", Build: tape.On(tape.New(begin), func(h *tape.Tape) {
			asked(h, "a")
			h.Voters("b", "n1", "n2", "n3")
			h.Vote("b", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Invalid, Rule: "stood without the pre-votes of a majority"},
		{Name: "nobody knows who votes", Build: tape.On(tape.New(begin), func(h *tape.Tape) {
			h.Vote("b", "n1", 3, tape.Pos(2, 9))
			h.End()
		}), Want: verdict.Valid},
	})
}

// What is said of groups names them, counts them all, and says what was not judged.
func TestWhatIsSaidOfGroups(t *testing.T) {
	h := tape.Tapped()
	for i, group := range []string{"c", "a", "b"} {
		h.Win(group, "n1", uint64(i+1), tape.Pos(0, 0), "n2")
	}
	h.End()
	got := h.Judge(votes())
	require.Equal(t, verdict.Valid, got.Verdict)
	require.Equal(t, "3 groups, such as a: 2 votes, at most one per member and term; 1 winner", got.Summary)
	require.Equal(t, []string{"won without a majority: who votes is not told (3 groups)"}, got.Unjudged)
	require.EqualValues(t, 3, got.Stats["winners"])

	h = tape.Tapped()
	h.Win("", "n1", 1, tape.Pos(0, 0), "n2")
	h.Win("b", "n1", 1, tape.Pos(0, 0), "n2")
	leads(h, "b", "n2", 1)
	h.Win("a", "n1", 1, tape.Pos(0, 0), "n2")
	h.End()
	got = h.Judge(elections())
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.Equal(t, "group b: term 1 has two leaders: n1 and n2", got.Summary)
	require.Equal(t, "n2 leads term 1 of b with its log ending at (empty) [on the wire, sent]", verdict.Describe(&got.Violations[0].Events[1]))
	require.EqualValues(t, 3, got.Stats["terms-led"])

	h.Events = h.Events[:len(h.Events)-4]
	leads(h, "", "n3", 1)
	got = h.Judge(elections())
	require.Equal(t, "group b: term 1 has two leaders: n1 and n2 (and 1 more)", got.Summary, "it came first")
	require.Len(t, got.Violations, 2)
	require.Equal(t, "term 1 has two leaders: n1 and n3", got.Violations[1].Text)
}

func TestAsGroupsCome(t *testing.T) {
	c := elections()
	h := tape.Tapped()
	leads(h, "a", "n1", 1)
	for i := range h.Events {
		c.Event(&h.Events[i])
	}
	require.False(t, c.(verdict.Watchful).Violated())
	h = &tape.Tape{Seq: map[string]uint64{}}
	leads(h, "a", "n2", 1)
	c.Event(&h.Events[0])
	require.True(t, c.(verdict.Watchful).Violated())
	require.True(t, c.(verdict.Watchful).Breached("two leaders in one term"))
	require.False(t, c.(verdict.Watchful).Breached("another"))
}

func TestManyGroups(t *testing.T) {
	h := tape.Tapped()
	for i := range 1100 {
		leads(h, fmt.Sprint(i), "n1", 1)
	}
	h.End()
	got := h.Judge(elections())
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "76 events of groups beyond the first 1024: these are not judged")
}
