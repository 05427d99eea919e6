package verdict

import "slices"

// Breach names a broken rule without the circumstances: what a run must show
// again to count as a reproduction of another. Without a rule it is any of the checker's.
type Breach struct {
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
}

// Means tells whether o is b, or any of its checker's if b names no rule.
func (b Breach) Means(o Breach) bool { return b == o || b.Rule == "" && b.Checker == o.Checker }

// BreachOf makes the breach of a checker's rule. What the checker "linearizable"
// calls rules are ways to prove one: which of them it finds first depends on who
// read what when.
func BreachOf(checker, rule string) Breach {
	if checker == Linearizable && rule != "" {
		rule = NotLinearizable
	}
	return Breach{checker, rule}
}

// String is the checker and the rule: "votes: two votes in one term".
func (b Breach) String() string { return b.Checker + ": " + b.Rule }

// Breaks tells whether a result shows the breach.
func (r *Result) Breaks(b Breach) bool {
	return slices.ContainsFunc(r.Violations, func(v Violation) bool { return b.Means(BreachOf(r.Checker, v.Rule)) })
}
