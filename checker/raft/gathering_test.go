package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A group that began without knowing its members counts those whom its leader has added. By
// two of five an entry is committed only while nobody can be elected without them.
func TestCommitsWhileAGroupGathers(t *testing.T) {
	five := []string{"n1", "n2", "n3", "n4", "n5"}
	in := []string{"n1", "n3", "n5", "n4", "n2"} // as they are added
	adds := func(h *tape.Tape, index uint64) {
		r := history.Raft{
			Source: history.Tap, What: history.RaftConfig, Stage: history.Sent,
			EntryTerm: 1, Index: index, Voters: in[:index], Learners: in[index:],
		}
		if index == 2 {
			r.Outgoing = five
		}
		h.Seq["tap"]++
		r.Seq = h.Seq["tap"]
		h.Add(history.Event{Raft: &r})
	}
	acks := func(h *tape.Tape, index uint64, nodes ...string) {
		for _, node := range nodes {
			h.Tap(node, history.Raft{What: history.RaftAck, Term: 1, Peer: "n1", Index: index, EntryTerm: 1})
		}
	}
	commits := func(h *tape.Tape, index uint64) {
		h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 1, EntryTerm: 1, Index: index, Lead: true})
	}
	boots := func(fill func(h *tape.Tape)) func() *tape.Tape {
		return tape.On(tape.Tapped(five...), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 1})
			acks(h, 1, "n2", "n3", "n4", "n5")
			adds(h, 2)
			fill(h)
			h.End()
		})
	}
	const rule = "committed before a majority had it"
	tape.Verdicts(t, logs, []tape.Row{
		{Name: "the third voter is added by two of three", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3", "n4")
			commits(h, 2)
			adds(h, 3)
			acks(h, 3, "n5")
			commits(h, 3)
		}), Want: verdict.Valid},
		{Name: "the second voter by two of five, while three may still elect without them", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3")
			commits(h, 2)
			acks(h, 2, "n4")
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "the third likewise, as the second is known to two only", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3")
			adds(h, 3)
			acks(h, 3, "n3")
			commits(h, 3)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "the third by its leader and who has no vote yet", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3", "n4")
			adds(h, 3)
			acks(h, 3, "n2")
			commits(h, 3)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "by two of four", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3", "n4")
			adds(h, 3)
			adds(h, 4)
			acks(h, 4, "n5")
			commits(h, 4)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "by two once all are in it", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3", "n4")
			adds(h, 3)
			adds(h, 4)
			adds(h, 5)
			acks(h, 9, "n3")
			commits(h, 9)
		}), Want: verdict.Invalid, Rule: rule},
		{Name: "by three once all are in it", Build: boots(func(h *tape.Tape) {
			acks(h, 2, "n3", "n4")
			adds(h, 3)
			adds(h, 4)
			adds(h, 5)
			acks(h, 9, "n3", "n2")
			commits(h, 9)
		}), Want: verdict.Valid},
	})
}

// What a leader of another term counts is not what the first one counted.
func TestGatheringBindsItsLeader(t *testing.T) {
	h := tape.Tapped("n1", "n2", "n3", "n4", "n5")
	h.Seq["tap"]++
	h.Add(history.Event{Raft: &history.Raft{
		Source: history.Tap, Seq: h.Seq["tap"], What: history.RaftConfig, Stage: history.Sent,
		EntryTerm: 1, Index: 2, Voters: []string{"n1", "n3"}, Learners: []string{"n2", "n4", "n5"}, Outgoing: []string{"n1", "n2", "n3", "n4", "n5"},
	}})
	h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 2})
	h.Tap("n3", history.Raft{What: history.RaftAck, Term: 2, Peer: "n1", Index: 3, EntryTerm: 2})
	h.Tap("n1", history.Raft{What: history.RaftCommit, Term: 2, EntryTerm: 2, Index: 3, Lead: true})
	h.End()
	tape.Verdicts(t, logs, []tape.Row{{
		Name: "in a later term", Build: func() *tape.Tape { return h }, Want: verdict.Invalid, Rule: "committed before a majority had it",
	}})
}
