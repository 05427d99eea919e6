package reproduce

import "math"

// Sequential is Wald's test of whether something happens often enough, after as
// few runs as will do. It tells a rate of Often or more from one of Seldom or
// less with at most a probability of Error to be wrong either way. A rate between
// the two gets either answer.
type Sequential struct {
	Often, Seldom float64 // 0 < Seldom < Often < 1
	Error         float64 // below 0.5
	// Most bounds the runs: then the answer is that of whichever hypothesis makes
	// what was seen the likelier. 0 means no bound.
	Most int
}

// Acceptable is the test of what shrinking may take for a reproduction: four runs
// of four accept it, two of two failed ones reject it, and a mixture goes on.
func Acceptable() Sequential {
	return Sequential{Often: 0.8, Seldom: 0.4, Error: 0.1, Most: 10}
}

// Answer is what a test has come to.
type Answer int

// The answers.
const (
	Undecided Answer = iota // more runs are needed
	Yes                     // it fails often enough
	No                      // it does not
)

// Decide answers after k of n runs.
func (s Sequential) Decide(k, n int) Answer {
	evidence := float64(k)*math.Log(s.Often/s.Seldom) + float64(n-k)*math.Log((1-s.Often)/(1-s.Seldom))
	bound := math.Log((1 - s.Error) / s.Error)
	const slack = 1e-9
	switch {
	case evidence >= bound-slack:
		return Yes
	case evidence <= -bound+slack:
		return No
	case s.Most == 0 || n < s.Most:
		return Undecided
	case evidence >= 0:
		return Yes
	}
	return No
}
