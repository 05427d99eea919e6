package morning

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/pace"
)

// Night is what a report needs besides the entries.
type Night struct {
	Parts    []entry.Facts   // of the night, of its shards, or of several nights: see [entry.ReadParts]
	Shard    bool            // the only part tells of itself; that others exist is no doubt
	Findings []Finding       // those of the store, as they stand after the night
	Known    coverage.States // that earlier nights came to
	FailOn   FailOn
	At       time.Time // of the report
}

// How a control stands.
const (
	red     = "red"
	green   = "green"
	untried = "untried"
)

// Report makes the report of what was added so far.
func (t *Tally) Report(n Night) Report {
	findings := slices.Clone(n.Findings)
	unfiled := t.file(findings)
	findings = inOrder(findings)
	cells := t.listCells(n.Parts)
	controls := standing(n.Parts, n.At)
	r := Report{
		Format: Format, Made: n.At.UTC(), Runs: t.runs, Seconds: t.seconds,
		FailOn: cmp.Or(n.FailOn, FailOnNew), Doubts: t.doubts(&n, controls, cells),
		Cells: cells, Operations: t.ops, Faults: t.kinds(),
		Findings: findings, Unfiled: unfiled,
		Broken: t.broken.list(), Unknown: t.unknown.list(),
		Controls: controls, Unshown: t.unshown(controls), Unchecked: t.unchecked(), Medians: pace.Median(t.figures),
	}
	if t.covered.Runs > 0 {
		r.Coverage = t.covered.Report(n.Known)
		r.Covered = r.Coverage.Lines()
	}
	fails := func(f Finding) bool { return r.FailOn.fails(&f) }
	if len(unfiled) == 0 && !slices.ContainsFunc(findings, fails) {
		r.Doubts = append(r.Doubts, t.hidden(n.Parts, cells)...)
	}
	maxUnknown := 1.0
	for _, p := range n.Parts {
		r.Nights = append(r.Nights, Part{p.Night, p.Seed, p.Shard, p.Shards, p.Begun.UTC(), p.Ended.UTC(), p.Stopped, p.Command})
		r.Asked += p.Runs
		maxUnknown = min(maxUnknown, p.MaxUnknown)
		r.Going = r.Going || p.Ended.IsZero() && p.Stopped == ""
	}
	r.Wall = t.wall(n.Parts)
	if len(n.Parts) == 0 {
		maxUnknown = 0
	}
	for i := range findings {
		if f := &findings[i]; f.Muted && f.Tonight > 0 {
			r.Muted++
		}
	}
	r.Verdict, r.News, r.Lacks = judge(evidence{findings, len(r.Unfiled), r.Runs, maxUnknown, r.Doubts, r.FailOn})
	r.Status = r.Verdict.Status()
	r.full()
	return r
}

// wall is how long nights took in seconds, the shards of each side by side. One that has
// not ended took until its last run did.
func (t *Tally) wall(parts []entry.Facts) float64 {
	begun, ended := make(map[string]time.Time), make(map[string]time.Time)
	for _, p := range parts {
		end := p.Ended
		if end.IsZero() {
			end = t.ended[p.Night]
		}
		if b, ok := begun[p.Night]; !ok || p.Begun.Before(b) {
			begun[p.Night] = p.Begun
		}
		if end.After(ended[p.Night]) {
			ended[p.Night] = end
		}
	}
	sum := 0.0
	for night, b := range begun {
		sum += max(0, ended[night].Sub(b).Seconds())
	}
	return sum
}

// full makes lists of nothing of those that are missing, which JSON tells apart.
func (r *Report) full() {
	r.News, r.Lacks, r.Doubts, r.Nights = orEmpty(r.News), orEmpty(r.Lacks), orEmpty(r.Doubts), orEmpty(r.Nights)
	r.Cells, r.Faults, r.Findings, r.Unfiled = orEmpty(r.Cells), orEmpty(r.Faults), orEmpty(r.Findings), orEmpty(r.Unfiled)
	r.Broken, r.Unknown, r.Controls = orEmpty(r.Broken), orEmpty(r.Unknown), orEmpty(r.Controls)
	r.Unshown, r.Unchecked, r.Covered = orEmpty(r.Unshown), orEmpty(r.Unchecked), orEmpty(r.Covered)
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// listCells are the cells that ran and those that were to, by name.
func (t *Tally) listCells(parts []entry.Facts) []Cell {
	all := make(map[string]Cell)
	for name, c := range t.cells {
		all[name] = *c
	}
	for _, p := range parts {
		for _, name := range p.Cells {
			if _, ok := all[name]; !ok {
				all[name] = Cell{Name: name}
			}
		}
	}
	var list []Cell
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[name])
	}
	return list
}

// kinds are the kinds of fault that were planned or came into force, by name.
func (t *Tally) kinds() []FaultKind {
	var list []FaultKind
	for _, kind := range slices.Sorted(maps.Keys(t.faults)) {
		list = append(list, FaultKind{kind, *t.faults[kind]})
	}
	return list
}

// standing tells how each control stands: red if any part of the night knows it to be,
// and otherwise green if any tried it and came to a verdict.
func standing(parts []entry.Facts, at time.Time) []Control {
	byName := make(map[string]*Control)
	for _, p := range parts {
		for _, c := range p.Controls {
			s, ok := byName[c.Name]
			if !ok {
				s = &Control{Name: c.Name, Checker: c.Checker}
				byName[c.Name] = s
			}
			s.Tries += c.Tries
			s.broken += c.Broken
			if c.Red.After(s.Red) {
				s.Red = c.Red.UTC()
			}
			if s.Untried == "" {
				s.Untried = c.Untried
			}
		}
	}
	var list []Control
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		c := *byName[name]
		switch {
		case !c.Red.IsZero():
			c.State, c.Age, c.Untried = red, max(0, at.Sub(c.Red).Seconds()), ""
		case c.Tries > c.broken:
			c.State, c.Untried = green, ""
		default:
			c.State = untried
		}
		list = append(list, c)
	}
	return list
}

// Read reads the facts of nights, or of shards of them, from their directories, and
// hands all their entries to the tally. The order of the directories makes no
// difference, nor does one that is named twice or is a copy of another.
func (t *Tally) Read(dirs []string) ([]entry.Facts, error) {
	parts, err := entry.ReadParts(dirs)
	if err != nil {
		return nil, err
	}
	all, err := entry.ReadAll(dirs)
	if err != nil {
		return nil, err
	}
	for i := range all {
		t.Add(all[i])
	}
	return parts, nil
}
