package reproduce

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/nemesis"
)

// replaceWord returns the fault with one target word in the place of another, and
// whether it had that word. Faults are rewritten as text, which is what all kinds
// of them share.
func replaceWord(fault nemesis.Fault, from, to string) (nemesis.Fault, bool) {
	words := strings.Fields(fault.String())
	found := false
	for i, w := range words[1:] {
		if w == from {
			words[i+1], found = to, true
		}
	}
	if !found {
		return fault, false
	}
	replaced, err := nemesis.ParseFault(strings.Join(words, " "))
	if err != nil {
		return fault, false
	}
	return replaced, true
}

// hasWord tells whether the fault's text has the word, beside its name.
func hasWord(fault nemesis.Fault, words ...string) bool {
	return slices.ContainsFunc(strings.Fields(fault.String())[1:], func(w string) bool {
		return slices.Contains(words, w)
	})
}

// unlinked is the plan of a finding, as it was written, with names for the word that
// means whom the step before hit: other steps may come to stand before it.
func unlinked(f Finding) nemesis.Plan {
	plan := *f.Config.Plan
	plan.Steps = slices.Clone(plan.Steps)
	for i := range f.Firings {
		firing := &f.Firings[i]
		n := firing.Step - 1
		if !firing.Fired() || n < 0 || n >= len(plan.Steps) || !hasWord(plan.Steps[n].Fault, nemesis.Same) {
			continue
		}
		if step, err := nemesis.ParseStep(firing.Resolved); err == nil {
			plan.Steps[n].Fault = step.Fault
		}
	}
	return plan
}
