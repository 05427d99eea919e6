package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// held is a tape on which n1 leads term 1 with five entries that n1 and the others
// hold, and which nobody has committed.
func held(others ...string) *tape.Tape {
	h := tape.Started()
	h.Elect("n1", 1, "n2", "n3")
	h.Put("n1", "n1", 1, 1, 5)
	for _, name := range others {
		h.Put(name, "n1", 1, 1, 5)
	}
	return h
}

func snapshot(term, index uint64) history.Raft {
	return history.Raft{What: history.RaftSnapshot, Term: term, Index: index, EntryTerm: 1}
}

func TestLogsKnowledge(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "a commit that a majority holds", Build: tape.On(held("n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n3", 1, 5, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a commit that nobody else ever held", Build: tape.On(held(), func(h *tape.Tape) {
			h.Commit("n1", 1, 4, true)
			h.End()
		}), Want: verdict.Invalid, Rule: "committed what no majority held"},
		{Name: "a commit of which another holds all but the last", Build: tape.On(held(), func(h *tape.Tape) {
			h.Put("n2", "n1", 1, 1, 4)
			h.Commit("n1", 1, 5, true)
			h.End()
		}), Want: verdict.Invalid, Rule: "committed what no majority held"},
		{Name: "the other lost it later, with a restart", Build: tape.On(held("n2"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Restart("n3", 3, "")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a history that goes on", Build: tape.On(held(), func(h *tape.Tape) {
			h.Commit("n1", 1, 4, true)
		}), Want: verdict.Valid},
		{Name: "applied without a commit", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Apply("n2", 1, 5, 7)
		}), Want: verdict.Invalid, Rule: "applied the uncommitted"},
		{Name: "applied further than the commit", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n2", 1, 4, false)
			h.Apply("n2", 1, 5, 7)
		}), Want: verdict.Invalid, Rule: "applied the uncommitted"},
		{Name: "applied after the commit", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n2", 1, 5, false)
			h.Apply("n2", 1, 5, 7)
			h.End()
		}), Want: verdict.Valid},
		{Name: "applied anew after a restart, the commit not learnt anew", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n2", 1, 5, false)
			h.Restart("n2", 1, "n1")
			h.Apply("n2", 1, 5, 7)
		}), Want: verdict.Invalid, Rule: "applied the uncommitted"},
		{Name: "applied from a snapshot that it recovered", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n2", 1, 5, false)
			h.Trace("n2", snapshot(1, 5))
			h.Restart("n2", 1, "n1")
			h.Events[len(h.Events)-1].Raft.Index = 5
			h.Apply("n2", 1, 5, 7)
			h.End()
		}), Want: verdict.Valid},
		{Name: "compacted without a commit", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Trace("n1", snapshot(1, 5))
		}), Want: verdict.Invalid, Rule: "compacted the uncommitted"},
		{Name: "compacted after the commit", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Trace("n1", snapshot(1, 5))
			h.End()
		}), Want: verdict.Valid},
		{Name: "a follower knows what no leader committed", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 3, true)
			h.Commit("n2", 1, 5, false)
			h.End()
		}), Want: verdict.Invalid, Rule: "a commit that no leader made"},
		{Name: "a follower knows what only a later leader committed", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n2", 1, 5, false)
			h.Elect("n3", 2, "n1")
			h.Put("n3", "n3", 2, 2, 1)
			h.Put("n1", "n3", 2, 2, 1)
			h.Commit("n3", 2, 6, true)
			h.End()
		}), Want: verdict.Invalid, Rule: "a commit that no leader made"},
		{Name: "a follower knows it from a leader that learnt it as a follower", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.Commit("n1", 1, 5, true)
			h.Commit("n3", 1, 5, false)
			h.Elect("n3", 2, "n2")
			h.Put("n3", "n3", 2, 2, 1)
			h.Put("n2", "n3", 2, 2, 1)
			h.Commit("n2", 2, 5, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a restarted member recovers a commit that no leader made", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.RestartKnowing("n2", 1, "n1", 5)
			h.End()
		}), Want: verdict.Invalid, Rule: "a commit that no leader made"},
		{Name: "a leader was killed between its count and its trace", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.RestartKnowing("n1", 1, "n1", 5)
			h.End()
		}), Want: verdict.Valid},
		{Name: "so was one that kept its step down with it", Build: tape.On(held("n2", "n3"), func(h *tape.Tape) {
			h.RestartKnowing("n1", 2, "", 5)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a snapshot of what no leader committed, installed", Build: tape.On(held("n2"), func(h *tape.Tape) {
			h.Commit("n1", 1, 3, true)
			h.Trace("n3", history.Raft{What: history.RaftInstall, Term: 1, Peer: "n1", Index: 5, EntryTerm: 1})
			h.End()
		}), Want: verdict.Invalid, Rule: "a commit that no leader made"},
		{Name: "what was committed before the history began", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			for _, name := range []string{"n1", "n2", "n3"} {
				h.Logs[name] = []uint64{1, 1, 1, 1, 1}
				h.RestartKnowing(name, 1, "", 5)
			}
			h.Apply("n2", 1, 5, 7)
			h.Commit("n3", 1, 5, false)
			h.End()
		}), Want: verdict.Valid},
	})
}

// Nothing is concluded from what is missing of a trace that is torn.
func TestLogsKnowNothingOfTornTraces(t *testing.T) {
	tear := func(tear func(h *tape.Tape)) func() *tape.Tape {
		return tape.On(held(), func(h *tape.Tape) {
			tear(h)
			h.Commit("n1", 1, 4, true)
			h.End()
		})
	}
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "whole", Build: tear(func(*tape.Tape) {}), Want: verdict.Invalid, Rule: "committed what no majority held"},
		{Name: "an event is missing", Build: tear(func(h *tape.Tape) { h.Seq["n2"]++; h.Follow("n2", "", 1) }), Want: verdict.Valid},
		{Name: "a line could not be read", Build: tear(func(h *tape.Tape) {
			h.Run(history.Run{What: history.RunUntrace, Node: "n2", Text: "torn"})
		}), Want: verdict.Valid},
	})
}
