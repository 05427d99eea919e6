// Package finding is what nights found, and outlasts them: not runs, but what is broken.
//
// Many runs show one bug, and each breaks several rules. A [Signature] says what they
// have in common; a [Store] keeps a folder for each, which says when it was seen and
// shown to repeat, its smallest plan, and what people have said of it.
//
// A night calls [Store.Put] after each run with all that it has run, [Store.Keep] for an
// invalid one before its directory goes, [Store.Work] in its share of time, and
// [Store.Read] for what is told in the morning.
//
// Read breach.go and shape.go first (what of a run becomes a finding), then store.go
// (the files), finding.go and status.go (what is told of them); queue.go and work.go
// repeat and shrink, compare.go is about two nights.
package finding

import (
	"cmp"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/entry"
)

// Breaches lists what a run broke, each rule once, in the order of the report. Of several
// proofs of a rule it has the one of the plainest shape, which is the same in other runs
// more often than that of the first.
func Breaches(report checker.Report) []entry.Breach {
	var all []entry.Breach
	for _, result := range report.Results {
		for _, v := range result.Violations {
			rule := verdict.BreachOf(result.Checker, v.Rule)
			b := entry.Breach{Checker: rule.Checker, Rule: rule.Rule, Shape: Shape(v), Text: verdict.Printable(v.Text)}
			i := slices.IndexFunc(all, func(o entry.Breach) bool { return o.Checker == b.Checker && o.Rule == b.Rule })
			switch {
			case i < 0:
				all = append(all, b)
			case plainer(b.Shape, all[i].Shape):
				all[i] = b
			}
		}
	}
	return all
}

// plainer tells whether a shape says more of the cause than another: that something
// failed which was seen all the same, and else the fewer words.
func plainer(a, b string) bool {
	if x, y := saysFailed(a), saysFailed(b); x != y {
		return x
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) < 0
}

// saysFailed tells whether a proof is of clients alone, one of whom wrote what failed.
func saysFailed(shape string) bool {
	return !strings.Contains(shape, ":") && slices.Contains(strings.Fields(shape), failed)
}

// Primary is the place of the breach, among those of one run, which the run is a finding
// for; the others are told as broken too. Causes come before what follows of them: votes,
// then who leads, then logs, then when members stand, a crash, what power failures took, what clients saw (first
// those checkers whose rules say what is wrong), and last that somebody waited. It
// returns -1 of none.
func Primary(all []entry.Breach) int {
	first := -1
	for i := range all {
		if first < 0 || before(&all[i]) < before(&all[first]) {
			first = i
		}
	}
	return first
}

// before is the place of a breach in the order of causes. Checkers of the user are about
// clients. That a failed write was seen is not what the others see of other bugs too.
func before(b *entry.Breach) int {
	checker := b.Checker
	order := []string{"votes", "election", "claims", "stale-log", "logs", "timers", "pre-votes", "node-logs", "lost", failed, "lock", "set", "transactions"}
	late := []string{"divergence", "autopsy", "assertions", "availability", "coverage"}
	if saysFailed(b.Shape) {
		checker = failed
	}
	if i := slices.Index(order, checker); i >= 0 {
		return i
	}
	if i := slices.Index(late, checker); i >= 0 {
		return len(order) + 1 + i
	}
	return len(order)
}
