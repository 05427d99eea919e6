package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func newLogs() checker.Checker { return checker.NewLogs() }

// replicate is a cluster in which n1 leads term 1 and all hold count entries of
// it, of which the first half is committed everywhere.
func replicate(h *tape, count int) {
	h.start()
	h.elect("n1", 1, "n2", "n3")
	for _, n := range h.nodes {
		if n != "n1" {
			h.follow(n, "n1", 1)
		}
		h.put(n, "n1", 1, 1, count)
	}
	for _, n := range h.nodes {
		h.commit(n, 1, uint64(count/2), n == "n1")
	}
}

func TestLogsMatch(t *testing.T) {
	verdicts(t, newLogs, []row{
		{"equal logs", func() *tape {
			h := traced()
			replicate(h, 10)
			h.end()
			return h
		}, checker.Valid, ""},
		{"different entries of one index and term", func() *tape {
			h := traced()
			replicate(h, 10)
			h.trace("n1", history.Raft{What: history.RaftAppend, Term: 1, Peer: "n1", From: 11, To: 11, EntryTerm: 1, Hashes: make([]byte, 8)})
			h.put("n2", "n1", 1, 1, 1)
			return h
		}, checker.Invalid, "logs do not match"},
		{"an equal entry after different ones", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 2)
			h.put("n1", "n1", 3, 3, 1)
			h.put("n2", "n2", 2, 2, 2) // kept although it conflicts
			h.put("n2", "n1", 3, 3, 1)
			return h
		}, checker.Invalid, "logs do not match"},
		{"different terms at one index, uncommitted", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 2)
			h.put("n2", "n2", 2, 2, 2)
			h.end()
			return h
		}, checker.Valid, ""},
		{"terms decrease", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 3, 3, 2)
			h.put("n2", "n1", 3, 2, 1)
			return h
		}, checker.Invalid, "terms decrease along a log"},
		{"an entry of a term to come", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 3, 4, 1)
			return h
		}, checker.Invalid, "an entry of a later term"},
		{"a trace that begins in the middle", func() *tape {
			h := traced()
			h.logs["n1"] = []uint64{1, 1, 1}
			h.put("n1", "n1", 2, 2, 2)
			h.commit("n1", 2, 5, true)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a trace with a hole", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 1)
			h.logs["n1"] = []uint64{1, 1, 1}
			h.put("n1", "n1", 1, 1, 2)
			h.end()
			return h
		}, checker.Unknown, ""},
		{"entries told of twice", func() *tape {
			h := traced()
			replicate(h, 10)
			h.logs["n2"] = h.logs["n2"][:7]
			h.put("n2", "n1", 1, 1, 6)
			h.commit("n2", 1, 10, false)
			h.end()
			return h
		}, checker.Valid, ""},
	})
}

func TestLogsTerms(t *testing.T) {
	verdicts(t, newLogs, []row{
		{"a term goes back", func() *tape {
			h := traced()
			h.start()
			h.follow("n1", "", 4)
			h.follow("n1", "", 3)
			return h
		}, checker.Invalid, "a term went back"},
		{"a term goes back with a restart", func() *tape {
			h := traced()
			h.start()
			h.follow("n1", "", 4)
			h.restart("n1", 3, "")
			return h
		}, checker.Invalid, "a term went back"},
		{"a term rises with a restart", func() *tape {
			h := traced()
			h.start()
			h.follow("n1", "", 4)
			h.restart("n1", 5, "")
			h.end()
			return h
		}, checker.Valid, ""},
		{"a commit told of an earlier term", func() *tape {
			h := traced()
			replicate(h, 4)
			h.follow("n2", "", 5)
			h.commit("n2", 1, 3, false)
			h.end()
			return h
		}, checker.Valid, ""},
	})
}

func TestLogsCommits(t *testing.T) {
	verdicts(t, newLogs, []row{
		{"two logs committed", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 2)
			h.commit("n1", 1, 2, true)
			h.put("n2", "n3", 2, 2, 3)
			h.commit("n2", 2, 3, false)
			return h
		}, checker.Invalid, "committed entries changed"},
		{"two logs committed, only one of which names the entry", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 3)
			h.put("n2", "n2", 2, 1, 2)
			h.put("n2", "n2", 2, 2, 2)
			h.commit("n2", 2, 4, true) // (1,1) (1,2) (2,3) (2,4)
			h.commit("n1", 1, 3, false)
			return h
		}, checker.Invalid, "committed entries changed"},
		{"one log committed in steps of several terms", func() *tape {
			h := traced()
			h.start()
			for _, n := range []string{"n1", "n2"} {
				h.put(n, "n1", 1, 1, 2)
				h.put(n, "n1", 4, 4, 2)
			}
			h.commit("n2", 4, 4, false)
			h.commit("n1", 1, 1, false)
			h.commit("n1", 4, 3, true)
			h.end()
			return h
		}, checker.Valid, ""},
		{"an entry of an earlier term by counting (figure 8)", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n3", 2, 2, 2)
			h.elect("n1", 4, "n2")
			h.commit("n1", 4, 2, true)
			return h
		}, checker.Invalid, "a leader committed an entry of an earlier term by itself"},
		{"the same, not called its own decision", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n3", 2, 2, 2)
			h.elect("n1", 4, "n2")
			h.commit("n1", 4, 2, false)
			return h
		}, checker.Invalid, "a leader committed an entry of an earlier term by itself"},
		{"an entry of an earlier term, learnt after it was deposed", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n3", 2, 2, 2)
			h.elect("n1", 4, "n2")
			h.follow("n1", "n2", 5)
			h.commit("n1", 5, 2, false)
			h.end()
			return h
		}, checker.Valid, ""},
		{"an entry of an earlier term together with a later one", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n3", 2, 2, 2)
			h.elect("n1", 4, "n2")
			h.put("n1", "n1", 4, 4, 1)
			h.commit("n1", 4, 3, true)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a follower learns of an entry of an earlier term", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 4, 2, 2)
			h.commit("n2", 4, 2, false)
			h.end()
			return h
		}, checker.Valid, ""},
		{"beyond the log", func() *tape {
			h := traced()
			replicate(h, 10)
			h.trace("n2", history.Raft{What: history.RaftCommit, Term: 1, Index: 11, EntryTerm: 1})
			return h
		}, checker.Invalid, "committed beyond the log"},
		{"a restarted member learns its commit index anew", func() *tape {
			h := traced()
			replicate(h, 10)
			h.restartKnowing("n2", 1, "", 10)
			h.commit("n2", 1, 4, false)
			h.commit("n2", 1, 10, false)
			return h
		}, checker.Valid, ""},
		{"a commit index goes back", func() *tape {
			h := traced()
			replicate(h, 10)
			h.commit("n2", 1, 4, false)
			return h
		}, checker.Invalid, "a commit index went back"},
		{"names an entry that it does not hold", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 2, 2, 3)
			h.trace("n2", history.Raft{What: history.RaftCommit, Term: 2, Index: 3, EntryTerm: 1})
			return h
		}, checker.Invalid, "an entry that is not in the log"},
		{"a leader's log is another", func() *tape {
			h := traced()
			replicate(h, 10)
			h.trace("n2", history.Raft{What: history.RaftLeader, Term: 2, Last: pos(1, 9)})
			return h
		}, checker.Invalid, "a leader's log is not its own"},
	})
}

func TestLogsStates(t *testing.T) {
	install := func(h *tape, node string, term, index, digest uint64) {
		h.logs[node] = h.logs["n1"][:index:index]
		h.trace(node, history.Raft{
			What: history.RaftInstall, Term: term, Peer: "n1", Index: index, EntryTerm: 1, Hash: hash(h.logs[node]), Digest: digest,
		})
	}
	verdicts(t, newLogs, []row{
		{"equal states", func() *tape {
			h := traced()
			replicate(h, 40)
			h.apply("n1", 1, 16, 77)
			h.apply("n2", 1, 16, 77)
			h.apply("n2", 1, 17, 78)
			h.end()
			return h
		}, checker.Valid, ""},
		{"different states", func() *tape {
			h := traced()
			replicate(h, 40)
			h.apply("n1", 1, 16, 77)
			h.apply("n2", 1, 16, 78)
			return h
		}, checker.Invalid, "different states after the same entries"},
		{"a snapshot that lost something", func() *tape {
			h := traced()
			replicate(h, 40)
			h.apply("n1", 1, 19, 77)
			h.trace("n1", history.Raft{What: history.RaftSnapshot, Term: 1, Index: 19, EntryTerm: 1, Digest: 78})
			return h
		}, checker.Invalid, "different states after the same entries"},
		{"a restart from a snapshot that lost something", func() *tape {
			h := traced()
			replicate(h, 40)
			h.apply("n1", 1, 16, 77)
			h.restart("n2", 1, "n1")
			r := h.events[len(h.events)-1].Raft
			r.Index, r.EntryTerm, r.Digest = 16, 1, 78
			return h
		}, checker.Invalid, "different states after the same entries"},
		{"an installed snapshot", func() *tape {
			h := traced()
			replicate(h, 40)
			h.apply("n1", 1, 16, 77)
			h.logs["n3"] = h.logs["n3"][:20]
			h.restart("n4", 0, "") // a newcomer
			install(h, "n4", 1, 16, 77)
			h.put("n4", "n1", 1, 1, 4)
			h.commit("n4", 1, 18, false)
			h.restart("n4", 1, "")
			h.put("n4", "n1", 1, 1, 20)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a snapshot below what it knew committed", func() *tape {
			h := traced()
			replicate(h, 40)
			install(h, "n2", 1, 16, 77)
			return h
		}, checker.Invalid, "committed entries were removed"},
	})
}
