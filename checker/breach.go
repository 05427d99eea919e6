package checker

import (
	"cmp"
	"slices"
)

// Breach names a broken rule without the circumstances: what a run must show
// again to count as a reproduction of another.
type Breach struct {
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
}

// breachOf makes the breach of a checker's rule. What the checker "linearizable"
// calls rules are ways to prove one: which of them it finds first depends on who
// read what when.
func breachOf(checker, rule string) Breach {
	if checker == linearizable {
		rule = notLinearizable
	}
	return Breach{checker, rule}
}

const (
	linearizable    = "linearizable"
	notLinearizable = "not linearizable"
)

// String is the checker and the rule: "votes: two votes in one term".
func (b Breach) String() string { return b.Checker + ": " + b.Rule }

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
			b := breachOf(result.Checker, v.Rule)
			if !slices.ContainsFunc(proofs, func(p proof) bool { return p.breach == b }) {
				proofs = append(proofs, proof{b, v.proven()})
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
	i := slices.IndexFunc(result.Violations, func(v Violation) bool { return breachOf(b.Checker, v.Rule) == b })
	if i < 0 {
		return Violation{}, false
	}
	return result.Violations[i], true
}

// Breaks tells whether a result shows the breach.
func (r *Result) Breaks(b Breach) bool {
	return r.Checker == b.Checker && slices.ContainsFunc(r.Violations, func(v Violation) bool { return breachOf(b.Checker, v.Rule) == b })
}

// Breached tells whether the events so far prove the breach, as far as a checker
// can tell before it has finished.
func (r *Runner) Breached(b Breach) bool {
	for i, c := range r.checkers {
		w, ok := c.(Watchful)
		if ok && c.Name() == b.Checker && r.panics[i] == "" && w.Breached(b.Rule) {
			return true
		}
	}
	return false
}

// Prefix returns new checkers of the kinds that cannot tell as events come, but
// of which what they find broken in the first part of a history is broken in
// the whole of it.
func Prefix(o Options) []Checker {
	return early(OfPrefix, All(o))
}

// early keeps the checkers that can be asked then.
func early(when Early, cs []Checker) []Checker {
	return slices.DeleteFunc(cs, func(c Checker) bool { return EarlyOf(c) != when })
}
