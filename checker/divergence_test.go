package checker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func (t *tape) state(s history.State) { t.add(history.Event{State: &s}) }

// told lets every member tell its position, given as revisions, in so many
// rounds 300 ms apart. All have applied the same.
func (t *tape) told(first, rounds int, revisions ...uint64) {
	for r := range rounds {
		for i, n := range t.nodes {
			t.state(history.State{What: history.StatePosition, Round: first + r, Node: n, Revision: revisions[i], Applied: 90})
		}
		t.wait(300 * time.Millisecond)
	}
}

// digests lets every member tell a digest at revision 50.
func (t *tape) digests(compacted []uint64, hashes ...uint64) {
	for i, n := range t.nodes {
		t.state(history.State{What: history.StateHash, Node: n, Revision: 50, Compacted: compacted[i], Hash: hashes[i]})
	}
}

// shown lets the harness tell what it read of every member.
func (t *tape) shown(revision uint64, digests ...uint64) {
	for i, n := range t.nodes {
		t.state(history.State{What: history.StateData, Node: n, Revision: revision, Keys: 7, Hash: digests[i]})
	}
}

func (t *tape) differ(revision uint64, held ...history.Held) {
	t.state(history.State{What: history.StateDiffer, Revision: revision, Key: "k", Held: held})
}

func held(node, value string, revision uint64) history.Held {
	return history.Held{Node: node, Value: value, Revision: revision}
}

func TestDivergence(t *testing.T) {
	alike, uneven := []uint64{10, 10, 10}, []uint64{10, 10, 5}
	three := func(build func(h *tape)) func() *tape {
		return func() *tape {
			h := newTape(history.Run{})
			build(h)
			h.end()
			return h
		}
	}
	verdicts(t, func() checker.Checker { return checker.NewDivergence() }, []row{
		{"nobody was asked", three(func(*tape) {}), checker.Valid, ""},
		{"all the same", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 1)
		}), checker.Valid, ""},
		{"one is late at first", three(func(h *tape) {
			h.told(1, 3, 50, 50, 48)
			h.told(4, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 1)
		}), checker.Valid, ""},
		{"a key differs", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 2)
			h.shown(50, 1, 1, 2)
			h.differ(50, held("n1", "a", 7), held("n2", "a", 7), history.Held{Node: "n3", Missing: true})
		}), checker.Invalid, "members hold different data"},
		{"digests of unlike pasts differ, the data does not", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(uneven, 1, 1, 2)
			h.shown(50, 1, 1, 1)
		}), checker.Valid, ""},
		{"digests differ, and nobody looked", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 2)
		}), checker.Unknown, ""},
		{"digests differ, the data does not", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 2)
			h.shown(50, 1, 1, 1)
		}), checker.Unknown, ""},
		{"revisions differ and stay", three(func(h *tape) {
			h.told(1, 6, 55, 50, 55)
			h.digests(alike, 1, 1, 1)
		}), checker.Invalid, "members at different revisions of one log"},
		{"revisions differ for a moment only", three(func(h *tape) {
			h.told(1, 3, 55, 50, 55)
			h.digests(alike, 1, 1, 1)
		}), checker.Unknown, ""},
		{"revisions differ, and one still moves", three(func(h *tape) {
			for r := range 6 {
				h.told(1+r, 1, 55, 50+uint64(r)/3, 55)
			}
		}), checker.Unknown, ""},
		{"revisions differ, and so do the entries applied", three(func(h *tape) {
			for r := range 6 {
				for i, n := range h.nodes {
					h.state(history.State{What: history.StatePosition, Round: r, Node: n, Revision: 50 - uint64(i), Applied: 90 - uint64(i)})
				}
				h.wait(time.Second)
			}
		}), checker.Unknown, ""},
		{"a key differs at revisions that differ", three(func(h *tape) {
			h.told(1, 3, 55, 50, 55)
			h.differ(0, held("n1", "a", 7), held("n2", "b", 9), held("n3", "a", 7))
		}), checker.Unknown, ""},
		{"one does not answer", three(func(h *tape) {
			h.told(1, 2, 50, 50, 50)
			h.digests(alike, 1, 1, 1)
			h.state(history.State{What: history.StateHash, Node: "n3", Revision: 50, Error: "gone"})
		}), checker.Unknown, ""},
		{"one is never there", three(func(h *tape) {
			for r := range 9 {
				h.state(history.State{What: history.StatePosition, Round: r, Node: "n1", Revision: 50, Applied: 90})
				h.state(history.State{What: history.StatePosition, Round: r, Node: "n2", Revision: 50, Applied: 90})
				h.state(history.State{What: history.StatePosition, Round: r, Node: "n3", Error: "gone"})
				h.wait(time.Second)
			}
		}), checker.Unknown, ""},
	})
}

func TestDivergenceNamesTheOddOneOut(t *testing.T) {
	h := newTape(history.Run{})
	h.told(1, 2, 50, 50, 50)
	h.digests([]uint64{0, 0, 0}, 1, 2, 1)
	h.shown(50, 1, 2, 1)
	h.differ(50, held("n1", "a", 7), held("n2", "b", 6), held("n3", "a", 7))
	require.Equal(t, `n2 differs from n1 n3: at revision 50, key k holds "a", written at revision 7, on n1 n3 and "b", written at revision 6, on n2`,
		h.judge(checker.NewDivergence()).Summary)

	h = newTape(history.Run{})
	h.told(1, 6, 55, 55, 50)
	require.Equal(t, "n3 differs from n1 n2: having applied entries up to 90, and for 1.515s, n1 is at revision 55, n2 is at revision 55, n3 is at revision 50",
		h.judge(checker.NewDivergence()).Summary)

	h = newTape(history.Run{Nodes: []string{"n1", "n2"}})
	h.told(1, 2, 50, 50)
	h.differ(50, held("n1", "a", 7), held("n2", "b", 6))
	require.Contains(t, h.judge(checker.NewDivergence()).Summary, "n1 n2 disagree: ")

	h = newTape(history.Run{})
	h.told(1, 2, 50, 50, 50)
	leased := held("n2", "a", 7)
	leased.Rest = 9
	h.differ(50, held("n1", "a", 7), leased, held("n3", "a", 7))
	require.Contains(t, h.judge(checker.NewDivergence()).Summary,
		`with version and lease 0000000000000009 on n2`)
}
