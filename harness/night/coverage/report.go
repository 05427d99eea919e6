package coverage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/count"
)

// Report is what is told of what runs covered.
type Report struct {
	Runs     int `json:"runs"`
	Hit      int `json:"hit"`      // cells
	Possible int `json:"possible"` // cells that could have been hit
	// Untold is of how many runs the histories do not tell who leads, so that roles and
	// phases are unknown.
	Untold int `json:"untold,omitempty"`
	// Kinds says, of each kind of fault, where it never bit.
	Kinds []Gaps `json:"kinds,omitempty"`
	// Weakest and Strongest are the cells that the fewest and the most runs hit, in order
	// of runs; no cell is among both.
	Weakest   []Power `json:"weakest,omitempty"`
	Strongest []Power `json:"strongest,omitempty"`
	// Seen are the situations that came up, Missing those that did not although they
	// could be seen, Blind those of which no history of these runs would tell.
	Seen    []Sighting `json:"seen,omitempty"`
	Missing []Sighting `json:"missing,omitempty"`
	Blind   []Sighting `json:"blind,omitempty"`
	// Distinct states, and those of them that are not among the known ones; Exact
	// unless both are estimated from a sample.
	Distinct int    `json:"distinct"`
	New      int    `json:"new"`
	Exact    bool   `json:"exact"`
	Unseen   Unseen `json:"unseen"`
}

// Gaps is where faults of a kind never bit: of roles, phases and reaches that are
// possible, those with which no cell was hit. Neither [Mixed] nor an unknown
// role or phase is a gap.
type Gaps struct {
	Kind     string  `json:"kind"`
	Put      int     `json:"put"`
	Bit      int     `json:"bit"`
	Hit      int     `json:"hit"`      // cells
	Possible int     `json:"possible"` // cells
	Roles    []Role  `json:"roles,omitempty"`
	Phases   []Phase `json:"phases,omitempty"`
	Reaches  []Reach `json:"reaches,omitempty"`
}

// Sighting is what became of one of [Situations].
type Sighting struct {
	Name  string `json:"name"`
	Short string `json:"short"`
	Seen
}

// extremes is how many cells are named as the weakest and the strongest.
const extremes = 3

// Report tells what the runs covered; known are the states of runs before them.
func (t Tally) Report(known States) Report {
	powers, possible := t.Powers(), t.Possible()
	r := Report{
		Runs: t.Runs, Hit: len(powers), Possible: len(possible),
		Weakest:  slices.Clone(powers[:min(extremes, len(powers))]),
		Distinct: t.States.Distinct(), New: t.States.New(known), Exact: t.States.Exact() && known.Exact(),
		Unseen: t.States.Unseen(t.Runs),
	}
	r.Strongest = slices.Clone(powers[max(len(powers)-extremes, len(r.Weakest)):])
	for s, n := range t.Settings {
		if s.tells&tellLeaders == 0 {
			r.Untold += n
		}
	}
	r.Kinds = t.gaps(possible)
	for _, s := range Situations() {
		seen := Sighting{s.Name, s.Short, t.Situations[s.Name]}
		switch {
		case seen.Runs > 0:
			r.Seen = append(r.Seen, seen)
		case seen.Could > 0:
			r.Missing = append(r.Missing, seen)
		default:
			r.Blind = append(r.Blind, seen)
		}
	}
	return r
}

// gaps tells of each kind of fault where it never bit.
func (t Tally) gaps(possible []Cell) []Gaps {
	var out []Gaps
	at := make(map[string]int)
	for _, c := range possible { // in order of kinds
		i, ok := at[c.Kind]
		if !ok {
			i = len(out)
			at[c.Kind] = i
			k := t.Kinds[c.Kind]
			out = append(out, Gaps{Kind: c.Kind, Put: k.Put, Bit: k.Bit})
		}
		g := &out[i]
		g.Possible++
		if t.Cells[c].Runs > 0 {
			g.Hit++
		}
	}
	for i := range out {
		g := &out[i]
		own := slices.DeleteFunc(slices.Clone(possible), func(c Cell) bool { return c.Kind != g.Kind })
		g.Roles = never(t, own, roles()[:slices.Index(roles(), Mixed)], func(c Cell) Role { return c.Role })
		g.Phases = never(t, own, phases()[:slices.Index(phases(), UnknownPhase)], func(c Cell) Phase { return c.Phase })
		g.Reaches = never(t, own, reaches(), func(c Cell) Reach { return c.Reach })
	}
	return out
}

// never returns the words of which cells are possible and none was hit.
func never[W comparable](t Tally, possible []Cell, words []W, word func(Cell) W) []W {
	var out []W
	for _, w := range words {
		could, did := false, false
		for _, c := range possible {
			if word(c) == w {
				could, did = true, did || t.Cells[c].Runs > 0
			}
		}
		if could && !did {
			out = append(out, w)
		}
	}
	return out
}

// Lines are the report for people: a line a kind of fault, and some more.
func (r Report) Lines() []string {
	lines := []string{fmt.Sprintf("faults of %s bit in %d of %d cells (kind of fault, whom, when, how many) that were possible", many(r.Runs), r.Hit, r.Possible)}
	if r.Untold > 0 {
		lines = append(lines, fmt.Sprintf("  in %s nothing tells who leads: whom faults hit, and when, is unknown there", many(r.Untold)))
	}
	for _, g := range r.Kinds {
		lines = append(lines, "  "+g.String())
	}
	if len(r.Weakest) > 0 {
		lines = append(lines, "a bug that shows in this part of the runs that hit a cell, or more, would have been seen with 95 %:")
		for _, p := range slices.Concat(r.Weakest, r.Strongest) {
			lines = append(lines, "  "+p.String())
		}
	}
	lines = append(lines, fmt.Sprintf("%d of %d situations came up", len(r.Seen), len(r.Seen)+len(r.Missing)+len(r.Blind)))
	for _, s := range r.Missing {
		lines = append(lines, fmt.Sprintf("  never, in %s that would have shown it: %s: %s", many(s.Could), s.Name, s.Short))
	}
	if len(r.Blind) > 0 {
		var names []string
		for _, s := range r.Blind {
			names = append(names, s.Name)
		}
		lines = append(lines, "  of these the histories tell nothing: "+strings.Join(names, ", "))
	}
	return append(lines, r.states())
}

func (r Report) states() string {
	about := ""
	if !r.Exact {
		about = "about "
	}
	return fmt.Sprintf("%s%s, %s%d of them new; %s of the states of one more run would be new (Good–Turing, over runs: %d seen in one run only)",
		about, count.Many(r.Distinct, "distinct state"), about, r.New, percent(r.Unseen.Mass), r.Unseen.Once)
}

// String is "kill: bit 12 of 40 times, in 3 of 84 cells; never whom: voter, …".
func (g Gaps) String() string {
	text := fmt.Sprintf("%s: bit %d of %s, in %d of %s", g.Kind, g.Bit, count.Many(g.Put, "time"), g.Hit, count.Many(g.Possible, "cell"))
	if g.Bit == 0 {
		return text
	}
	for _, never := range []struct {
		what  string
		words []string
	}{{"never whom", plain(g.Roles)}, {"never when", plain(g.Phases)}, {"never how many", plain(g.Reaches)}} {
		if len(never.words) > 0 {
			text += "; " + never.what + ": " + strings.Join(never.words, ", ")
		}
	}
	return text
}

func plain[W ~string](list []W) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// String is "kill leader election one: 7.22 %, from 40 runs".
func (p Power) String() string {
	return fmt.Sprintf("%s: %s, from %s", p.Cell, percent(p.Rate), many(p.Runs))
}

func many(runs int) string { return count.Many(runs, "run") }

func percent(part float64) string { return fmt.Sprintf("%.3g %%", 100*part) }
