package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestStaleLog(t *testing.T) {
	verdicts(t, func() checker.Checker { return checker.NewStaleLog() }, []row{
		{"the winner has everything", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.put("n1", "n1", 1, 1, 3)
			h.put("n2", "n1", 1, 1, 3)
			h.commit("n1", 1, 3, true)
			h.elect("n2", 2, "n3")
			h.end()
			return h
		}, checker.Valid, ""},
		{"the winner's log is too short", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.put("n1", "n1", 1, 1, 3)
			h.commit("n1", 1, 3, true)
			h.put("n2", "n1", 1, 1, 2)
			h.elect("n2", 2, "n3")
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"the same, with the commit merged after", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.put("n1", "n1", 1, 1, 3)
			h.put("n2", "n1", 1, 1, 2)
			h.elect("n2", 2, "n3")
			h.commit("n1", 1, 3, true)
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"long enough, but of an older term", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.put("n2", "n1", 1, 1, 9)
			h.put("n1", "n1", 1, 1, 1)
			h.elect("n1", 2, "n3")
			h.put("n1", "n1", 2, 2, 2)
			h.commit("n1", 2, 3, true)
			h.elect("n2", 3, "n3")
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"another entry in its place, by lineage", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 1, 1, 1)
			h.elect("n1", 2, "n3") // from index 2 on
			h.put("n1", "n1", 2, 2, 2)
			h.commit("n1", 2, 3, true)
			h.logs["n2"] = []uint64{1, 1, 1, 1}
			h.elect("n2", 3, "n3") // lacks (2,3)
			h.put("n2", "n2", 3, 3, 1)
			h.elect("n2", 4, "n3") // its last term is now 3
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"term 3 wins after term 4 has committed", func() *tape {
			h := traced()
			h.start()
			h.stand("n3", 3)
			h.elect("n1", 4, "n2")
			h.put("n1", "n1", 4, 4, 5)
			h.commit("n1", 4, 5, true)
			h.lead("n3", 3) // its votes were on their way
			h.end()
			return h
		}, checker.Valid, ""},
		{"a follower's knowledge counts for its term", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n2", 5, 5, 4)
			h.commit("n1", 5, 4, false)
			h.elect("n3", 6, "n2")
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"a follower's knowledge of the same term does not", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n2", 5, 5, 4)
			h.commit("n1", 5, 4, false)
			h.elect("n3", 5, "n2")
			h.end()
			return h
		}, checker.Valid, ""},
		{"uncommitted entries may be lost", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.put("n1", "n1", 1, 1, 9)
			h.commit("n1", 1, 1, true)
			h.put("n2", "n1", 1, 1, 1)
			h.elect("n2", 2, "n3")
			h.end()
			return h
		}, checker.Valid, ""},
		{"on the wire", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.tap("n3", history.Raft{What: history.RaftLeader, Term: 3, Last: pos(1, 9)})
			return h
		}, checker.Invalid, "the winner lacks a committed entry"},
		{"on the wire, its log not seen", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.tap("n3", history.Raft{What: history.RaftLeader, Term: 3})
			h.end()
			return h
		}, checker.Valid, ""},
		{"on the wire, an equal log", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftCommit, Term: 2, Index: 7, EntryTerm: 2, Lead: true})
			h.tap("n3", history.Raft{What: history.RaftLeader, Term: 3, Last: pos(2, 7)})
			h.end()
			return h
		}, checker.Valid, ""},
	})
}
