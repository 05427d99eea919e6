package picture

import (
	"cmp"
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// proofsOf returns the proofs of a report's violations: those of the rule that is proved
// broken first, as check's last line has it, then those of the next.
func proofsOf(r *checker.Report, lanes []Lane, windows []*window) []Proof {
	type ranked struct {
		Proof
		rank int
	}
	var all []ranked
	breaches := r.Breaches()
	for i := range r.Results {
		result := &r.Results[i]
		for k := range result.Violations {
			v := &result.Violations[k]
			p := Proof{Checker: brief(result.Checker, aLine), Rule: brief(v.Rule, aLine), Events: []Point{}, Window: -1}
			for j := range v.Events {
				p.Events = append(p.Events, pointOf(&v.Events[j], lanes))
			}
			p.Sentences = sentencesOf(v)
			p.Window = windowFor(result.Checker, v, windows)
			all = append(all, ranked{p, slices.Index(breaches, verdict.BreachOf(result.Checker, v.Rule))})
		}
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	proofs := make([]Proof, len(all))
	for i := range all {
		proofs[i] = all[i].Proof
	}
	return proofs
}

// windowFor returns the window that shows a violation: that of its rule, else any in
// which all that is near its end lies; -1 for none.
func windowFor(by string, v *checker.Violation, windows []*window) int {
	if len(v.Events) == 0 {
		return -1
	}
	last := v.Events[len(v.Events)-1]
	b := verdict.BreachOf(by, v.Rule)
	found := -1
	for i, w := range windows {
		if !w.has(last.At) {
			continue
		}
		if slices.Contains(w.breaches, b) {
			return i
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

func pointOf(e *history.Event, lanes []Lane) Point {
	p := Point{At: e.At, Seq: e.Seq, Client: -1, Text: brief(verdict.Describe(shortened(e)), aLine)}
	if e.Op != nil {
		p.Client = e.Op.Process
		return p
	}
	member := brief(laneOf(e), aWord)
	for i := range lanes {
		if lanes[i].Member == member {
			p.Member = member
		}
	}
	return p
}

// shortened is an event whose operation, if it has one, has short values.
func shortened(e *history.Event) *history.Event {
	if e.Op == nil {
		return e
	}
	out := *e
	out.Op = small(e.Op)
	return &out
}
