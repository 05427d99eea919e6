package slice

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/text"
)

// TextEvents is how many events a slice of text has that people read.
const TextEvents = 40

// Text tells the slice, nearest first, wrapped to a width in columns: each event with
// those that led to it at once, by their numbers.
func (s *Slice) Text(width int) string {
	var b strings.Builder
	number := make(map[uint64]int, len(s.Events))
	for i := range s.Events {
		number[s.Events[i].Seq] = i + 1
	}
	for i := range s.Events {
		e := &s.Events[i]
		mark := " "
		if e.Proof {
			mark = ">"
		}
		line := fmt.Sprintf("%s %4s %9s  %s", mark, fmt.Sprint("#", i+1), verdict.Seconds(e.At), e.told())
		b.WriteString(text.Wrap(line, width, 18) + "\n")
		if from := s.from(e.Seq, number); from != "" {
			b.WriteString(text.Wrap("                  after "+from, width, 24) + "\n")
		}
	}
	b.WriteString("\n" + text.Wrap(s.Left(), width, 0) + "\n")
	for _, u := range s.Unknown {
		b.WriteString(text.Wrap(u, width, 0) + "\n")
	}
	return b.String()
}

// longestTold is how many characters of what an event tells are shown.
const longestTold = 1000

// told is what an event tells, in a printable line.
func (e *Event) told() string {
	what, _, _ := strings.Cut(verdict.Describe(&e.Event), "\n")
	n := 0
	for i := range what {
		if n++; n > longestTold {
			what = what[:i] + "…"
			break
		}
	}
	return verdict.Printable(what)
}

// from names what led to an event, of what is shown.
func (s *Slice) from(seq uint64, number map[uint64]int) string {
	var parts []string
	for _, e := range s.Edges {
		if e.To == seq {
			parts = append(parts, fmt.Sprintf("#%d (%s)", number[e.From], e.How))
		}
	}
	return strings.Join(parts, ", ")
}

// Left says what is left out and why, in a sentence.
func (s *Slice) Left() string {
	var parts []string
	count := func(n int, noun, which string) {
		if n > 0 {
			parts = append(parts, count.Many(n, noun)+" "+which)
		}
	}
	count(s.Further, "event", "that can have led to it too, further away")
	count(s.Between, "deed", "of members between these (entries, commits)")
	count(s.Others, "other event", "that nothing in the history joins to it")
	if len(parts) == 0 {
		return "Nothing before the proof is left out."
	}
	return "Left out: " + strings.Join(parts, "; ") + "."
}
