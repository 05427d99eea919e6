package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestVotesMajority(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	config := func(h *tape, node string, voters, outgoing []string) {
		h.trace(node, history.Raft{What: history.RaftConfig, Index: 1, Voters: voters, Outgoing: outgoing})
	}
	verdicts(t, newVotes, []row{
		{"two of five", func() *tape {
			h := traced(five...)
			h.start()
			h.elect("n1", 1, "n2")
			h.end()
			return h
		}, checker.Invalid, "won without a majority"},
		{"three of five", func() *tape {
			h := traced(five...)
			h.start()
			h.elect("n1", 1, "n2", "n3")
			h.end()
			return h
		}, checker.Valid, ""},
		{"two of five, and a third that had voted for another", func() *tape {
			h := traced(five...)
			h.start()
			h.stand("n3", 1)
			h.elect("n1", 1, "n2", "n3")
			h.end()
			return h
		}, checker.Invalid, "two votes in one term"},
		{"two of five, the history cut short", func() *tape {
			h := traced(five...)
			h.start()
			h.elect("n1", 1, "n2")
			return h
		}, checker.Unknown, ""},
		{"two of five, one trace missing", func() *tape {
			h := traced(five...)
			h.nodes = five[:4]
			h.start()
			h.elect("n1", 1, "n2")
			h.end()
			return h
		}, checker.Unknown, ""},
		{"three of five, one of them killed after its vote", func() *tape {
			h := traced(five...)
			h.start()
			h.stand("n1", 1)
			h.lead("n1", 1) // merged before the votes it depends on
			h.grant("n2", "n1", 1)
			h.grant("n3", "n1", 1)
			h.end()
			return h
		}, checker.Valid, ""},
		{"a majority of the new but not of the old", func() *tape {
			h := traced(five...)
			h.start()
			config(h, "n1", five[:3], five)
			h.elect("n1", 1, "n2")
			h.end()
			return h
		}, checker.Invalid, "won without a majority"},
		{"a majority of both", func() *tape {
			h := traced(five...)
			h.start()
			config(h, "n1", five[:3], five)
			h.elect("n1", 1, "n2", "n4")
			h.end()
			return h
		}, checker.Valid, ""},
		{"a majority of a smaller cluster", func() *tape {
			h := traced(five...)
			h.start()
			config(h, "n1", five[:3], nil)
			h.elect("n1", 1, "n2")
			h.end()
			return h
		}, checker.Valid, ""},
		{"two of five on the wire", func() *tape {
			h := tapped(five...)
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.tap("n2", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.end()
			return h
		}, checker.Invalid, "won without a majority"},
		{"two of five on a wire with a hole", func() *tape {
			h := tapped(five...)
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.tap("n2", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
			h.end()
			return h
		}, checker.Unknown, ""},
		{"the third vote after it began to lead", func() *tape {
			h := tapped(five...)
			onWire(h, "n1", "n2")
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.end()
			return h
		}, checker.Invalid, "led before it had a majority"},
		{"the third vote just before it began to lead", func() *tape {
			h := tapped(five...)
			onWire(h, "n1", "n2", "n3")
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.tap("n4", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.end()
			return h
		}, checker.Valid, ""},
		{"the third vote after it began to lead, on a wire with a hole", func() *tape {
			h := tapped(five...)
			onWire(h, "n1", "n2")
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.tap("n3", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.run(history.Run{What: history.RunUntap, Text: "n4 > n1"})
			h.end()
			return h
		}, checker.Valid, ""},
		{"a vote of the term before does not count", func() *tape {
			h := tapped(five...)
			onWire(h, "n1", "n2", "n3")
			h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 2})
			h.tap("n2", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 2})
			h.tap("n4", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.end()
			return h
		}, checker.Invalid, "led before it had a majority"},
	})
}

// onWire lets node stand in term 1 and the others vote for it.
func onWire(h *tape, node string, voters ...string) {
	h.tap(node, history.Raft{What: history.RaftCandidate, Term: 1})
	for _, name := range voters {
		h.tap(name, history.Raft{What: history.RaftVote, Term: 1, Peer: node, Granted: true})
	}
}
