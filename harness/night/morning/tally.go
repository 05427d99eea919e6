package morning

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/pace"
)

// Tally sums up entries. It is used by one goroutine.
type Tally struct {
	seen    map[entry.Key]bool
	made    map[string]int // runs by night
	runs    Counts
	seconds float64
	cells   map[string]*Cell
	ops     Operations
	faults  map[string]*entry.Fault
	bitten  map[string]bool                // kinds of fault that bit in a run with a verdict
	found   map[finding.Signature]*Unfiled // what runs are findings for
	shown   map[finding.Signature]int      // runs, whatever else they are findings for
	covered coverage.Tally
	ended   map[string]time.Time // the last run of each night
	unread  int                  // entries whose coverage cannot be read
	broken  groups
	unknown groups
	judged  map[string]bool   // by checker
	idle    map[string]string // why, by checker
	figures []pace.Figures
}

// NewTally starts a tally of nothing.
func NewTally() *Tally {
	return &Tally{
		seen: make(map[entry.Key]bool), made: make(map[string]int), cells: make(map[string]*Cell),
		faults: make(map[string]*entry.Fault), bitten: make(map[string]bool), found: make(map[finding.Signature]*Unfiled), shown: make(map[finding.Signature]int), covered: coverage.Sum(), ended: make(map[string]time.Time),
		broken: make(groups), unknown: make(groups), judged: make(map[string]bool), idle: make(map[string]string),
	}
}

// Add counts an entry, and tells whether it is another than those counted: the same
// run may be in several logs that are joined. A control is no run of the night; how it
// stands is among the night's facts.
func (t *Tally) Add(e entry.Entry) bool {
	k := e.Key()
	if t.seen[k] {
		return false
	}
	t.seen[k] = true
	if e.Control != "" {
		return true
	}
	t.made[e.Night]++
	t.runs.add(e.Class)
	t.seconds += e.Elapsed.Seconds()
	t.addCell(&e)
	t.ops.OK += e.OK
	t.ops.Fail += e.Fail
	t.ops.Info += e.Info
	for kind, n := range e.Faults {
		sum, ok := t.faults[kind]
		if !ok {
			sum = &entry.Fault{}
			t.faults[kind] = sum
		}
		sum.Planned += n.Planned
		sum.Fired += n.Fired
		sum.Bit += n.Bit
		if n.Bit > 0 && judged(e.Class) {
			t.bitten[kind] = true
		}
	}
	t.addFound(&e)
	t.addCoverage(&e)
	if end := e.Started.Add(e.Elapsed); end.After(t.ended[e.Night]) {
		t.ended[e.Night] = end
	}
	t.addCheckers(&e)
	if len(e.Figures) > 0 {
		t.figures = append(t.figures, e.Figures)
	}
	switch {
	case judged(e.Class):
	case e.Class == entry.Broken:
		t.broken.add(&e)
	default:
		t.unknown.add(&e)
	}
	return true
}

// judged tells whether a run of a class came to a verdict.
func judged(c entry.Class) bool { return c == entry.Valid || c == entry.Invalid }

// Runs are the runs counted so far.
func (t *Tally) Runs() Counts { return t.runs }

func (t *Tally) addCell(e *entry.Entry) {
	c, ok := t.cells[e.Cell]
	if !ok {
		c = &Cell{Name: e.Cell}
		t.cells[e.Cell] = c
	}
	c.Runs.add(e.Class)
	c.OK += e.OK
	if judged(e.Class) {
		c.answered += e.OK
	}
	c.Seconds += e.Elapsed.Seconds()
}

// addFound counts what an invalid run is a finding for.
func (t *Tally) addFound(e *entry.Entry) {
	if e.Class != entry.Invalid {
		return
	}
	text := e.Why
	sig, ok := finding.SignatureOf(*e) // the zero one of a run that names no broken rule
	if ok {
		text = e.Breaches[finding.Primary(e.Breaches)].Text
	}
	u, known := t.found[sig]
	if !known {
		u = &Unfiled{Checker: sig.Checker, Rule: sig.Rule}
		t.found[sig] = u
	}
	here := make(map[finding.Signature]bool)
	for _, b := range e.Breaches {
		here[finding.Signature{Target: cmp.Or(e.Axes["target"], finding.Unnamed), Checker: b.Checker, Rule: b.Rule, Shape: b.Shape}] = true
	}
	for sig := range here {
		t.shown[sig]++
	}
	u.Runs++
	if !known || u.Dir == "" && e.Dir != "" { // one that can be looked at is a better example
		u.Text, u.Dir, u.Seed = text, e.Dir, e.Seed
	}
}

// addCoverage takes what a run covered. What cannot be read is a doubt, see vacuous.
func (t *Tally) addCoverage(e *entry.Entry) {
	tally, ok, err := coverage.OfEntry(*e)
	switch {
	case err != nil:
		t.unread++
	case ok:
		t.covered.Add(tally)
	}
}

func (t *Tally) addCheckers(e *entry.Entry) {
	for name, v := range e.Checkers {
		if v != string(verdict.Unchecked) {
			t.judged[name] = true
		} else if t.idle[name] == "" {
			t.idle[name] = e.Unchecked[name]
		}
	}
}

// unchecked lists the checkers that had nothing to judge in any run.
func (t *Tally) unchecked() []Unchecked {
	var all []Unchecked
	for _, name := range slices.Sorted(maps.Keys(t.idle)) {
		if !t.judged[name] {
			all = append(all, Unchecked{name, t.idle[name]})
		}
	}
	return all
}

// unfailing is the checker that says what a run lacks, and never that a rule is broken.
const unfailing = "coverage"

// unshown lists the checkers that judged something and have no control. What a control
// that is not red leaves open is a doubt.
func (t *Tally) unshown(controls []Control) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(t.judged)), func(name string) bool {
		return name == unfailing || slices.ContainsFunc(controls, func(c Control) bool { return c.Checker == name })
	})
}

// file counts the runs that show each finding, and lists the broken rules of which none tells.
func (t *Tally) file(findings []Finding) []Unfiled {
	filed := make(map[finding.Signature]bool)
	for i := range findings {
		f := &findings[i]
		sig := finding.Signature{Target: f.Target, Checker: f.Checker, Rule: f.Rule, Shape: f.Shape}
		filed[sig], f.Tonight = true, t.shown[sig]
		if u, ok := t.found[sig]; ok && f.Example == "" {
			f.Example = u.Dir
		}
	}
	var all []Unfiled
	for sig, u := range t.found {
		if !filed[sig] {
			all = append(all, *u)
		}
	}
	slices.SortFunc(all, func(a, b Unfiled) int {
		return cmp.Or(cmp.Compare(b.Runs, a.Runs), cmp.Compare(a.Checker, b.Checker), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Seed, b.Seed))
	})
	return all
}

// groups are runs by their reason, in which numbers make no difference.
type groups map[string]*Group

var numbers = regexp.MustCompile(`[0-9]+`)

const (
	fewSeeds   = 5  // of a group are told
	manyGroups = 50 // are told; the rest is one
)

func (g groups) add(e *entry.Entry) {
	why := e.Why
	if why == "" {
		why = "no reason was given"
	}
	k := numbers.ReplaceAllString(why, "0")
	group, ok := g[k]
	if !ok {
		group = &Group{Why: why, Dir: e.Dir}
		g[k] = group
	}
	group.Runs++
	if len(group.Seeds) < fewSeeds {
		group.Seeds = append(group.Seeds, e.Seed)
	}
	if len(group.Cells) < fewSeeds && !slices.Contains(group.Cells, e.Cell) {
		group.Cells = append(group.Cells, e.Cell)
	}
	if group.Dir == "" {
		group.Dir = e.Dir
	}
}

// list tells the groups, the largest first, the smallest of very many as one.
func (g groups) list() []Group {
	var all []Group
	for _, group := range g {
		all = append(all, *group)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Runs, a.Runs), strings.Compare(a.Why, b.Why))
	})
	if len(all) <= manyGroups {
		return all
	}
	rest := Group{Why: "other reasons"}
	for _, group := range all[manyGroups-1:] {
		rest.Runs += group.Runs
		if len(rest.Seeds) < fewSeeds {
			rest.Seeds = append(rest.Seeds, group.Seeds[0])
		}
		if len(rest.Cells) < fewSeeds && !slices.Contains(rest.Cells, group.Cells[0]) {
			rest.Cells = append(rest.Cells, group.Cells[0])
		}
	}
	return append(all[:manyGroups-1], rest)
}
