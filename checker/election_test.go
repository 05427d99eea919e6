package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestElection(t *testing.T) {
	verdicts(t, func() checker.Checker { return checker.NewElection() }, []row{
		{"one leader a term", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2", "n3")
			h.elect("n2", 2, "n3")
			h.end()
			return h
		}, checker.Valid, ""},
		{"two leaders of different terms at the same time", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.elect("n2", 2, "n3") // n1 does not know yet
			h.lead("n1", 1)        // told twice, by a restarted reader
			h.end()
			return h
		}, checker.Valid, ""},
		{"two leaders in one term", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.lead("n3", 1)
			return h
		}, checker.Invalid, "two leaders in one term"},
		{"two leaders in one term, long apart", func() *tape {
			h := traced()
			h.start()
			h.lead("n1", 1)
			h.lead("n2", 2)
			h.restart("n3", 0, "")
			h.lead("n3", 1)
			return h
		}, checker.Invalid, "two leaders in one term"},
		{"two leaders on the wire", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.tap("n2", history.Raft{What: history.RaftLeader, Term: 4})
			return h
		}, checker.Invalid, "two leaders in one term"},
		{"with a connection that nobody could decode", func() *tape {
			h := tapped()
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
			return h
		}, checker.Unknown, "not decoded"},
		{"one traced, another on the wire", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.lead("n1", 4)
			h.tap("n2", history.Raft{What: history.RaftLeader, Term: 4})
			return h
		}, checker.Invalid, "two leaders in one term"},
		{"entries of a leader that was deposed", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.elect("n2", 2, "n3")
			h.put("n3", "n1", 2, 1, 1)
			return h
		}, checker.Invalid, "obeyed one who does not lead"},
		{"the same, with the election merged after", func() *tape {
			h := traced()
			h.start()
			h.put("n3", "n1", 2, 1, 1)
			h.lead("n2", 2)
			return h
		}, checker.Invalid, "obeyed one who does not lead"},
		{"two followers with two leaders, of whom neither is heard", func() *tape {
			h := traced()
			h.start()
			h.follow("n2", "n1", 2)
			h.follow("n3", "n4", 2)
			return h
		}, checker.Invalid, "obeyed one who does not lead"},
		{"entries of a leader before it is deposed, merged after", func() *tape {
			h := traced()
			h.start()
			h.elect("n1", 1, "n2")
			h.elect("n2", 2, "n3")
			h.put("n4", "n1", 1, 1, 1)
			h.follow("n4", "", 2)
			h.put("n4", "n2", 2, 1, 1)
			h.put("n4", "n2", 2, 2, 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"both sources tell of one leader", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.lead("n1", 4)
			h.end()
			return h
		}, checker.Valid, ""},
		{"killed before it sent anything", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.lead("n1", 4)
			h.restart("n1", 4, "n1")
			h.end()
			return h
		}, checker.Valid, ""},
		{"led on the wire, not by its trace", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.lead("n1", 3)
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.end()
			return h
		}, checker.Unknown, ""},
		{"led on the wire, its trace not read yet", func() *tape {
			h := newTape(history.Run{Traced: true, Tapped: true})
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			return h
		}, checker.Valid, ""},
		{"no evidence at all", func() *tape { return newTape(history.Run{}) }, checker.Valid, ""},
	})
}

func TestElectionExplains(t *testing.T) {
	h := traced()
	h.lead("n1", 7)
	h.lead("n3", 7)
	got := h.judge(checker.NewElection())
	require.Equal(t, "term 7 has two leaders: n1 and n3", got.Violations[0].Text)
	require.Len(t, got.Violations[0].Events, 2)
	require.Equal(t, "n3 leads term 7 with its log ending at (empty)", checker.Describe(&got.Violations[0].Events[1]))
}
