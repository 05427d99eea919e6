package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestStaleLog(t *testing.T) {
	tape.Verdicts(t, func() verdict.Checker { return raft.NewStaleLog() }, []tape.Row{
		{Name: "the winner has everything", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Put("n1", "n1", 1, 1, 3)
			h.Put("n2", "n1", 1, 1, 3)
			h.Commit("n1", 1, 3, true)
			h.Elect("n2", 2, "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "the winner's log is too short", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Put("n1", "n1", 1, 1, 3)
			h.Commit("n1", 1, 3, true)
			h.Put("n2", "n1", 1, 1, 2)
			h.Elect("n2", 2, "n3")
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "the same, with the commit merged after", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Put("n1", "n1", 1, 1, 3)
			h.Put("n2", "n1", 1, 1, 2)
			h.Elect("n2", 2, "n3")
			h.Commit("n1", 1, 3, true)
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "long enough, but of an older term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Put("n2", "n1", 1, 1, 9)
			h.Put("n1", "n1", 1, 1, 1)
			h.Elect("n1", 2, "n3")
			h.Put("n1", "n1", 2, 2, 2)
			h.Commit("n1", 2, 3, true)
			h.Elect("n2", 3, "n3")
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "another entry in its place, by lineage", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 1)
			h.Elect("n1", 2, "n3") // from index 2 on
			h.Put("n1", "n1", 2, 2, 2)
			h.Commit("n1", 2, 3, true)
			h.Logs["n2"] = []uint64{1, 1, 1, 1}
			h.Elect("n2", 3, "n3") // lacks (2,3)
			h.Put("n2", "n2", 3, 3, 1)
			h.Elect("n2", 4, "n3") // its last term is now 3
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "term 3 wins after term 4 has committed", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n3", 3)
			h.Elect("n1", 4, "n2")
			h.Put("n1", "n1", 4, 4, 5)
			h.Commit("n1", 4, 5, true)
			h.Lead("n3", 3) // its votes were on their way
			h.End()
		}), Want: verdict.Valid},
		{Name: "a follower's knowledge counts for its term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n2", 5, 5, 4)
			h.Commit("n1", 5, 4, false)
			h.Elect("n3", 6, "n2")
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "a follower's knowledge of the same term does not", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n2", 5, 5, 4)
			h.Commit("n1", 5, 4, false)
			h.Elect("n3", 5, "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "uncommitted entries may be lost", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Put("n1", "n1", 1, 1, 9)
			h.Commit("n1", 1, 1, true)
			h.Put("n2", "n1", 1, 1, 1)
			h.Elect("n2", 2, "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "on the wire", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.Tap("n3", history.Raft{What: history.RaftLeader, Term: 3, Last: tape.Pos(1, 9)})
		}), Want: verdict.Invalid, Rule: "the winner lacks a committed entry"},
		{Name: "on the wire, its log not seen", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.Tap("n3", history.Raft{What: history.RaftLeader, Term: 3})
			h.End()
		}), Want: verdict.Unchecked},
		{Name: "on the wire, the log of one of two seen", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.Tap("n3", history.Raft{What: history.RaftLeader, Term: 3})
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 4, Last: tape.Pos(2, 7)})
			h.End()
		}), Want: verdict.Valid},
		{Name: "on the wire, an equal log", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.Tap("n3", history.Raft{What: history.RaftLeader, Term: 3, Last: tape.Pos(2, 7)})
			h.End()
		}), Want: verdict.Valid},
	})
}

// Of a member alone it is said that it is, not that nothing reads its system's traffic.
func TestAlone(t *testing.T) {
	got := tape.New(history.Run{Nodes: []string{"n1"}}).Judge(raft.NewStaleLog())
	require.Equal(t, "a member alone has nobody to send to, and it writes no trace", got.Why())
	got = tape.New(history.Run{Nodes: []string{"n1", "n2"}}).Judge(raft.NewStaleLog())
	require.Equal(t, "the target has neither trace nor tap", got.Why())
}
