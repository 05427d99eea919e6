package evidence

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// groups sorts members by what they hold, the largest group first.
func groups(held []history.Held, of func(history.Held) string) [][]string {
	by := make(map[string][]string)
	for _, h := range held {
		by[of(h)] = append(by[of(h)], h.Node)
	}
	return slices.SortedFunc(maps.Values(by), func(a, b []string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a[0], b[0]))
	})
}

// majority tells whether most members are in the first group, the largest.
func majority(by [][]string) bool { return 2*len(by[0]) > len(slices.Concat(by...)) }

// odd lists the members that differ from the others: those outside the group that has a
// majority, or everybody if none has.
func odd(by [][]string) []string {
	all := slices.Concat(by...)
	if majority(by) {
		all = slices.Concat(by[1:]...)
	}
	slices.Sort(all)
	return all
}

// blame names them.
func blame(by [][]string) string {
	who := strings.Join(odd(by), " ")
	switch {
	case !majority(by):
		return who + " disagree"
	case len(odd(by)) > 1:
		return who + " differ from " + strings.Join(by[0], " ")
	}
	return who + " differs from " + strings.Join(by[0], " ")
}
