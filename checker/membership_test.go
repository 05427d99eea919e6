package checker_test

import (
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// changes writes down that the harness is about to change the members; with inc,
// node comes back as a new member with its process inc.
func (t *tape) changes(node string, inc uint64, voters ...string) {
	t.seq["harness"]++
	t.add(history.Event{Raft: &history.Raft{
		Source: history.Harness, Node: node, Inc: inc, Seq: t.seq["harness"], What: history.RaftConfig, Voters: voters,
	}})
}

// newTap is tap for the member that has taken node's place.
func (t *tape) newTap(node string, r history.Raft) {
	t.tap(node, r)
	t.events[len(t.events)-1].Raft.Inc = 1
}

func wireVote(candidate string, term uint64) history.Raft {
	return history.Raft{What: history.RaftVote, Term: term, Peer: candidate, Granted: true}
}

func TestVotesOfAReplacedMember(t *testing.T) {
	stands := func(h *tape, node string, term uint64) {
		h.tap(node, history.Raft{What: history.RaftCandidate, Term: term, Last: pos(1, 1)})
	}
	leads := func(h *tape, node string, term uint64) {
		h.tap(node, history.Raft{What: history.RaftLeader, Term: term, Last: pos(1, 1)})
	}
	wire := func(fill func(h *tape)) func() *tape {
		return func() *tape {
			h := tapped()
			stands(h, "n1", 5)
			fill(h)
			h.end()
			return h
		}
	}
	const twice = "two votes in one term"
	verdicts(t, newVotes, []row{
		{"the new one votes for another in the old one's term", wire(func(h *tape) {
			h.tap("n2", wireVote("n1", 5))
			leads(h, "n1", 5)
			h.changes("n2", 0, "n1", "n3")
			h.changes("n2", 2, "n1", "n2", "n3")
			h.newTap("n2", wireVote("n3", 5))
		}), checker.Valid, ""},
		{"the old one's vote comes late", wire(func(h *tape) {
			h.changes("n2", 0, "n1", "n3")
			h.changes("n2", 2, "n1", "n2", "n3")
			h.newTap("n2", wireVote("n3", 5))
			h.tap("n2", wireVote("n1", 5))
		}), checker.Valid, ""},
		{"the old one votes twice", wire(func(h *tape) {
			h.tap("n2", wireVote("n1", 5))
			h.changes("n2", 2, "n1", "n2", "n3")
			h.tap("n2", wireVote("n3", 5))
		}), checker.Invalid, twice},
		{"the new one votes twice", wire(func(h *tape) {
			h.changes("n2", 2, "n1", "n2", "n3")
			h.newTap("n2", wireVote("n1", 5))
			h.newTap("n2", wireVote("n3", 5))
		}), checker.Invalid, twice},
		{"the new one makes a winner", wire(func(h *tape) {
			h.changes("n2", 2, "n1", "n2", "n3")
			h.newTap("n2", wireVote("n1", 5))
			leads(h, "n1", 5)
		}), checker.Valid, ""},
		{"nobody makes a winner", wire(func(h *tape) {
			h.changes("n2", 0, "n1", "n3")
			h.changes("n2", 2, "n1", "n2", "n3")
			leads(h, "n1", 5)
		}), checker.Invalid, "won without a majority"},
	})
}

// A traced member that was replaced starts with nothing, and may.
func TestTraceOfAReplacedMember(t *testing.T) {
	replaced := func(announce bool) func() *tape {
		return func() *tape {
			h := traced()
			h.start()
			h.stand("n1", 5)
			h.grant("n2", "n1", 5)
			h.lead("n1", 5)
			h.put("n2", "n1", 5, 5, 3)
			if announce {
				h.changes("n2", 0, "n1", "n3")
				h.changes("n2", 2, "n1", "n2", "n3")
			}
			h.logs["n2"] = nil
			h.restart("n2", 0, "")
			h.follow("n2", "n1", 5)
			h.end()
			return h
		}
	}
	verdicts(t, newVotes, []row{
		{"a new member", replaced(true), checker.Valid, ""},
		{"the same member", replaced(false), checker.Invalid, "a vote was forgotten"},
	})
	verdicts(t, newLogs, []row{
		{"a new member", replaced(true), checker.Valid, ""},
		{"the same member", replaced(false), checker.Invalid, "a term went back"},
	})
}

// With two of five members out, two are a majority of the three that are left.
func TestMajorityOfThoseThatAreLeft(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	run := func(fill func(h *tape)) func() *tape {
		return func() *tape {
			h := tapped(five...)
			fill(h)
			h.end()
			return h
		}
	}
	out := func(h *tape) {
		h.changes("n5", 0, "n1", "n2", "n3", "n4")
		h.changes("n4", 0, "n1", "n2", "n3")
	}
	wins := func(h *tape) {
		h.tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: pos(1, 1)})
		h.tap("n2", wireVote("n1", 3))
		h.tap("n1", history.Raft{What: history.RaftLeader, Term: 3, Last: pos(1, 1)})
	}
	verdicts(t, newVotes, []row{
		{"two votes, two out", run(func(h *tape) { out(h); wins(h) }), checker.Valid, ""},
		{"two votes, nobody out", run(wins), checker.Invalid, "won without a majority"},
		{"two votes, one out", run(func(h *tape) { h.changes("n5", 0, "n1", "n2", "n3", "n4"); wins(h) }), checker.Invalid, "won without a majority"},
	})
	commits := func(h *tape) {
		h.tap("n1", history.Raft{What: history.RaftLeader, Term: 3})
		h.tap("n2", history.Raft{What: history.RaftAck, Term: 3, Peer: "n1", Index: 7, EntryTerm: 3})
		h.tap("n1", history.Raft{What: history.RaftCommit, Term: 3, Index: 7, EntryTerm: 3, Lead: true})
	}
	verdicts(t, newLogs, []row{
		{"acknowledged by two, two out", run(func(h *tape) { out(h); commits(h) }), checker.Valid, ""},
		{"acknowledged by two, two out later", run(func(h *tape) { commits(h); out(h) }), checker.Invalid, "committed before a majority had it"},
		{"acknowledged by two, one out", run(func(h *tape) { h.changes("n5", 0, "n1", "n2", "n3", "n4"); commits(h) }), checker.Invalid, "committed before a majority had it"},
	})
}

// The harness's word alone is nothing that a member said.
func TestMembershipIsNoWordOfAMember(t *testing.T) {
	for _, c := range []func() checker.Checker{newVotes, newLogs} {
		verdicts(t, c, []row{{"nobody spoke", func() *tape {
			h := newTape(history.Run{})
			h.changes("n2", 0, "n1", "n3")
			h.end()
			return h
		}, checker.Valid, ""}})
	}
}
