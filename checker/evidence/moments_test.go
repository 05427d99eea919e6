package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// amid lets a member tell something while the run is under way.
func amid(h *tape.Tape, round int, s history.State) {
	s.Round, s.Amid = round, true
	h.State(s)
}

// agreed ends a history with members that hold the same.
func agreed(h *tape.Tape) {
	h.Told(1, 2, 50, 50, 50)
	h.Digests([]uint64{10, 10, 10}, 1, 1, 1)
}

func TestDivergenceAmidTheRun(t *testing.T) {
	differing := history.State{What: history.StateDiffer, Revision: 30, Key: "k", Held: []history.Held{held("n1", "a", 7), held("n2", "b", 7)}}
	shown := func(h *tape.Tape, node string, hash uint64) {
		amid(h, 1, history.State{What: history.StateData, Node: node, Revision: 30, Keys: 7, Hash: hash})
	}
	row := func(name string, want verdict.Verdict, build func(h *tape.Tape)) tape.Row {
		r := tape.Row{Name: name, Want: want, Build: func() *tape.Tape {
			h := tape.New(history.Run{})
			build(h)
			h.End()
			return h
		}}
		if want == verdict.Invalid {
			r.Rule = "members hold different data"
		}
		return r
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewDivergence() }, []tape.Row{
		row("a key differs, and a snapshot mends it", verdict.Invalid, func(h *tape.Tape) {
			shown(h, "n1", 1)
			shown(h, "n2", 2)
			amid(h, 1, differing)
			agreed(h)
		}),
		row("a key differs, and the run is cut short", verdict.Invalid, func(h *tape.Tape) { amid(h, 1, differing) }),
		row("digests differ, the data does not", verdict.Valid, func(h *tape.Tape) {
			for i, node := range h.Nodes {
				amid(h, 1, history.State{What: history.StateHash, Node: node, Revision: 30, Hash: uint64(i)})
				shown(h, node, 1)
			}
			agreed(h)
		}),
		row("one is late, one is away", verdict.Valid, func(h *tape.Tape) {
			amid(h, 1, history.State{What: history.StatePosition, Node: "n1", Revision: 50, Applied: 90})
			amid(h, 1, history.State{What: history.StatePosition, Node: "n2", Revision: 30, Applied: 90})
			amid(h, 1, history.State{What: history.StatePosition, Node: "n3", Error: "gone"})
			amid(h, 1, history.State{What: history.StateHash, Node: "n2", Revision: 30, Error: "gone"})
			agreed(h)
		}),
		row("different revisions of members that move on", verdict.Valid, func(h *tape.Tape) {
			for round := range 9 {
				for i, node := range h.Nodes {
					amid(h, round, history.State{What: history.StatePosition, Node: node, Revision: 50 + uint64(i), Applied: 90})
				}
				h.Wait(1e9)
			}
			agreed(h)
		}),
		row("nobody was asked in the end", verdict.Unchecked, func(h *tape.Tape) {
			amid(h, 1, history.State{What: history.StateHash, Node: "n1", Revision: 30, Hash: 1})
		}),
	})
}

func TestDivergenceIsToldAtOnce(t *testing.T) {
	h := tape.New(history.Run{})
	for _, hash := range []uint64{4, 4, 5} { // two agree: that is a comparison
		amid(h, 1, history.State{What: history.StateHash, Node: h.Nodes[hash%4], Revision: 30, Hash: hash})
	}
	c := evidence.NewDivergence()
	for e, err := range h.All() {
		require.NoError(t, err)
		c.Event(e)
	}
	require.False(t, c.Violated(), "digests accuse nobody")
	more := history.State{What: history.StateDiffer, Revision: 30, Amid: true, Round: 1, Key: "k", Held: []history.Held{held("n1", "a", 7), {Node: "n2", Missing: true}}}
	c.Event(&history.Event{State: &more})
	require.True(t, c.Breached("members hold different data"))
	require.Equal(t, verdict.AsEventsCome, verdict.EarlyOf(c))

	h = tape.New(history.Run{})
	for round := range 3 {
		for _, node := range h.Nodes {
			amid(h, round, history.State{What: history.StateHash, Node: node, Revision: 30, Hash: 4})
		}
	}
	agreed(h)
	require.Equal(t, "3 members hold the same data at revision 50, and did when compared 3 times before", h.Judge(evidence.NewDivergence()).Summary)
}
