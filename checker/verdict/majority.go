package verdict

import (
	"slices"
)

// IsMajority tells whether more than half of the voters are among the givers.
func IsMajority(voters, givers []string) bool {
	n := 0
	for _, name := range voters {
		if slices.Contains(givers, name) {
			n++
		}
	}
	return n > len(voters)/2
}

// Union lists who is in either, those of a first.
func Union(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// SameMembers tells whether both list the same members, in any order.
func SameMembers(a, b []string) bool {
	return len(a) == len(b) && len(Union(a, b)) == len(a)
}
