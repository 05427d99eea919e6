package picture

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usurper/usurper/checker/verdict"
)

// How many bytes of a text are shown: what members, clients and plans say may be of any
// size.
const (
	aWord = 64
	aLine = 240
	aText = 2000
	aPlan = 64 << 10
)

// brief returns a text in printable characters, without line ends, of which what is
// beyond a number of bytes is left out, visibly.
func brief(s string, most int) string {
	if len(s) <= most && plain(s) {
		return strings.Clone(s) // which may be part of something large
	}
	s, cut := bounded(s, most)
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, verdict.Printable(s))
	if cut {
		s += "…"
	}
	return s
}

// long is brief for a text of several lines.
func long(s string) string {
	s, cut := bounded(s, aPlan)
	s = verdict.Printable(s)
	if cut {
		s += "…\n"
	}
	return s
}

// plain tells whether a text is printable ASCII, as most are.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// bounded returns the first bytes of a text, without half a character at their end.
func bounded(s string, most int) (string, bool) {
	if len(s) <= most {
		return s, false
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most], true
}

func seconds(d time.Duration) string { return verdict.Seconds(d) }

// counts puts evidence in words: bytes-held 120, frames-dropped 3.
func counts(evidence map[string]int64, names []string) string {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%s %d", name, evidence[name])
	}
	return strings.Join(parts, ", ")
}
