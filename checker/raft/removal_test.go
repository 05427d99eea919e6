package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestLogsRemovals(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "a conflicting suffix", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n1", "n1", 1, 1, 2) // n1 alone
			h.Elect("n2", 2, "n3")
			h.Put("n2", "n2", 2, 2, 1)
			h.Follow("n1", "n2", 2)
			h.Truncate("n1", "n2", 2, 11)
			h.Put("n1", "n2", 2, 2, 1)
			h.Commit("n2", 2, 11, true)
			h.Commit("n1", 2, 11, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a leader's own entries", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Truncate("n1", "n1", 1, 9)
		}), Want: verdict.Invalid, Rule: "a leader removed entries"},
		{Name: "entries it knew committed", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Elect("n3", 2, "n2")
			h.Follow("n2", "n3", 2)
			h.Truncate("n2", "n3", 2, 5)
		}), Want: verdict.Invalid, Rule: "committed entries were removed"},
		{Name: "entries just taken from the same leader", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Truncate("n2", "n1", 1, 8)
		}), Want: verdict.Invalid, Rule: "removed entries that did not conflict"},
		{Name: "older entries taken from the same leader", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Elect("n3", 2, "n2")
			h.Logs["n2"] = h.Logs["n2"][:0]
			h.Trace("n2", history.Raft{What: history.RaftInstall, Term: 2, Peer: "n3", Index: 5, EntryTerm: 1})
			h.Logs["n2"] = []uint64{1, 1, 1, 1, 1}
			h.Put("n2", "n3", 2, 1, 5)
			h.Truncate("n2", "n3", 2, 9)
		}), Want: verdict.Invalid, Rule: "removed entries that did not conflict"},
		{Name: "entries that the leader has, by its lineage", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Elect("n3", 2, "n2") // n3's log is (1,10)
			h.Follow("n2", "n3", 2)
			h.Truncate("n2", "n3", 2, 9)
		}), Want: verdict.Invalid, Rule: "removed entries that did not conflict"},
		{Name: "entries known committed by others", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n1", "n1", 1, 1, 1)
			h.Put("n2", "n1", 1, 1, 1)
			h.Follow("n2", "n3", 3) // n3's victory is not in the history
			h.Truncate("n2", "n3", 3, 11)
			h.Commit("n1", 1, 11, true)
		}), Want: verdict.Invalid, Rule: "committed entries were removed"},
		{Name: "entries committed only in a later term (figure 8, legal)", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 2, 2, 1)
			h.Put("n2", "n1", 2, 2, 1)
			h.Put("n3", "n3", 3, 3, 1)
			h.Follow("n2", "n3", 3)
			h.Truncate("n2", "n3", 3, 1) // while n1 and others go on without it
			h.Elect("n1", 4)
			h.Put("n1", "n1", 4, 4, 1)
			h.Put("n2", "n1", 4, 2, 1)
			h.Put("n2", "n1", 4, 4, 1)
			h.Commit("n1", 4, 2, true)
			h.End()
		}), Want: verdict.Valid},
		{Name: "an overwriting append without truncation, legal", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n2", "n1", 1, 1, 3)
			h.Logs["n2"] = []uint64{1}
			h.Put("n2", "n3", 2, 2, 1)
			h.Put("n3", "n1", 1, 1, 1)
			h.Put("n3", "n3", 2, 2, 1)
			h.Commit("n3", 2, 2, true)
			h.Commit("n2", 2, 2, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "an overwriting append of committed entries", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n2", "n1", 1, 1, 3)
			h.Commit("n2", 1, 2, false)
			h.Logs["n2"] = []uint64{1}
			h.Put("n2", "n3", 2, 2, 1)
		}), Want: verdict.Invalid, Rule: "committed entries were removed"},
	})
}

func TestLogsRestart(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "everything kept", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Restart("n2", 1, "n1")
			h.Put("n2", "n1", 1, 1, 2)
			h.Commit("n2", 1, 4, false) // the commit index is not durable
			h.End()
		}), Want: verdict.Valid},
		{Name: "acknowledged entries lost", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Logs["n2"] = h.Logs["n2"][:8]
			h.Restart("n2", 1, "n1")
		}), Want: verdict.Invalid, Rule: "durable entries were lost"},
		{Name: "everything lost", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Logs["n2"] = nil
			h.Restart("n2", 1, "n1")
		}), Want: verdict.Invalid, Rule: "durable entries were lost"},
		{Name: "a leader's own entries lost", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n1", "n1", 1, 1, 1)
			h.Logs["n1"] = h.Logs["n1"][:10]
			h.Restart("n1", 1, "n1")
		}), Want: verdict.Invalid, Rule: "durable entries were lost"},
		{Name: "committed entries lost in a later term", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Logs["n2"] = h.Logs["n2"][:3]
			h.Restart("n2", 7, "")
		}), Want: verdict.Invalid, Rule: "durable entries were lost"},
		{Name: "killed between a leader's truncation and its trace", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n1", "n1", 1, 1, 2)
			h.Elect("n2", 2, "n3")
			h.Put("n2", "n2", 2, 2, 1)
			h.Logs["n1"] = h.Logs["n1"][:10]
			h.Restart("n1", 2, "") // durably cut for n2, untraced
			h.Put("n1", "n2", 2, 2, 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "killed between a leader's replacement and its trace", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n1", "n1", 1, 1, 2)
			h.Elect("n2", 2, "n3")
			h.Put("n2", "n2", 2, 2, 1)
			h.Logs["n1"] = append(h.Logs["n1"][:10:10], 2)
			h.Restart("n1", 2, "")
			h.Put("n1", "n2", 2, 2, 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "killed between an append and its trace", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Logs["n2"] = append(h.Logs["n2"], 1, 1)
			h.Restart("n2", 1, "n1")
			h.Put("n2", "n1", 1, 1, 2)
			h.Put("n1", "n1", 1, 1, 4)
			h.Commit("n1", 1, 14, true)
			h.Commit("n2", 1, 14, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "another log than before", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Restart("n2", 1, "n1")
			e := &h.Events[len(h.Events)-1]
			e.Raft.Hash++
		}), Want: verdict.Invalid, Rule: "logs do not match"},
		{Name: "a trace cut short by a kill, nothing after", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Put("n2", "n1", 1, 1, 1)
			h.End()
		}), Want: verdict.Valid},
	})
}
