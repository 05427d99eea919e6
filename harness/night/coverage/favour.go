package coverage

import "slices"

const (
	// fewRuns is how many runs a theme needs before something is concluded from them.
	fewRuns = 3
	// Weights are between these, so that no theme is ever left out.
	leastWeight, mostWeight = 0.25, 4.0
)

// Favour returns how much more often each of the themes of random plans should be drawn
// than if all were alike, from 0.25 to 4, given the tallies of single runs.
//
// What a theme hits is learnt from the runs whose plan had it: the share of them that
// hit a cell. A cell is worth 1/(1+n), where n runs have hit it; a theme is worth the
// sum over cells of share times worth, compared with the mean of all themes. A theme of
// less than three runs is as good as the best. A run of several themes counts for each.
// The same tallies in another order give the same weights.
func Favour(tallies []Tally, themes []string) map[string]float64 {
	hit := make(map[Cell]int)
	by := make(map[string]map[Cell]int)
	runs := make(map[string]int)
	for _, t := range tallies {
		for c := range t.Cells {
			hit[c]++
		}
		for theme := range t.Themes {
			runs[theme]++
			if by[theme] == nil {
				by[theme] = make(map[Cell]int)
			}
			for c := range t.Cells {
				by[theme][c]++
			}
		}
	}
	worth := make(map[string]float64)
	sum, best, known := 0.0, 0.0, 0
	for _, theme := range themes {
		if runs[theme] < fewRuns {
			continue
		}
		for _, p := range cellsOf(by[theme]) {
			worth[theme] += float64(by[theme][p]) / float64(runs[theme]) / float64(1+hit[p])
		}
		sum += worth[theme]
		best = max(best, worth[theme])
		known++
	}
	weights := make(map[string]float64, len(themes))
	for _, theme := range themes {
		w := worth[theme]
		if runs[theme] < fewRuns {
			w = best
		}
		weights[theme] = 1
		if sum > 0 {
			weights[theme] = min(max(w*float64(known)/sum, leastWeight), mostWeight)
		}
	}
	return weights
}

// cellsOf returns the cells in an order of their own, so that sums are always the same.
func cellsOf(counts map[Cell]int) []Cell {
	cells := make([]Cell, 0, len(counts))
	for c := range counts {
		cells = append(cells, c)
	}
	slices.SortFunc(cells, Cell.compare)
	return cells
}
