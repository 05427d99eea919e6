package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A vote for a stale log that only the tap saw is foreseen once all is known up to a
// leadership after it, before the history has ended; and to ask changes no verdict.
func TestVotesForesees(t *testing.T) {
	stands := func(h *tape.Tape, last history.Pos) {
		h.Tap("n1", history.Raft{What: history.RaftCandidate, Term: 3, Last: last})
	}
	grants := func(h *tape.Tape, last history.Pos) {
		h.Tap("n3", history.Raft{What: history.RaftVote, Term: 3, Peer: "n1", Granted: true, Last: last})
	}
	leads := func(h *tape.Tape) { h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 3}) }
	stale := []string{"a vote for a stale log"}
	for _, c := range []struct {
		name  string
		does  func(h *tape.Tape)
		short uint64 // how many events before the last one are the latest that all is known of
		want  []string
	}{
		{"behind its own", func(h *tape.Tape) { stands(h, tape.Pos(1, 4)); grants(h, tape.Pos(2, 4)); leads(h) }, 0, stale},
		{"shorter than its own", func(h *tape.Tape) { stands(h, tape.Pos(2, 4)); grants(h, tape.Pos(2, 5)); leads(h) }, 0, stale},
		{"like its own", func(h *tape.Tape) { stands(h, tape.Pos(2, 4)); grants(h, tape.Pos(2, 4)); leads(h) }, 0, nil},
		{"the vote itself is the last of it", func(h *tape.Tape) { stands(h, tape.Pos(1, 4)); grants(h, tape.Pos(2, 4)); leads(h) }, 1, stale},
		{"the vote is not known to be all", func(h *tape.Tape) { stands(h, tape.Pos(1, 4)); grants(h, tape.Pos(2, 4)); leads(h) }, 2, nil},
		{"its log grew, and the first vote was seen later", func(h *tape.Tape) {
			stands(h, tape.Pos(1, 4))
			grants(h, tape.Pos(3, 5))
			grants(h, tape.Pos(1, 4))
			leads(h)
		}, 0, nil},
		{"a hole in the wire, where a first vote may be", func(h *tape.Tape) {
			stands(h, tape.Pos(1, 4))
			grants(h, tape.Pos(2, 4))
			h.Run(history.Run{What: history.RunUntap, Text: "n4 > n1"})
			leads(h)
		}, 0, nil},
		{"nobody saw it stand", func(h *tape.Tape) { grants(h, tape.Pos(2, 4)); leads(h) }, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := tape.Tapped()
			c.does(h)
			votes, asked := raft.NewVotes(), raft.NewVotes()
			for i := range h.Events {
				votes.Event(&h.Events[i])
				asked.Event(&h.Events[i])
			}
			var rules []string
			for _, rule := range asked.Foresees(h.Events[len(h.Events)-1].Seq - c.short) {
				if rule == stale[0] { // others wait for a majority of votes, which are not this test's
					rules = append(rules, rule)
				}
			}
			require.Equal(t, c.want, rules)
			require.False(t, asked.Violated())
			require.Equal(t, votes.Finish(), asked.Finish())

			h.End()
			require.Equal(t, c.want != nil || c.short == 2, breached(h.Judge(raft.NewVotes()), stale[0]), "as the whole history is judged")
		})
	}
}

func breached(r verdict.Result, rule string) bool {
	for _, v := range r.Violations {
		if v.Rule == rule {
			return true
		}
	}
	return false
}

// Who stood without having asked is foreseen once all is known up to that, before the
// history has ended; one whose pre-votes may not have been told yet is not.
func TestPreVotesForesees(t *testing.T) {
	without := []string{"stood without the pre-votes of a majority"}
	for _, c := range []struct {
		name  string
		does  func(h *tape.Tape)
		short uint64
		want  []string
	}{
		{"nobody was asked", func(h *tape.Tape) { h.Elect("n1", 1, "n2") }, 0, without},
		{"nobody is known to have been asked yet", func(h *tape.Tape) { h.Stand("n1", 1) }, 2, nil},
		{"a majority was", func(h *tape.Tape) { h.Trace("n2", preVote("n1", 1, true)); h.Elect("n1", 1, "n2") }, 0, nil},
		{"told of after it", func(h *tape.Tape) { h.Elect("n1", 1, "n3"); h.Trace("n2", preVote("n1", 1, true)) }, 0, nil},
		{"a leader's word", func(h *tape.Tape) {
			h.Trace("n2", history.Raft{What: history.RaftCandidate, Term: 2, Reason: history.ReasonTransfer})
		}, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := asking(true)
			c.does(h)
			votes := raft.NewPreVotes()
			for i := range h.Events {
				votes.Event(&h.Events[i])
			}
			require.Equal(t, c.want, votes.Foresees(h.Events[len(h.Events)-1].Seq-c.short))
			require.False(t, votes.Violated(), "to ask changes no verdict")
			h.End()
			require.Equal(t, c.want != nil || c.short > 0, breached(h.Judge(raft.NewPreVotes()), without[0]), "as the whole history is judged")
		})
	}
	h := tape.Traced()
	h.Elect("n1", 1, "n2")
	votes := raft.NewPreVotes()
	for i := range h.Events {
		votes.Event(&h.Events[i])
	}
	require.Empty(t, votes.Foresees(h.Events[len(h.Events)-1].Seq), "nobody says that members ask")
}
