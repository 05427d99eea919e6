package checker

import (
	"cmp"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// Breaches lists the broken rules, each once, in the order in which the history
// proves them.
func (r *Report) Breaches() []Breach {
	type proof struct {
		breach Breach
		at     uint64
	}
	var proofs []proof
	for _, result := range r.Results {
		for i := range result.Violations {
			v := &result.Violations[i]
			b := verdict.BreachOf(result.Checker, v.Rule)
			if !slices.ContainsFunc(proofs, func(p proof) bool { return p.breach == b }) {
				proofs = append(proofs, proof{b, v.Proven()})
			}
		}
	}
	slices.SortStableFunc(proofs, func(p, q proof) int { return cmp.Compare(p.at, q.at) })
	breaches := make([]Breach, len(proofs))
	for i, p := range proofs {
		breaches[i] = p.breach
	}
	return breaches
}

// Violation returns the first violation that is the breach, and whether there is
// one. Of every rule that a checker found broken, a report holds at least one.
func (r *Report) Violation(b Breach) (Violation, bool) {
	result, _ := r.Result(b.Checker)
	i := slices.IndexFunc(result.Violations, func(v Violation) bool { return b.Means(verdict.BreachOf(b.Checker, v.Rule)) })
	if i < 0 {
		return Violation{}, false
	}
	return result.Violations[i], true
}

// Breached tells whether the events so far prove the breach, as far as a checker
// can tell before it has finished: nobody can once what was synced may have been taken
// from somebody, and the breach may follow from that.
func (r *Runner) Breached(b Breach) bool {
	if r.forgives(b.Checker) {
		return false
	}
	for i, c := range r.checkers {
		w, ok := c.(verdict.Watchful)
		if ok && c.Name() == b.Checker && r.panics[i] == "" && w.Breached(b.Rule) {
			return true
		}
	}
	return false
}
