package raft_test

import (
	"testing"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// grown is a cluster of five that began with n1 alone, up to so many members, of which the
// wire shows all entries that made voters of them.
func grown(h *tape.Tape, members int) {
	all := []string{"n1", "n2", "n3", "n4", "n5"}
	leads(h, "", "n1", 1)
	for n := range members {
		h.Configured("", tape.Pos(1, uint64(1+n)), all[:n+1]...)
	}
}

// Who wins needs a majority of voters that some entry of the log made.
func TestVotesAfterEntriesThatChangeTheMembers(t *testing.T) {
	five := func() *tape.Tape { return tape.Tapped("n1", "n2", "n3", "n4", "n5") }
	tape.Verdicts(t, votes, []tape.Row{
		{Name: "who began alone", Build: tape.On(five(), func(h *tape.Tape) {
			grown(h, 5)
			h.End()
		}), Want: verdict.Valid},
		{Name: "two of three, before there were five", Build: tape.On(five(), func(h *tape.Tape) {
			grown(h, 3)
			h.Win("", "n2", 2, tape.Pos(1, 9), "n3")
			grown(h, 5)
			h.End()
		}), Want: verdict.Valid},
		{Name: "one that never led, with its own vote", Build: tape.On(five(), func(h *tape.Tape) {
			grown(h, 5)
			h.Win("", "n2", 2, tape.Pos(1, 9))
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "half of four", Build: tape.On(five(), func(h *tape.Tape) {
			grown(h, 4)
			h.Win("", "n3", 2, tape.Pos(1, 9), "n4")
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "half of four, who led before: it may have removed one and told nobody", Build: tape.On(five(), func(h *tape.Tape) {
			grown(h, 4)
			h.Win("", "n3", 2, tape.Pos(1, 9), "n1", "n2")
			h.Win("", "n3", 3, tape.Pos(1, 9), "n4")
			h.End()
		}), Want: verdict.Unknown},
		{Name: "with whom it began was compacted away, and a majority of all", Build: tape.On(five(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			h.Configured("", tape.Pos(1, 40), "n1", "n2", "n3")
			h.Win("", "n2", 2, tape.Pos(1, 50), "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "with whom it began was compacted away, and no majority", Build: tape.On(five(), func(h *tape.Tape) {
			h.Win("", "n4", 1, tape.Pos(1, 1), "n5")
			h.Configured("", tape.Pos(1, 40), "n1", "n2", "n3")
			h.End()
		}), Want: verdict.Unknown},
		{Name: "the first entry names those of the start, and nobody is added", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Configured("", tape.Pos(1, 1), "n1", "n2", "n3")
			h.Win("", "n1", 2, tape.Pos(1, 9))
			h.End()
		}), Want: verdict.Invalid, Rule: "won without a majority"},
		{Name: "a voter has no name until later", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			grown(h, 1)
			h.Configured("", tape.Pos(1, 2))
			h.Configured("", tape.Pos(1, 2), "n1", "n2")
			h.Win("", "n2", 2, tape.Pos(1, 9), "n1")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a voter never has a name", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			grown(h, 1)
			h.Configured("", tape.Pos(1, 2))
			h.Win("", "n2", 2, tape.Pos(1, 9))
			h.End()
		}), Want: verdict.Unknown},
		{Name: "a leader before its votes, of those that were three by then", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			grown(h, 3)
			leads(h, "", "n2", 2)
			h.Vote("", "n2", 2, tape.Pos(1, 9), "n3")
			h.End()
		}), Want: verdict.Invalid, Rule: "led before it had a majority"},
	})
}

// What a leader commits before it has told anybody who votes is judged once that is told.
func TestCommitsBeforeTheVotersAreTold(t *testing.T) {
	commits := func(h *tape.Tape, index uint64) {
		h.In("", "n1", history.Raft{What: history.RaftCommit, Term: 1, EntryTerm: 1, Index: index, Lead: true})
	}
	tape.Verdicts(t, logs, []tape.Row{
		{Name: "of one voter, to whom others were added", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			commits(h, 11)
			grown(h, 2)
			h.End()
		}), Want: verdict.Valid},
		{Name: "of three voters, of whom nobody had it", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			leads(h, "", "n1", 1)
			commits(h, 11)
			h.Configured("", tape.Pos(1, 1), "n1", "n2", "n3")
			h.Configured("", tape.Pos(1, 12), "n1", "n2", "n3", "n4", "n5")
			h.End()
		}), Want: verdict.Invalid, Rule: "committed before a majority had it"},
	})
}
