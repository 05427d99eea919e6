package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newLogs() verdict.Checker { return raft.NewLogs() }

func TestLogsMatch(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "equal logs", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.End()
		}), Want: verdict.Valid},
		{Name: "different entries of one index and term", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Trace("n1", history.Raft{What: history.RaftAppend, Term: 1, Peer: "n1", From: 11, To: 11, EntryTerm: 1, Hashes: make([]byte, 8)})
			h.Put("n2", "n1", 1, 1, 1)
		}), Want: verdict.Invalid, Rule: "logs do not match"},
		{Name: "an equal entry after different ones", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 2)
			h.Put("n1", "n1", 3, 3, 1)
			h.Put("n2", "n2", 2, 2, 2) // kept although it conflicts
			h.Put("n2", "n1", 3, 3, 1)
		}), Want: verdict.Invalid, Rule: "logs do not match"},
		{Name: "different terms at one index, uncommitted", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 2)
			h.Put("n2", "n2", 2, 2, 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "terms decrease", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n2", "n1", 3, 3, 2)
			h.Put("n2", "n1", 3, 2, 1)
		}), Want: verdict.Invalid, Rule: "terms decrease along a log"},
		{Name: "an entry of a term to come", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n2", "n1", 3, 4, 1)
		}), Want: verdict.Invalid, Rule: "an entry of a later term"},
		{Name: "a trace that begins in the middle", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			h.Logs["n1"] = []uint64{1, 1, 1}
			h.Put("n1", "n1", 2, 2, 2)
			h.Commit("n1", 2, 5, true)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a trace with a hole", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 1)
			h.Logs["n1"] = []uint64{1, 1, 1}
			h.Put("n1", "n1", 1, 1, 2)
			h.End()
		}), Want: verdict.Unknown},
		{Name: "entries told of twice", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Logs["n2"] = h.Logs["n2"][:7]
			h.Put("n2", "n1", 1, 1, 6)
			h.Commit("n1", 1, 10, true)
			h.Commit("n2", 1, 10, false)
			h.End()
		}), Want: verdict.Valid},
	})
}

func TestLogsTerms(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "a term goes back", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Follow("n1", "", 4)
			h.Follow("n1", "", 3)
		}), Want: verdict.Invalid, Rule: "a term went back"},
		{Name: "a term goes back with a restart", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Follow("n1", "", 4)
			h.Restart("n1", 3, "")
		}), Want: verdict.Invalid, Rule: "a term went back"},
		{Name: "a term rises with a restart", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Follow("n1", "", 4)
			h.Restart("n1", 5, "")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a commit told of an earlier term", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 4)
			h.Commit("n1", 1, 3, true)
			h.Follow("n2", "", 5)
			h.Commit("n2", 1, 3, false)
			h.End()
		}), Want: verdict.Valid},
	})
}

// leadsOn lets n1 lead term 4 on entries of term 2, and commit them with one of its
// own.
func leadsOn(h *tape.Tape) {
	h.Put("n1", "n3", 2, 2, 2)
	h.Elect("n1", 4, "n2")
	h.Put("n1", "n1", 4, 4, 1)
	h.Put("n2", "n1", 4, 2, 2)
	h.Put("n2", "n1", 4, 4, 1)
	h.Commit("n1", 4, 3, true)
}

func TestLogsCommits(t *testing.T) {
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "two logs committed", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 2)
			h.Commit("n1", 1, 2, true)
			h.Put("n2", "n3", 2, 2, 3)
			h.Commit("n2", 2, 3, false)
		}), Want: verdict.Invalid, Rule: "committed entries changed"},
		{Name: "two logs committed, only one of which names the entry", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n1", 1, 1, 3)
			h.Put("n2", "n2", 2, 1, 2)
			h.Put("n2", "n2", 2, 2, 2)
			h.Commit("n2", 2, 4, true) // (1,1) (1,2) (2,3) (2,4)
			h.Commit("n1", 1, 3, false)
		}), Want: verdict.Invalid, Rule: "committed entries changed"},
		{Name: "one log committed in steps of several terms", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			for _, n := range []string{"n1", "n2"} {
				h.Put(n, "n1", 1, 1, 2)
				h.Put(n, "n1", 4, 4, 2)
			}
			h.Commit("n2", 4, 4, false)
			h.Commit("n1", 1, 1, true)
			h.Commit("n1", 4, 3, true)
			h.Commit("n1", 4, 4, true)
			h.End()
		}), Want: verdict.Valid},
		{Name: "an entry of an earlier term by counting (figure 8)", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n3", 2, 2, 2)
			h.Elect("n1", 4, "n2")
			h.Commit("n1", 4, 2, true)
		}), Want: verdict.Invalid, Rule: "a leader committed an entry of an earlier term by itself"},
		{Name: "the same, not called its own decision", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n3", 2, 2, 2)
			h.Elect("n1", 4, "n2")
			h.Commit("n1", 4, 2, false)
		}), Want: verdict.Invalid, Rule: "a leader committed an entry of an earlier term by itself"},
		{Name: "an entry of an earlier term, learnt after it was deposed", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n1", "n3", 2, 2, 2)
			h.Put("n2", "n3", 2, 2, 2)
			h.Elect("n1", 4, "n2")
			h.Elect("n2", 5, "n3")
			h.Put("n2", "n2", 5, 5, 1)
			h.Follow("n1", "n2", 5)
			h.Put("n1", "n2", 5, 5, 1)
			h.Commit("n2", 5, 3, true)
			h.Commit("n1", 5, 2, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "an entry of an earlier term together with a later one", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			leadsOn(h)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a follower learns of an entry of an earlier term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			leadsOn(h)
			h.Commit("n2", 4, 2, false)
			h.End()
		}), Want: verdict.Valid},
		{Name: "beyond the log", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Trace("n2", history.Raft{What: history.RaftCommit, Term: 1, Index: 11, EntryTerm: 1})
		}), Want: verdict.Invalid, Rule: "committed beyond the log"},
		{Name: "a restarted member learns its commit index anew", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.RestartKnowing("n2", 1, "", 10)
			h.Commit("n2", 1, 4, false)
			h.Commit("n2", 1, 10, false)
		}), Want: verdict.Valid},
		{Name: "a commit index goes back", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Commit("n2", 1, 4, false)
		}), Want: verdict.Invalid, Rule: "a commit index went back"},
		{Name: "names an entry that it does not hold", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n2", "n1", 2, 2, 3)
			h.Trace("n2", history.Raft{What: history.RaftCommit, Term: 2, Index: 3, EntryTerm: 1})
		}), Want: verdict.Invalid, Rule: "an entry that is not in the log"},
		{Name: "a leader's log is another", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 10)
			h.Trace("n2", history.Raft{What: history.RaftLeader, Term: 2, Last: tape.Pos(1, 9)})
		}), Want: verdict.Invalid, Rule: "a leader's log is not its own"},
	})
}

func TestLogsStates(t *testing.T) {
	install := func(h *tape.Tape, node string, term, index, digest uint64) {
		h.Logs[node] = h.Logs["n1"][:index:index]
		h.Trace(node, history.Raft{
			What: history.RaftInstall, Term: term, Peer: "n1", Index: index, EntryTerm: 1, Hash: tape.Hash(h.Logs[node]), Digest: digest,
		})
	}
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "equal states", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			h.Apply("n1", 1, 16, 77)
			h.Apply("n2", 1, 16, 77)
			h.Apply("n2", 1, 17, 78)
			h.End()
		}), Want: verdict.Valid},
		{Name: "different states", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			h.Apply("n1", 1, 16, 77)
			h.Apply("n2", 1, 16, 78)
		}), Want: verdict.Invalid, Rule: "different states after the same entries"},
		{Name: "a snapshot that lost something", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			h.Apply("n1", 1, 19, 77)
			h.Trace("n1", history.Raft{What: history.RaftSnapshot, Term: 1, Index: 19, EntryTerm: 1, Digest: 78})
		}), Want: verdict.Invalid, Rule: "different states after the same entries"},
		{Name: "a restart from a snapshot that lost something", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			h.Apply("n1", 1, 16, 77)
			h.Restart("n2", 1, "n1")
			r := h.Events[len(h.Events)-1].Raft
			r.Index, r.EntryTerm, r.Digest = 16, 1, 78
		}), Want: verdict.Invalid, Rule: "different states after the same entries"},
		{Name: "an installed snapshot", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			h.Apply("n1", 1, 16, 77)
			h.Logs["n3"] = h.Logs["n3"][:20]
			h.Restart("n4", 0, "") // a newcomer
			install(h, "n4", 1, 16, 77)
			h.Put("n4", "n1", 1, 1, 4)
			h.Commit("n4", 1, 18, false)
			h.Restart("n4", 1, "")
			h.Put("n4", "n1", 1, 1, 20)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a snapshot below what it knew committed", Build: tape.On(tape.Traced(), func(h *tape.Tape) {
			tape.Replicate(h, 40)
			install(h, "n2", 1, 16, 77)
		}), Want: verdict.Invalid, Rule: "committed entries were removed"},
	})
}
