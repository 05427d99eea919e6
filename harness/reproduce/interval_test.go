package reproduce

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The values are those of published tables of the Clopper-Pearson interval.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 1, 0, 0.975},
		{1, 1, 0.025, 1},
		{0, 10, 0, 0.3085},
		{1, 10, 0.0025, 0.4450},
		{5, 10, 0.1871, 0.8129},
		{10, 10, 0.6915, 1},
		{16, 20, 0.5634, 0.9427},
		{50, 100, 0.3983, 0.6017},
		{81, 263, 0.2527, 0.3676},
	} {
		low, high := Interval(c.k, c.n, Confidence)
		require.InDelta(t, c.low, low, 5e-4, "%d of %d", c.k, c.n)
		require.InDelta(t, c.high, high, 5e-4, "%d of %d", c.k, c.n)
	}
}

func TestAnswered(t *testing.T) {
	answered := Answered(10)
	for _, c := range []struct {
		k, n int
		want bool
	}{
		{0, 0, false}, {5, 5, false}, {6, 6, true}, {0, 5, false}, {0, 6, true}, {3, 6, false}, {7, 8, false}, {8, 9, true}, {5, 10, true},
	} {
		require.Equal(t, c.want, answered(Count{Reproduced: c.k, Runs: c.n}), "%d of %d", c.k, c.n)
	}
	require.False(t, All(10)(Count{Reproduced: 9, Runs: 9}))
	require.True(t, Found(Count{Reproduced: 1, Runs: 3}))
}

func TestSequential(t *testing.T) {
	s := Acceptable()
	for _, c := range []struct {
		k, n int
		want Answer
	}{
		{0, 0, Undecided}, {1, 1, Undecided}, {0, 1, Undecided}, {3, 3, Undecided}, {4, 4, Yes}, {0, 2, No}, {1, 3, Undecided}, {4, 5, Undecided}, {5, 6, Yes},
	} {
		require.Equal(t, c.want, s.Decide(c.k, c.n), "%d of %d", c.k, c.n)
	}
	for k := range s.Most + 1 {
		require.NotEqual(t, Undecided, s.Decide(k, s.Most), "%d of %d", k, s.Most)
	}
}

// The test is wrong about as seldom as it says, and needs few runs for it.
func TestSequentialErrs(t *testing.T) {
	s := Acceptable()
	random := rand.New(rand.NewPCG(1, 2))
	const tests = 20000
	for _, c := range []struct {
		rate  float64
		wrong Answer
	}{{s.Often, No}, {s.Seldom, Yes}} {
		wrong, runs := 0, 0
		for range tests {
			k, n := 0, 0
			for s.Decide(k, n) == Undecided {
				n++
				if random.Float64() < c.rate {
					k++
				}
			}
			runs += n
			if s.Decide(k, n) == c.wrong {
				wrong++
			}
		}
		require.Less(t, float64(wrong)/tests, 1.5*s.Error, "at a rate of %g", c.rate)
		require.Less(t, float64(runs)/tests, 6.0, "at a rate of %g", c.rate)
	}
}
