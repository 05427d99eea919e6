package raft_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestElection(t *testing.T) {
	tape.Verdicts(t, func() verdict.Checker { return raft.NewElection() }, []tape.Row{
		{Name: "one leader a term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2", "n3")
			h.Elect("n2", 2, "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "two leaders of different terms at the same time", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Elect("n2", 2, "n3") // n1 does not know yet
			h.Lead("n1", 1)        // told twice, by a restarted reader
			h.End()
		}), Want: verdict.Valid},
		{Name: "a leader that never led, by its own whole trace", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Follow("n3", "n2", 7)
			h.End()
		}), Want: verdict.Invalid, Rule: "obeyed one who does not lead"},
		{Name: "entries of one that stood and did not win", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Stand("n2", 7)
			h.Put("n3", "n2", 7, 7, 1)
			h.End()
		}), Want: verdict.Invalid, Rule: "obeyed one who does not lead"},
		{Name: "a leader whose trace is torn", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Seq["n2"]++
			h.Follow("n2", "n1", 8)
			h.Follow("n3", "n2", 7)
			h.Elect("n1", 8, "n3")
			h.End()
		}), Want: verdict.Valid},
		{Name: "a leader whose trace the history does not reach", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Follow("n3", "n2", 7)
		}), Want: verdict.Valid},
		{Name: "a leader that led and was killed", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n2", 7, "n1")
			h.Restart("n2", 7, "n2")
			h.Follow("n3", "n2", 7)
			h.End()
		}), Want: verdict.Valid},
		{Name: "two leaders in one term", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Lead("n3", 1)
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "two leaders in one term, long apart", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Lead("n1", 1)
			h.Lead("n2", 2)
			h.Restart("n3", 0, "")
			h.Lead("n3", 1)
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "two leaders on the wire", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 4})
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "with a connection that nobody could decode", Build: tape.On(tape.Tapped(), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.Run(history.Run{What: history.RunUntap, Text: "n3 > n1"})
		}), Want: verdict.Unknown, Rule: "not decoded"},
		{Name: "one traced, another on the wire", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Lead("n1", 4)
			h.Tap("n2", history.Raft{What: history.RaftLeader, Term: 4})
		}), Want: verdict.Invalid, Rule: "two leaders in one term"},
		{Name: "entries of a leader that was deposed", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Elect("n2", 2, "n3")
			h.Put("n3", "n1", 2, 1, 1)
		}), Want: verdict.Invalid, Rule: "obeyed one who does not lead"},
		{Name: "the same, with the election merged after", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Put("n3", "n1", 2, 1, 1)
			h.Lead("n2", 2)
		}), Want: verdict.Invalid, Rule: "obeyed one who does not lead"},
		{Name: "two followers with two leaders, of whom neither is heard", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Follow("n2", "n1", 2)
			h.Follow("n3", "n4", 2)
		}), Want: verdict.Invalid, Rule: "obeyed one who does not lead"},
		{Name: "entries of a leader before it is deposed, merged after", Build: tape.On(tape.Started(), func(h *tape.Tape) {
			h.Elect("n1", 1, "n2")
			h.Elect("n2", 2, "n3")
			h.Put("n4", "n1", 1, 1, 1)
			h.Follow("n4", "", 2)
			h.Put("n4", "n2", 2, 1, 1)
			h.Put("n4", "n2", 2, 2, 1)
			h.End()
		}), Want: verdict.Valid},
		{Name: "both sources tell of one leader", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.Lead("n1", 4)
			h.End()
		}), Want: verdict.Valid},
		{Name: "killed before it sent anything", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Lead("n1", 4)
			h.Restart("n1", 4, "n1")
			h.End()
		}), Want: verdict.Valid},
		{Name: "led on the wire, not by its trace", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Lead("n1", 3)
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
			h.End()
		}), Want: verdict.Unknown},
		{Name: "led on the wire, its trace not read yet", Build: tape.On(tape.New(history.Run{Traced: true, Tapped: true}), func(h *tape.Tape) {
			h.Tap("n1", history.Raft{What: history.RaftLeader, Term: 4})
		}), Want: verdict.Valid},
		{Name: "no evidence at all", Build: func() *tape.Tape { return tape.New(history.Run{}) }, Want: verdict.Unchecked},
	})
}

func TestElectionExplains(t *testing.T) {
	h := tape.Traced()
	h.Lead("n1", 7)
	h.Lead("n3", 7)
	got := h.Judge(raft.NewElection())
	require.Equal(t, "term 7 has two leaders: n1 and n3", got.Violations[0].Text)
	require.Len(t, got.Violations[0].Events, 2)
	require.Equal(t, "n3 leads term 7 with its log ending at (empty)", verdict.Describe(&got.Violations[0].Events[1]))
}
