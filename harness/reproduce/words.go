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
