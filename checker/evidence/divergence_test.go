package evidence_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func held(node, value string, revision uint64) history.Held {
	return history.Held{Node: node, Value: value, Revision: revision}
}

func TestDivergence(t *testing.T) {
	alike, uneven := []uint64{10, 10, 10}, []uint64{10, 10, 5}
	three := func(build func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			build(h)
			h.End()
			return h
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewDivergence() }, []tape.Row{
		{Name: "nobody was asked", Build: three(func(*tape.Tape) {}), Want: verdict.Unchecked},
		{Name: "all the same", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 1)
		}), Want: verdict.Valid},
		{Name: "one is late at first", Build: three(func(h *tape.Tape) {
			h.Told(1, 3, 50, 50, 48)
			h.Told(4, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 1)
		}), Want: verdict.Valid},
		{Name: "a key differs", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 2)
			h.Shown(50, 1, 1, 2)
			h.Differ(50, held("n1", "a", 7), held("n2", "a", 7), history.Held{Node: "n3", Missing: true})
		}), Want: verdict.Invalid, Rule: "members hold different data"},
		{Name: "digests of unlike pasts differ, the data does not", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(uneven, 1, 1, 2)
			h.Shown(50, 1, 1, 1)
		}), Want: verdict.Valid},
		{Name: "digests differ, and nobody looked", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 2)
		}), Want: verdict.Unknown},
		{Name: "digests differ, the data does not", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 2)
			h.Shown(50, 1, 1, 1)
		}), Want: verdict.Unknown},
		{Name: "revisions differ and stay", Build: three(func(h *tape.Tape) {
			h.Told(1, 6, 55, 50, 55)
			h.Digests(alike, 1, 1, 1)
		}), Want: verdict.Invalid, Rule: "members at different revisions of one log"},
		{Name: "revisions differ for a moment only", Build: three(func(h *tape.Tape) {
			h.Told(1, 3, 55, 50, 55)
			h.Digests(alike, 1, 1, 1)
		}), Want: verdict.Unknown},
		{Name: "revisions differ, and one still moves", Build: three(func(h *tape.Tape) {
			for r := range 6 {
				h.Told(1+r, 1, 55, 50+uint64(r)/3, 55)
			}
		}), Want: verdict.Unknown},
		{Name: "revisions differ, and so do the entries applied", Build: three(func(h *tape.Tape) {
			for r := range 6 {
				for i, n := range h.Nodes {
					h.State(history.State{What: history.StatePosition, Round: r, Node: n, Revision: 50 - uint64(i), Applied: 90 - uint64(i)})
				}
				h.Wait(time.Second)
			}
		}), Want: verdict.Unknown},
		{Name: "a key differs at revisions that differ", Build: three(func(h *tape.Tape) {
			h.Told(1, 3, 55, 50, 55)
			h.Differ(0, held("n1", "a", 7), held("n2", "b", 9), held("n3", "a", 7))
		}), Want: verdict.Unknown},
		{Name: "one does not answer", Build: three(func(h *tape.Tape) {
			h.Told(1, 2, 50, 50, 50)
			h.Digests(alike, 1, 1, 1)
			h.State(history.State{What: history.StateHash, Node: "n3", Revision: 50, Error: "gone"})
		}), Want: verdict.Unknown},
		{Name: "one is never there", Build: three(func(h *tape.Tape) {
			for r := range 9 {
				h.State(history.State{What: history.StatePosition, Round: r, Node: "n1", Revision: 50, Applied: 90})
				h.State(history.State{What: history.StatePosition, Round: r, Node: "n2", Revision: 50, Applied: 90})
				h.State(history.State{What: history.StatePosition, Round: r, Node: "n3", Error: "gone"})
				h.Wait(time.Second)
			}
		}), Want: verdict.Unknown},
	})
}

func TestDivergenceNamesTheOddOneOut(t *testing.T) {
	h := tape.New(history.Run{})
	h.Told(1, 2, 50, 50, 50)
	h.Digests([]uint64{0, 0, 0}, 1, 2, 1)
	h.Shown(50, 1, 2, 1)
	h.Differ(50, held("n1", "a", 7), held("n2", "b", 6), held("n3", "a", 7))
	require.Equal(t, `n2 differs from n1 n3: at revision 50, key k holds "a", written at revision 7, on n1 n3 and "b", written at revision 6, on n2`,
		h.Judge(evidence.NewDivergence()).Summary)

	h = tape.New(history.Run{})
	h.Told(1, 6, 55, 55, 50)
	require.Equal(t, "n3 differs from n1 n2: having applied entries up to 90, and for 1.515s, n1 is at revision 55, n2 is at revision 55, n3 is at revision 50",
		h.Judge(evidence.NewDivergence()).Summary)

	h = tape.New(history.Run{Nodes: []string{"n1", "n2"}})
	h.Told(1, 2, 50, 50)
	h.Differ(50, held("n1", "a", 7), held("n2", "b", 6))
	require.Contains(t, h.Judge(evidence.NewDivergence()).Summary, "n1 n2 disagree: ")

	h = tape.New(history.Run{})
	h.Told(1, 2, 50, 50, 50)
	leased := held("n2", "a", 7)
	leased.Rest = 9
	h.Differ(50, held("n1", "a", 7), leased, held("n3", "a", 7))
	require.Contains(t, h.Judge(evidence.NewDivergence()).Summary,
		`with version and lease 0000000000000009 on n2`)
}

// Who ended by himself, as he may where his files fail, is left out; the others are compared.
func TestDivergenceWithoutTheExcused(t *testing.T) {
	without := func(fault string, ends, alike bool) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s " + fault, Nodes: []string{"n3"}})
			if ends {
				h.Proc(history.Proc{Node: "n3", What: history.ProcExit, Code: 2})
			}
			h.Fault(history.Fault{Step: 1, What: history.FaultHeal, Text: "at 1s " + fault, Nodes: []string{"n3"}, Bit: true})
			for round := range 2 {
				for _, n := range h.Nodes[:2] {
					h.State(history.State{What: history.StatePosition, Round: round, Node: n, Revision: 50, Applied: 90})
				}
			}
			h.State(history.State{What: history.StateHash, Node: "n1", Revision: 50, Hash: 1})
			h.State(history.State{What: history.StateHash, Node: "n2", Revision: 50, Hash: 1})
			if !alike {
				h.Differ(50, held("n1", "a", 7), held("n2", "b", 6))
			}
			h.Proc(history.Proc{Node: "n3", What: history.ProcExit, Code: 2}) // when all are stopped
			h.End()
			return h
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewDivergence() }, []tape.Row{
		{Name: "it may end, and did", Build: without("bit-rot n3 wal", true, true), Want: verdict.Valid},
		{Name: "it may end, and runs", Build: without("bit-rot n3 wal", false, true), Want: verdict.Unknown},
		{Name: "it may not end, and did", Build: without("partition n3 | rest", true, true), Want: verdict.Unknown},
		{Name: "the others differ", Build: without("fail-write n3", true, false), Want: verdict.Invalid, Rule: "members hold different data"},
		{Name: "… since what n1 and n3 had committed is lost", Build: without("bit-rot n3 wal", true, false), Want: verdict.Unknown},
	})
	r := without("bit-rot n3 wal", true, true)().Judge(evidence.NewDivergence())
	require.Equal(t, "2 members hold the same data at revision 50", r.Summary)
	require.Equal(t, "n3 is left out: it ended with code 2, as it may after bit-rot", r.Told)
}

// Who differs is to blame, unless a disk has lied to him or what others had committed is lost.
func TestDivergenceOfTheRobbed(t *testing.T) {
	differ := func(nodes int, odd, fault string, bit bool) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{Disk: "fuse", Nodes: []string{"n1", "n2", "n3", "n4", "n5"}[:nodes]})
			f := history.Fault{Step: 1, What: history.FaultInject, Text: "at 1s " + fault, Nodes: []string{"n1"}}
			h.Fault(f)
			f.What, f.Bit = history.FaultHeal, bit
			h.Fault(f)
			h.Told(1, 2, slices.Repeat([]uint64{50}, nodes)...)
			var all []history.Held
			for _, n := range h.Nodes {
				value := "a"
				if n == odd {
					value = "b"
				}
				all = append(all, held(n, value, 7))
			}
			h.Differ(50, all...)
			h.End()
			return h
		}
	}
	const rule = "members hold different data"
	tape.Verdicts(t, func() verdict.Checker { return evidence.NewDivergence() }, []tape.Row{
		{Name: "who was lied to", Build: differ(4, "n1", "lost-write n1", true), Want: verdict.Unknown},
		{Name: "who was not", Build: differ(4, "n1", "lost-write n1", false), Want: verdict.Invalid, Rule: rule},
		{Name: "another, of four: two others keep what was committed", Build: differ(4, "n2", "lost-write n1", true), Want: verdict.Invalid, Rule: rule},
		{Name: "another, of three", Build: differ(3, "n2", "lost-write n1", true), Want: verdict.Unknown},
		{Name: "whose file is rotten, and served", Build: differ(3, "n1", "bit-rot n1 db", true), Want: verdict.Invalid, Rule: rule},
		{Name: "who lost power", Build: differ(3, "n1", "power-failure n1", true), Want: verdict.Invalid, Rule: rule},
	})
}
