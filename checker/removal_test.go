package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestLogsRemovals(t *testing.T) {
	verdicts(t, newLogs, []row{
		{"a conflicting suffix", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n1", "n1", 1, 1, 2) // n1 alone
			h.elect("n2", 2, "n3")
			h.put("n2", "n2", 2, 2, 1)
			h.follow("n1", "n2", 2)
			h.truncate("n1", "n2", 2, 11)
			h.put("n1", "n2", 2, 2, 1)
			h.commit("n1", 2, 11, false)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a leader's own entries", func() *tape {
			h := traced()
			replicate(h, 10)
			h.truncate("n1", "n1", 1, 9)
			return h
		}, checker.Invalid, "a leader removed entries"},
		{"entries it knew committed", func() *tape {
			h := traced()
			replicate(h, 10)
			h.elect("n3", 2, "n2")
			h.follow("n2", "n3", 2)
			h.truncate("n2", "n3", 2, 5)
			return h
		}, checker.Invalid, "committed entries were removed"},
		{"entries just taken from the same leader", func() *tape {
			h := traced()
			replicate(h, 10)
			h.truncate("n2", "n1", 1, 8)
			return h
		}, checker.Invalid, "removed entries that did not conflict"},
		{"older entries taken from the same leader", func() *tape {
			h := traced()
			replicate(h, 10)
			h.elect("n3", 2, "n2")
			h.logs["n2"] = h.logs["n2"][:0]
			h.trace("n2", history.Raft{What: history.RaftInstall, Term: 2, Peer: "n3", Index: 5, EntryTerm: 1})
			h.logs["n2"] = []uint64{1, 1, 1, 1, 1}
			h.put("n2", "n3", 2, 1, 5)
			h.truncate("n2", "n3", 2, 9)
			return h
		}, checker.Invalid, "removed entries that did not conflict"},
		{"entries that the leader has, by its lineage", func() *tape {
			h := traced()
			replicate(h, 10)
			h.elect("n3", 2, "n2") // n3's log is (1,10)
			h.follow("n2", "n3", 2)
			h.truncate("n2", "n3", 2, 9)
			return h
		}, checker.Invalid, "removed entries that did not conflict"},
		{"entries known committed by others", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n1", "n1", 1, 1, 1)
			h.put("n2", "n1", 1, 1, 1)
			h.follow("n2", "n3", 3) // n3's victory is not in the history
			h.truncate("n2", "n3", 3, 11)
			h.commit("n1", 1, 11, true)
			return h
		}, checker.Invalid, "committed entries were removed"},
		{"entries committed only in a later term (figure 8, legal)", func() *tape {
			h := traced()
			h.start()
			h.put("n1", "n1", 2, 2, 1)
			h.put("n2", "n1", 2, 2, 1)
			h.put("n3", "n3", 3, 3, 1)
			h.follow("n2", "n3", 3)
			h.truncate("n2", "n3", 3, 1) // while n1 and others go on without it
			h.elect("n1", 4)
			h.put("n1", "n1", 4, 4, 1)
			h.commit("n1", 4, 2, true)
			h.end()
			return h
		}, checker.Valid, ""},
		{"an overwriting append without truncation, legal", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 1, 1, 3)
			h.logs["n2"] = []uint64{1}
			h.put("n2", "n3", 2, 2, 1)
			h.commit("n2", 2, 2, false)
			h.end()
			return h
		}, checker.Valid, ""},
		{"an overwriting append of committed entries", func() *tape {
			h := traced()
			h.start()
			h.put("n2", "n1", 1, 1, 3)
			h.commit("n2", 1, 2, false)
			h.logs["n2"] = []uint64{1}
			h.put("n2", "n3", 2, 2, 1)
			return h
		}, checker.Invalid, "committed entries were removed"},
	})
}

func TestLogsRestart(t *testing.T) {
	verdicts(t, newLogs, []row{
		{"everything kept", func() *tape {
			h := traced()
			replicate(h, 10)
			h.restart("n2", 1, "n1")
			h.put("n2", "n1", 1, 1, 2)
			h.commit("n2", 1, 4, false) // the commit index is not durable
			h.end()
			return h
		}, checker.Valid, ""},
		{"acknowledged entries lost", func() *tape {
			h := traced()
			replicate(h, 10)
			h.logs["n2"] = h.logs["n2"][:8]
			h.restart("n2", 1, "n1")
			return h
		}, checker.Invalid, "durable entries were lost"},
		{"everything lost", func() *tape {
			h := traced()
			replicate(h, 10)
			h.logs["n2"] = nil
			h.restart("n2", 1, "n1")
			return h
		}, checker.Invalid, "durable entries were lost"},
		{"a leader's own entries lost", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n1", "n1", 1, 1, 1)
			h.logs["n1"] = h.logs["n1"][:10]
			h.restart("n1", 1, "n1")
			return h
		}, checker.Invalid, "durable entries were lost"},
		{"committed entries lost in a later term", func() *tape {
			h := traced()
			replicate(h, 10)
			h.logs["n2"] = h.logs["n2"][:3]
			h.restart("n2", 7, "")
			return h
		}, checker.Invalid, "durable entries were lost"},
		{"killed between a leader's truncation and its trace", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n1", "n1", 1, 1, 2)
			h.elect("n2", 2, "n3")
			h.put("n2", "n2", 2, 2, 1)
			h.logs["n1"] = h.logs["n1"][:10]
			h.restart("n1", 2, "") // durably cut for n2, untraced
			h.put("n1", "n2", 2, 2, 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"killed between a leader's replacement and its trace", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n1", "n1", 1, 1, 2)
			h.elect("n2", 2, "n3")
			h.put("n2", "n2", 2, 2, 1)
			h.logs["n1"] = append(h.logs["n1"][:10:10], 2)
			h.restart("n1", 2, "")
			h.put("n1", "n2", 2, 2, 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"killed between an append and its trace", func() *tape {
			h := traced()
			replicate(h, 10)
			h.logs["n2"] = append(h.logs["n2"], 1, 1)
			h.restart("n2", 1, "n1")
			h.put("n2", "n1", 1, 1, 2)
			h.commit("n2", 1, 14, false)
			h.end()
			return h
		}, checker.Valid, ""},
		{"another log than before", func() *tape {
			h := traced()
			replicate(h, 10)
			h.restart("n2", 1, "n1")
			e := &h.events[len(h.events)-1]
			e.Raft.Hash++
			return h
		}, checker.Invalid, "logs do not match"},
		{"a trace cut short by a kill, nothing after", func() *tape {
			h := traced()
			replicate(h, 10)
			h.put("n2", "n1", 1, 1, 1)
			h.end()
			return h
		}, checker.Valid, ""},
	})
}
