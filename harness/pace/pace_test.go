package pace

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
)

// The exact distribution is what trying all signs gives.
func TestSignedRankIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		ds := make([]float64, r.IntN(10))
		for i := range ds {
			ds[i] = float64(r.IntN(9) - 4) // zeros and ties among them
		}
		seen, total := 0, 0
		want := rankSum(ds)
		for signs := range 1 << len(ds) {
			other := make([]float64, len(ds))
			for i, d := range ds {
				other[i] = math.Abs(d)
				if signs>>i&1 == 1 {
					other[i] = -other[i]
				}
			}
			total++
			if rankSum(other) >= want {
				seen++
			}
		}
		require.InDelta(t, float64(seen)/float64(total), signedRank(ds), 1e-12, "%v", ds)
	}
	require.InDelta(t, 1.0/1024, signedRank([]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 1e-12)
	require.InDelta(t, 2.0/1024, signedRank([]float64{-1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), 1e-12)
}

// rankSum is twice the sum of the ranks of positive differences, by counting.
func rankSum(ds []float64) int {
	sum := 0
	for _, d := range ds {
		if d <= 0 {
			continue
		}
		less, same := 0, 0
		for _, o := range ds {
			switch {
			case o == 0:
			case math.Abs(o) < d:
				less++
			case math.Abs(o) == d:
				same++
			}
		}
		sum += 2*less + same + 1
	}
	return sum
}

var options = Options{Times: 1.5, Alpha: 0.01}

// draw makes pairs of runs, of which one side takes times as long.
func draw(r *rand.Rand, pairs int, times float64) []Pair {
	run := func(times float64) Figures {
		f := make(Figures)
		for _, m := range Measures() {
			f[m.Name] = math.Round(100 * times * math.Exp(r.NormFloat64()/2)) // now and then twice as long
		}
		return f
	}
	var all []Pair
	for range pairs {
		all = append(all, Pair{run(times), run(1)})
	}
	return all
}

func TestSlowIsRareAmongAlikes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	const trials = 4000
	slow, found := 0, 0
	for range trials {
		if len(Compare(draw(r, 10, 1), Options{Times: 1.0001, Alpha: 0.05}).Slow()) > 0 {
			slow++
		}
		if len(Compare(draw(r, 10, 3), options).Slow()) > 0 {
			found++
		}
	}
	require.Less(t, slow, trials*5/100+60, "at most alpha, and four standard deviations")
	require.Greater(t, found, trials*9/10)
}

func TestCompare(t *testing.T) {
	pairs := func(n int, run, against float64) []Pair {
		var all []Pair
		for i := range n {
			all = append(all, Pair{Figures{"failover": run + float64(i)}, Figures{"failover": against}})
		}
		return all
	}
	for _, c := range []struct {
		name  string
		pairs []Pair
		want  []string
	}{
		{"three times as long", pairs(10, 300, 100), []string{"slow: elections take 3.0 × as long (10 of 10 pairs)"}},
		{"in one pair not", append(pairs(9, 310, 100), Pair{Figures{"failover": 90}, Figures{"failover": 100}}),
			[]string{"slow: elections take 3.1 × as long (9 of 10 pairs)"}},
		{"in three pairs not", append(pairs(7, 310, 100), pairs(3, 100, 900)...), nil},
		{"surely slower, but not by much", pairs(10, 130, 100), nil},
		{"too few pairs", pairs(6, 900, 100), nil},
		{"from nothing", []Pair{}, nil},
		{"from zero", pairs(10, 300, 0), []string{"slow: elections take 304ms where it was 0 (10 of 10 pairs)"}},
		{"faster", pairs(10, 100, 300), nil},
		{"one side has no figure", append(pairs(4, 900, 100), Pair{Figures{}, Figures{"failover": 1}}), nil},
	} {
		require.Equal(t, c.want, Compare(c.pairs, options).Slow(), c.name)
	}
	require.Equal(t, 9, options.Least())
	require.Empty(t, Compare(pairs(options.Least()-1, 900, 100), Options{Times: 1.5, Alpha: 0.01 / 5}).Slow())
}

func TestFiguresOfAReport(t *testing.T) {
	r := checker.Report{Results: []checker.Result{{Checker: "pre-votes", Stats: map[string]int64{"faults": 99}}, {
		Checker: "availability",
		Stats:   map[string]int64{"failover-median-ms": 160, "candidacies": 6, "terms": 4, "faults": 4, "silent-ms": 0},
	}}}
	require.Equal(t, Figures{"failover": 160, "candidacies": 1.5, "terms": 1, "silence": 0}, Of(r))
	delete(r.Results[1].Stats, "faults")
	require.Equal(t, Figures{"failover": 160, "silence": 0}, Of(r))
}
