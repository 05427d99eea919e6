package tap

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestRuns(t *testing.T) {
	var r runs
	for _, p := range []history.Pos{{Term: 3, Index: 10}, {Term: 3, Index: 14}, {Term: 1, Index: 2}, {Term: 2, Index: 5}, {Term: 2, Index: 7}, {}} {
		r.add(p)
	}
	for index, want := range map[uint64]uint64{1: 0, 2: 1, 3: 0, 5: 2, 6: 2, 7: 2, 8: 0, 10: 3, 12: 3, 14: 3, 15: 0} {
		term, ok := r.term(index)
		require.Equal(t, want != 0, ok, "index %d", index)
		if ok {
			require.Equal(t, want, term, "index %d", index)
		}
	}
	p, ok := r.floor(9)
	require.True(t, ok)
	require.Equal(t, history.Pos{Term: 2, Index: 7}, p)

	r.add(history.Pos{Term: 2, Index: 12}) // contradicts: entry 10 is of term 3
	_, ok = r.term(10)
	require.False(t, ok, "a log that is not what it was is forgotten")
	term, _ := r.term(12)
	require.Equal(t, uint64(2), term)
}

// Whatever points of a log are seen, in whatever order, what is said of it is
// true.
func TestRunsNeverLie(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 0))
		log := []uint64{0}
		for term := uint64(1); len(log) < 300; term += 1 + rng.Uint64N(2) {
			for range rng.IntN(20) {
				log = append(log, term)
			}
		}
		var r runs
		for range 200 {
			i := 1 + rng.Uint64N(uint64(len(log)-1))
			r.add(history.Pos{Term: log[i], Index: i})
			require.LessOrEqual(t, len(r.list), maxRuns)
			q := 1 + rng.Uint64N(uint64(len(log)-1))
			if term, ok := r.term(q); ok {
				require.Equal(t, log[q], term, "seed %d, entry %d", seed, q)
			}
			if p, ok := r.floor(q); ok {
				require.LessOrEqual(t, p.Index, q)
				require.Equal(t, log[p.Index], p.Term)
			}
		}
	}
}
