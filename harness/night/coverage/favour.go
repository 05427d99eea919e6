package coverage

import (
	"maps"
	"math/rand/v2"
	"slices"
)

const (
	// fewRuns is how many runs a theme needs before something is concluded from them.
	fewRuns = 3
	// Weights are between these, so that no theme is ever left out.
	leastWeight, mostWeight = 0.25, 4.0
)

// Favour returns how much more often each of the themes of random plans should be drawn
// than if all were alike, from 0.25 to 4.
//
// What a theme hits is learnt from the runs whose plan had it: the share of them that
// hit a cell. A cell is worth 1/(1+n), where n runs have hit it; a theme is worth the
// sum over cells of share times worth, compared with the mean of all themes. A theme of
// less than three runs is as good as the best.
func (t Tally) Favour(themes []string) map[string]float64 {
	worth := make(map[string]float64)
	sum, best, known := 0.0, 0.0, 0
	for _, theme := range themes {
		of := t.Themes[theme]
		if of.Runs < fewRuns {
			continue
		}
		for _, c := range slices.SortedFunc(maps.Keys(of.Cells), Cell.compare) { // so that the sum is always the same
			worth[theme] += float64(of.Cells[c]) / float64(of.Runs) / float64(1+t.Cells[c].Runs)
		}
		sum += worth[theme]
		best = max(best, worth[theme])
		known++
	}
	weights := make(map[string]float64, len(themes))
	for _, theme := range themes {
		w := worth[theme]
		if t.Themes[theme].Runs < fewRuns {
			w = best
		}
		weights[theme] = 1
		if sum > 0 {
			weights[theme] = min(max(w*float64(known)/sum, leastWeight), mostWeight)
		}
	}
	return weights
}

// Choose draws one of several plans, by the themes of each and what [Tally.Favour] says
// of them; a plan is as good as its themes are on the average, and 1 if it has none. It
// takes one number of the stream. It returns the plan's index; there must be one.
func Choose(weights map[string]float64, plans [][]string, stream *rand.Rand) int {
	good := make([]float64, len(plans))
	sum := 0.0
	for i, themes := range plans {
		good[i] = 1
		if len(themes) > 0 {
			good[i] = 0
		}
		for _, theme := range themes {
			w, known := weights[theme]
			if !known {
				w = 1
			}
			good[i] += w / float64(len(themes))
		}
		sum += good[i]
	}
	at := stream.Float64() * sum
	for i, g := range good {
		if at -= g; at < 0 {
			return i
		}
	}
	return len(plans) - 1
}
