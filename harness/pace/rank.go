package pace

import (
	"cmp"
	"math"
	"slices"
)

// signedRank tells how likely it is that differences are, by their ranks, so much on the
// positive side if each may as well have had the other sign: the exact one-sided p of
// Wilcoxon's test. That is so if both runs of a pair differ in nothing but their turn.
// Differences of zero say nothing; equal ones share their ranks.
func signedRank(differences []float64) float64 {
	ds := slices.DeleteFunc(slices.Clone(differences), func(d float64) bool { return d == 0 })
	slices.SortFunc(ds, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	ranks := make([]int, len(ds)) // twice over, so that shared ones are whole
	all, positive := 0, 0
	for from := 0; from < len(ds); {
		to := from
		for to < len(ds) && math.Abs(ds[to]) == math.Abs(ds[from]) {
			to++
		}
		for i := from; i < to; i++ {
			ranks[i] = from + to + 1
			all += ranks[i]
			if ds[i] > 0 {
				positive += ranks[i]
			}
		}
		from = to
	}
	chance := make([]float64, all+1) // of each sum of ranks
	chance[0] = 1
	for _, r := range ranks {
		for sum := all; sum >= 0; sum-- {
			chance[sum] /= 2
			if sum >= r {
				chance[sum] += chance[sum-r] / 2
			}
		}
	}
	p := 0.0
	for _, c := range chance[positive:] {
		p += c
	}
	return min(p, 1)
}

// median is the middle value, or the mean of the two in the middle; NaN of none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
