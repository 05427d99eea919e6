// Package count puts numbers and what they count into words, so that one is singular.
package count

import (
	"fmt"

	"github.com/dustin/go-humanize/english"
)

type number interface {
	int | int32 | int64 | uint64
}

// Many is a count and its noun: 1 vote, 2 votes, 0 candidacies. Of several words the
// last is the noun.
func Many[N number](n N, noun string) string {
	return fmt.Sprintf("%d %s", n, Word(n, noun, ""))
}

// Word is one of two forms of a word, by a count: was or were. Without the second it is
// the plural of the first.
func Word[N number](n N, one, more string) string {
	if n == 1 {
		return one
	}
	return english.PluralWord(0, one, more)
}

// Times says how often: once, twice, 3 times.
func Times[N number](n N) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return Many(n, "time")
}
