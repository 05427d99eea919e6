package reproduce

import "math"

// Confidence is the level of every interval in reports.
const Confidence = 0.95

// Interval returns the exact confidence interval of Clopper and Pearson for a
// rate of which k of n trials were seen: whatever the true rate is, the interval
// holds it with at least the given probability, below 1. Of no trial it says
// nothing: 0 to 1.
func Interval(k, n int, confidence float64) (low, high float64) {
	half := (1 - confidence) / 2
	low, high = 0, 1
	if k > 0 { // the rate at which k or more would come as rarely as half
		low = solve(func(p float64) bool { return atMost(n-k, n, 1-p) > half })
	}
	if k < n { // the rate at which k or fewer would
		high = solve(func(p float64) bool { return atMost(k, n, p) < half })
	}
	return low, high
}

// solve returns where above turns true, as it does once between 0 and 1.
func solve(above func(float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if p := (low + high) / 2; above(p) {
			high = p
		} else {
			low = p
		}
	}
	return (low + high) / 2
}

// atMost is the probability of at most k successes in n trials at rate p,
// 0 < p < 1.
func atMost(k, n int, p float64) float64 {
	sum := 0.0
	for i := 0; i <= k; i++ {
		sum += math.Exp(choices(n, i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// choices is the logarithm of n over k.
func choices(n, k int) float64 {
	all, _ := math.Lgamma(float64(n + 1))
	in, _ := math.Lgamma(float64(k + 1))
	out, _ := math.Lgamma(float64(n - k + 1))
	return all - in - out
}
