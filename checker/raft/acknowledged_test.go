package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestCommitsAreAcknowledged(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	ack := func(h *tape.Tape, node, leader string, term, index uint64) {
		h.Tap(node, history.Raft{What: history.RaftAck, Term: term, Peer: leader, Index: index, EntryTerm: term})
	}
	commit := func(h *tape.Tape, term, entry, index uint64) {
		h.Tap("n1", history.Raft{What: history.RaftCommit, Term: term, Index: index, EntryTerm: entry, Lead: entry == term})
	}
	wire := func(fill func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.Tapped(five...)
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 3})
			fill(h)
			h.End()
			return h
		}
	}
	const rule = "committed before a majority had it"
	tape.Verdicts(t, newLogs, []tape.Row{
		{Name: "by three of five", Build: wire(func(h *tape.Tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n1", 3, 9)
			commit(h, 3, 3, 7)
		}), Want: verdict.Valid},
		{Name: "the second acknowledgement came after", Build: wire(func(h *tape.Tape) {
			ack(h, "n2", "n1", 3, 7)
			commit(h, 3, 3, 7)
			ack(h, "n3", "n1", 3, 9)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "the second acknowledgement was one short", Build: wire(func(h *tape.Tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n1", 3, 6)
			commit(h, 3, 3, 7)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "acknowledged to another leader", Build: wire(func(h *tape.Tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n4", 2, 7)
			commit(h, 3, 3, 7)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "acknowledged by a stranger", Build: wire(func(h *tape.Tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n9", "n1", 3, 7)
			commit(h, 3, 3, 7)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "in its log when it won, though of its term", Build: wire(func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 3, Index: 7, EntryTerm: 3})
		}), Want: verdict.Unchecked},
		{Name: "of an earlier term", Build: wire(func(h *tape.Tape) { commit(h, 3, 2, 7) }), Want: verdict.Unchecked},
		{Name: "with a hole in the taps", Build: wire(func(h *tape.Tape) {
			commit(h, 3, 3, 7)
			h.Run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
		}), Want: verdict.Unchecked},
	})
}
