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
	"slices"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/entry"
)

// Breaches lists what a run broke, each rule once, with the shape of its first proof, in
// the order of the report.
func Breaches(report checker.Report) []entry.Breach {
	var all []entry.Breach
	for _, result := range report.Results {
		for _, v := range result.Violations {
			b := verdict.BreachOf(result.Checker, v.Rule)
			known := func(o entry.Breach) bool { return o.Checker == b.Checker && o.Rule == b.Rule }
			if !slices.ContainsFunc(all, known) {
				all = append(all, entry.Breach{Checker: b.Checker, Rule: b.Rule, Shape: Shape(v), Text: verdict.Printable(v.Text)})
			}
		}
	}
	return all
}

// Primary is the place of the breach, among those of one run, which the run is a finding
// for; the others are told as broken too. Causes come before what follows of them: votes,
// then who leads, then logs, then when members stand, a crash, what clients saw, and
// last that somebody waited. It returns -1 of none.
func Primary(all []entry.Breach) int {
	first := -1
	for i := range all {
		if first < 0 || before(all[i].Checker) < before(all[first].Checker) {
			first = i
		}
	}
	return first
}

// before is the place of a checker in the order of causes. Those of the user are about
// clients.
func before(checker string) int {
	order := []string{"votes", "election", "claims", "stale-log", "logs", "timers", "pre-votes", "node-logs"}
	late := []string{"divergence", "availability", "coverage"}
	if i := slices.Index(order, checker); i >= 0 {
		return i
	}
	if i := slices.Index(late, checker); i >= 0 {
		return len(order) + 1 + i
	}
	return len(order)
}
