package finding

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night/entry"
)

func TestSameRate(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.48571, sameRate(3, 4, 1, 4), 1e-5, "who tastes tea")
	require.InDelta(t, 0.01977, sameRate(3, 10, 9, 10), 1e-5)
	require.InDelta(t, 1, sameRate(5, 10, 50, 100), 1e-9)
	require.EqualValues(t, 1, sameRate(0, 0, 3, 4))
	require.Equal(t, []bool{false, true, false}, holm([]float64{0.04, 0.001, 0.03}, 0.05))
	require.Equal(t, []bool{true, true, true}, holm([]float64{0.01, 0.001, 0.02}, 0.05))
}

// A finding is called resolved as soon as it would be that long away by chance, of all
// ways to place its runs among those of before and after, in one of twenty.
func TestEnough(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ k, n int }{{1, 1}, {1, 10}, {5, 40}, {40, 40}, {3, 1000}} {
		m := enough(row.k, row.n)
		away := func(m int) float64 { return math.Exp(choices(row.n, row.k) - choices(row.n+m, row.k)) }
		require.LessOrEqual(t, away(m), Chance+1e-9)
		if m > 3 {
			require.Greater(t, away(m-1), Chance)
		}
	}
	require.Equal(t, 19, enough(1, 1), "one run proves little")
	require.Equal(t, 3, enough(400, 400))
}

func nightWith(name string, runs, bad int, change func(*entry.Entry)) Night {
	n := Night{Name: name}
	for i := range runs {
		e := entry.Entry{
			Number: i + 1, Night: name, Cell: "reference", Axes: map[string]string{"target": "reference"}, Class: entry.Valid,
			System: name, Started: time.Unix(int64(i), 0), Figures: map[string]float64{"failover": float64(100 + i)},
			Checkers: map[string]string{"votes": "valid", "lock": "not checked"},
		}
		if i < bad {
			e.Class = entry.Invalid
			e.Breaches = []entry.Breach{{Checker: "votes", Rule: "two votes in one term", Shape: "a:vote(1)"}}
		}
		change(&e)
		n.Entries = append(n.Entries, e)
	}
	return n
}

func TestCompare(t *testing.T) {
	t.Parallel()
	a := nightWith("v1", 40, 0, func(*entry.Entry) {})
	b := nightWith("v2", 40, 12, func(e *entry.Entry) {
		e.Checkers["lock"] = "valid"
		e.Figures["failover"] += 1000
		if e.Number == 40 {
			e.Cell = "etcd"
		}
		if e.Number > 35 {
			e.Control = "double-vote"
		}
	})
	c := Compare(a, b)
	require.Equal(t, [2]int{40, 35}, c.Runs, "controls are not among them")
	require.Len(t, c.Findings, 1)
	f := c.Findings[0]
	require.Equal(t, Pair{KA: 0, NA: 40, KB: 12, NB: 35, P: f.P, Differ: true}, f.Pair)
	require.Less(t, f.P, 0.001)
	require.Equal(t, [2][]string{{"lock"}, nil}, c.Idle)
	require.Equal(t, [2][]string{}, c.Missing, "what is a control ran no cell")
	require.True(t, c.Figures[0].Differ)
	require.InDelta(t, 119.5, c.Figures[0].MedianA, 1e-9)
	text := c.String()
	require.Contains(t, text, "only in B, differs (p = ")
	require.Contains(t, text, "without anything to judge in A alone: lock")
	require.Regexp(t, `system +v1 +v2\n`, text)

	c = Compare(a, nightWith("v1", 40, 2, func(*entry.Entry) {}))
	require.Contains(t, c.String(), "only in B, may be chance (p = 0.49)")
	other := nightWith("v1", 10, 3, func(e *entry.Entry) { e.Cell = "etcd" })
	c = Compare(a, other)
	require.Equal(t, [2][]string{{"etcd"}, {"reference"}}, c.Missing)
	require.Contains(t, c.String(), "not run in A")
	require.NotContains(t, c.String(), "only in")
}

// Of two nights that are alike, in a hundred pairs, few are told apart.
func TestCompareKeepsItsWord(t *testing.T) {
	t.Parallel()
	wrong := 0
	for seed := range uint64(200) {
		draw := engine.Stream(seed, "nights").Float64
		one := func() Night {
			return nightWith("v1", 60, 0, func(e *entry.Entry) {
				if draw() < 0.1 {
					e.Class = entry.Invalid
					e.Breaches = []entry.Breach{{Checker: "votes", Rule: fmt.Sprint("rule ", int(3*draw()))}}
				}
			})
		}
		c := Compare(one(), one())
		for _, r := range c.Findings {
			if r.Differ {
				wrong++
				break
			}
		}
	}
	require.LessOrEqual(t, wrong, 20, "5 % of 200 are 10")
}
