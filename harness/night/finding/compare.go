package finding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/night/entry"
)

// Night is what a night made, for [Compare].
type Night struct {
	Name    string
	Entries []entry.Entry
}

// Alpha bounds how often [Compare] says of two nights that are alike that they differ,
// in any row of a kind.
const Alpha = 0.05

// Pair is how often something was seen in each of two nights: K of N.
type Pair struct {
	KA int `json:"a"`
	NA int `json:"of_a"`
	KB int `json:"b"`
	NB int `json:"of_b"`
	// P is how often nights that are alike differ at least so much (Fisher's exact test,
	// two-sided), and Differ whether that is so seldom that it hardly is chance, with all
	// rows of its kind taken together (Holm, [Alpha]).
	P      float64 `json:"p"`
	Differ bool    `json:"differ"`
}

// Row is a line of a comparison.
type Row struct {
	What string `json:"what"`
	ID   string `json:"id,omitempty"` // of a finding
	Pair
}

// FigureRow compares the medians of a figure. The test is of how many runs of each night
// are above the median of both.
type FigureRow struct {
	Figure  string  `json:"figure"`
	MedianA float64 `json:"median_a"`
	MedianB float64 `json:"median_b"`
	Pair
}

// Comparison is what two nights differ in.
type Comparison struct {
	A        string      `json:"a"`
	B        string      `json:"b"`
	Runs     [2]int      `json:"runs"`
	Systems  [2][]string `json:"systems"`
	Harness  [2][]string `json:"harness"`
	Classes  []Row       `json:"classes"`
	Findings []Row       `json:"findings"`
	// Idle are the checkers that judged something in the one night and nothing in the
	// other, Missing the cells that only one of them ran.
	Idle    [2][]string `json:"idle"`
	Missing [2][]string `json:"missing"`
	Figures []FigureRow `json:"figures"`
}

// Compare tells what two nights differ in. Controls are left out. A finding is compared
// over the cells in which it was seen in either night.
func Compare(a, b Night) Comparison {
	both := [2]tally{tallyOf(a), tallyOf(b)}
	c := Comparison{A: a.Name, B: b.Name}
	for i := range both {
		t, o := &both[i], &both[1-i]
		c.Runs[i], c.Systems[i], c.Harness[i] = t.runs, t.systems, t.harness
		c.Idle[i] = lacks(t.busy, o.busy)
		c.Missing[i] = lacks(t.cells, o.cells)
	}
	for _, class := range []entry.Class{entry.Valid, entry.Invalid, entry.Unknown, entry.Broken} {
		c.Classes = append(c.Classes, Row{What: string(class), Pair: Pair{
			KA: both[0].classes[class], NA: both[0].runs, KB: both[1].classes[class], NB: both[1].runs}})
	}
	judge(c.Classes, func(r *Row) *Pair { return &r.Pair })
	c.findings(&both[0], &both[1])
	c.figures(&both[0], &both[1])
	return c
}

// tally is what a night comes to.
type tally struct {
	runs             int
	systems, harness []string
	classes          map[entry.Class]int
	cells            map[string]int // judged runs of each, also of none
	busy             map[string]int
	seen             map[Signature]map[string]int // by cell
	figures          map[string][]float64
}

func tallyOf(n Night) tally {
	t := tally{
		classes: make(map[entry.Class]int), cells: make(map[string]int), busy: make(map[string]int),
		seen: make(map[Signature]map[string]int), figures: make(map[string][]float64),
	}
	for i := range n.Entries {
		if e := &n.Entries[i]; e.Control == "" {
			t.add(e)
		}
	}
	return t
}

func (t *tally) add(e *entry.Entry) {
	t.runs++
	t.classes[e.Class]++
	t.systems, t.harness = with(t.systems, e.System), with(t.harness, e.Harness)
	t.cells[e.Cell] += 0
	if judged(e) {
		t.cells[e.Cell]++
	}
	for name, v := range e.Checkers {
		if v == string(entry.Valid) || v == string(entry.Invalid) {
			t.busy[name]++
		}
	}
	for name, v := range e.Figures {
		t.figures[name] = append(t.figures[name], v)
	}
	if sig, ok := SignatureOf(*e); ok {
		if t.seen[sig] == nil {
			t.seen[sig] = make(map[string]int)
		}
		t.seen[sig][e.Cell]++
	}
}

// lacks lists what the other has and this one has not.
func lacks(this, other map[string]int) (names []string) {
	for name := range other {
		if _, ok := this[name]; !ok {
			names = with(names, name)
		}
	}
	return names
}

func (c *Comparison) findings(a, b *tally) {
	all := make(map[Signature]bool)
	for sig := range a.seen {
		all[sig] = true
	}
	for sig := range b.seen {
		all[sig] = true
	}
	for sig := range all {
		r := Row{What: sig.String(), ID: sig.ID()}
		cells := make(map[string]bool)
		for _, t := range []*tally{a, b} {
			for cell := range t.seen[sig] {
				cells[cell] = true
			}
		}
		for cell := range cells {
			r.KA, r.NA = r.KA+a.seen[sig][cell], r.NA+a.cells[cell]
			r.KB, r.NB = r.KB+b.seen[sig][cell], r.NB+b.cells[cell]
		}
		c.Findings = append(c.Findings, r)
	}
	judge(c.Findings, func(r *Row) *Pair { return &r.Pair })
	slices.SortFunc(c.Findings, func(a, b Row) int { return cmp.Or(cmp.Compare(a.P, b.P), strings.Compare(a.ID, b.ID)) })
}

func (c *Comparison) figures(a, b *tally) {
	for _, name := range slices.Sorted(maps.Keys(a.figures)) {
		x, y := a.figures[name], b.figures[name]
		if len(y) == 0 {
			continue
		}
		middle := median(slices.Concat(x, y))
		c.Figures = append(c.Figures, FigureRow{Figure: name, MedianA: median(x), MedianB: median(y),
			Pair: Pair{KA: above(x, middle), NA: len(x), KB: above(y, middle), NB: len(y)}})
	}
	judge(c.Figures, func(r *FigureRow) *Pair { return &r.Pair })
}

// judge tests the rows of a kind.
func judge[R any](rows []R, of func(*R) *Pair) {
	var ps []float64
	for i := range rows {
		p := of(&rows[i])
		p.P = sameRate(p.KA, p.NA, p.KB, p.NB)
		ps = append(ps, p.P)
	}
	for i, differ := range holm(ps, Alpha) {
		of(&rows[i]).Differ = differ
	}
}

// Says is what the test says: "differs (p = 0.002)", "may be chance (p = 0.31)", or that
// there is nothing to compare.
func (p Pair) Says() string {
	switch {
	case p.NA == 0 && p.NB == 0:
		return "not run in either"
	case p.NA == 0:
		return "not run in A"
	case p.NB == 0:
		return "not run in B"
	case p.Differ:
		return fmt.Sprintf("differs (p = %.2g)", p.P)
	case p.KA*p.NB == p.KB*p.NA:
		return "as often"
	}
	return fmt.Sprintf("may be chance (p = %.2g)", p.P)
}
