package finding

import (
	"cmp"
	"math"
	"slices"
)

// sameRate is the exact two-sided p of Fisher's test: how often two groups of n and m
// runs that are alike would differ at least as much as that k of the one and l of the
// other show something. It is 1 if one is empty.
func sameRate(k, n, l, m int) float64 {
	if n == 0 || m == 0 {
		return 1
	}
	all := k + l
	likely := func(i int) float64 { // the logarithm of the chance that the first has i of all
		return choices(n, i) + choices(m, all-i) - choices(n+m, all)
	}
	seen := likely(k)
	p := 0.0
	for i := max(0, all-m); i <= min(n, all); i++ {
		if at := likely(i); at <= seen+1e-9 {
			p += math.Exp(at)
		}
	}
	return min(p, 1)
}

// choices is the logarithm of n over k.
func choices(n, k int) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	in, _ := math.Lgamma(float64(k + 1))
	out, _ := math.Lgamma(float64(n - k + 1))
	return all - in - out
}

// holm returns which of several comparisons show a difference, so that among those of
// things that are alike one is called different with at most the chance alpha.
func holm(ps []float64, alpha float64) []bool {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	differ := make([]bool, len(ps))
	for i, at := range order {
		if ps[at] > alpha/float64(len(order)-i) {
			break
		}
		differ[at] = true
	}
	return differ
}

// median is the middle value, or the mean of the two in the middle; of one at least.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// above counts the values that are larger.
func above(values []float64, than float64) (n int) {
	for _, v := range values {
		if v > than {
			n++
		}
	}
	return n
}
