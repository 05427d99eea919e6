package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func TestCommitsAreAcknowledged(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	ack := func(h *tape, node, leader string, term, index uint64) {
		h.tap(node, history.Raft{What: history.RaftAck, Term: term, Peer: leader, Index: index, EntryTerm: term})
	}
	commit := func(h *tape, term, entry, index uint64) {
		h.tap("n1", history.Raft{What: history.RaftCommit, Term: term, Index: index, EntryTerm: entry, Lead: entry == term})
	}
	wire := func(fill func(h *tape)) func() *tape {
		return func() *tape {
			h := tapped(five...)
			h.tap("n1", history.Raft{What: history.RaftLeader, Term: 3})
			fill(h)
			h.end()
			return h
		}
	}
	const rule = "committed before a majority had it"
	verdicts(t, newLogs, []row{
		{"by three of five", wire(func(h *tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n1", 3, 9)
			commit(h, 3, 3, 7)
		}), checker.Valid, ""},
		{"the second acknowledgement came after", wire(func(h *tape) {
			ack(h, "n2", "n1", 3, 7)
			commit(h, 3, 3, 7)
			ack(h, "n3", "n1", 3, 9)
		}), checker.Invalid, rule},
		{"the second acknowledgement was one short", wire(func(h *tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n1", 3, 6)
			commit(h, 3, 3, 7)
		}), checker.Invalid, rule},
		{"acknowledged to another leader", wire(func(h *tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n3", "n4", 2, 7)
			commit(h, 3, 3, 7)
		}), checker.Invalid, rule},
		{"acknowledged by a stranger", wire(func(h *tape) {
			ack(h, "n2", "n1", 3, 7)
			ack(h, "n9", "n1", 3, 7)
			commit(h, 3, 3, 7)
		}), checker.Invalid, rule},
		{"of an earlier term", wire(func(h *tape) { commit(h, 3, 2, 7) }), checker.Valid, ""},
		{"with a hole in the taps", wire(func(h *tape) {
			commit(h, 3, 3, 7)
			h.run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
		}), checker.Valid, ""},
	})
}
