package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestVotesMajority(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	config := func(h *tape.Tape, node string, voters, outgoing []string) {
		h.Trace(node, history.Raft{What: history.RaftConfig, Index: 1, Voters: voters, Outgoing: outgoing})
	}
	tape.Verdicts(t, newVotes, []tape.Row{
		{Name: "two of five", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "three of five", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			h.Elect("n1", 1, "n2", "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "two of five, and a third that had voted for another", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			h.Stand("n3", 1)
			h.Elect("n1", 1, "n2", "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "two votes in one term"},
		{Name: "two of five, the history cut short", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			h.Elect("n1", 1, "n2")
		}), Want: verdict.Unknown},
		{Name: "two of five, one trace missing", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Nodes = five[:4]
			h.Start()
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Unknown},
		{Name: "three of five, one of them killed after its vote", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			h.Stand("n1", 1)
			h.Lead("n1", 1) // merged before the votes it depends on
			h.Grant("n2", "n1", 1)
			h.Grant("n3", "n1", 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "a majority of the new but not of the old", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			config(h, "n1", five[:3], five)
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "a majority of both", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			config(h, "n1", five[:3], five)
			h.Elect("n1", 1, "n2", "n4")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a majority of a smaller cluster", Build: tape.On(tape.Traced(five...), func(h *tape.Tape) {
			h.Start()
			config(h, "n1", five[:3], nil)
			h.Elect("n1", 1, "n2")
			h.End()
		}), Want: verdict.Valid},
		{Name: "two of five on the wire", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.Tap("n2", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "two of five on a wire with a hole", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 1})
			h.Tap("n2", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.Run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
			h.End()
		}), Want: verdict.Unknown},
		{Name: "the third vote after it began to lead", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			onWire(h, "n1", "n2")
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.End()
		}), Want: verdict.Invalid, Rule: "led before it had a majority"},
		{Name: "the third vote just before it began to lead", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			onWire(h, "n1", "n2", "n3")
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.Tap("n4", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.End()
		}), Want: verdict.Valid},
		{Name: "the third vote after it began to lead, on a wire with a hole", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			onWire(h, "n1", "n2")
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			h.Tap("n3", history.Raft{What: history.RaftVote, Term: 1, Peer: "n1", Granted: true})
			h.Run(history.Run{What: history.RunUntap, Text: "n4 > n1"})
			h.End()
		}), Want: verdict.Valid},
		{Name: "a vote of the term before does not count", Build: tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			onWire(h, "n1", "n2", "n3")
			h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 2})
			h.Tap("n2", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 2})
			h.Tap("n4", history.Raft{What: history.RaftVote, Term: 2, Peer: "n1", Granted: true})
			h.End()
		}), Want: verdict.Invalid, Rule: "led before it had a majority"},
	})
}

// onWire lets node stand in term 1 and the others vote for it.
func onWire(h *tape.Tape, node string, voters ...string) {
	h.Tap(node, history.Raft{What: history.RaftCandidate, Term: 1})
	for _, name := range voters {
		h.Tap(name, history.Raft{What: history.RaftVote, Term: 1, Peer: node, Granted: true})
	}
}
