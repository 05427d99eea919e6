// Package text lays out what people read: how wide it is on a terminal, where its
// lines end, how much of what somebody else wrote an error repeats, and which word was
// meant.
package text

import (
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/mattn/go-runewidth"
)

// Columns is how many columns a text takes on a terminal, whatever the locale.
func Columns(s string) int { return ruler().StringWidth(s) }

// Shorten cuts a text to a number of columns, and shows that it did.
func Shorten(s string, width int) string { return ruler().Truncate(s, width, "…") }

func ruler() *runewidth.Condition { return &runewidth.Condition{} }

// narrowest is how many columns are left beside an indent at least.
const narrowest = 20

// longest is how many characters of a line of a text are laid out.
const longest = 4000

// Wrap breaks a text at blanks, so that none of its lines is wider than a number of
// columns, and begins all but its first with an indent. A word is never broken, and a
// line end in the text stays one. Where the indent leaves no room it is smaller. Of a
// line of the text that is longer than anybody reads there is the beginning: a value of
// somebody's may be of any size.
func Wrap(s string, width, indent int) string {
	indent = max(0, min(indent, width-narrowest))
	var b strings.Builder
	margin := strings.Repeat(" ", indent)
	for i, line := range strings.Split(s, "\n") {
		line = cut(line, longest)
		if i > 0 {
			b.WriteString("\n" + margin)
			wrapLine(&b, line, width, indent, margin)
			continue
		}
		wrapLine(&b, line, width, 0, margin)
	}
	return b.String()
}

// wrapLine writes a line whose first part begins at a column.
func wrapLine(b *strings.Builder, line string, width, at int, margin string) {
	for {
		if at+Columns(line) <= width {
			b.WriteString(line)
			return
		}
		cut, rest := split(line, width-at)
		b.WriteString(cut)
		if rest == "" {
			return
		}
		b.WriteString("\n" + margin)
		line, at = rest, len(margin)
	}
}

// split takes as much off a line as there is room for, up to a blank; its first word
// at least.
func split(line string, room int) (cut, rest string) {
	lead := len(line) - len(strings.TrimLeft(line, " "))
	end := -1
	for i := lead; i < len(line); i++ {
		if line[i] != ' ' {
			continue
		}
		if end >= 0 && Columns(line[:i]) > room {
			break
		}
		end = i
		for i+1 < len(line) && line[i+1] == ' ' {
			i++
		}
	}
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimLeft(line[end:], " ")
}

// DidYouMean returns a hint, in brackets and after a blank, at the one of names of which
// a word may be a slip, "" if it is like none.
func DidYouMean(word string, names []string) string {
	best, distance := "", 3
	for _, n := range names {
		if d := levenshtein.ComputeDistance(word, n); d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}
