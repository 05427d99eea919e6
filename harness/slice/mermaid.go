package slice

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

const (
	// MermaidEvents is how many events a diagram has at most.
	MermaidEvents = 60
	// mermaidJoins is how many arrows it has at most: it draws no more than 500.
	mermaidJoins = 300
	// A node's text has at most so many characters, and takes so many bytes as they are
	// written: it draws no text of more than 50,000.
	longestLabel, widestLabel = 120, 300
)

// Mermaid returns the slice as a flowchart in the language of Mermaid, time running
// down. What members and clients wrote is text in it, and nothing else: whatever has a
// meaning there stands as a character's number. It is never more than Mermaid draws.
func (s *Slice) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	var proof []string
	shown := make(map[uint64]bool)
	for i := range s.Events[:min(len(s.Events), MermaidEvents)] {
		e := &s.Events[i]
		shown[e.Seq] = true
		fmt.Fprintf(&b, "    e%d[\"%s\"]\n", e.Seq, label(verdict.Seconds(e.At)+" "+e.told(), longestLabel))
		if e.Proof {
			proof = append(proof, fmt.Sprint("e", e.Seq))
		}
	}
	joins := 0
	for _, e := range s.Edges {
		if !shown[e.From] || !shown[e.To] {
			continue
		}
		if joins++; joins <= mermaidJoins {
			fmt.Fprintf(&b, "    e%d -->|\"%s\"| e%d\n", e.From, label(e.How.String(), longestLabel), e.To)
		}
	}
	rest := *s
	rest.Further += len(s.Events) - len(shown)
	left := rest.Left()
	if joins > mermaidJoins {
		left += " Not drawn: " + count.Many(joins-mermaidJoins, "arrow") + "."
	}
	if rest.Further+rest.Between+rest.Others > 0 || joins > mermaidJoins {
		fmt.Fprintf(&b, "    left[\"%s\"]\n", label(left, len(left)))
	}
	if len(proof) > 0 {
		b.WriteString("    classDef proof stroke-width:4px\n    class " + strings.Join(proof, ",") + " proof\n")
	}
	return b.String()
}

// label returns a text as it stands between quotes, of so many characters at most.
func label(s string, longest int) string {
	var b strings.Builder
	n := 0
	for _, r := range verdict.Printable(s) {
		if n++; n > longest || b.Len() > max(longest, widestLabel) {
			b.WriteString("…")
			break
		}
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" .,:()-+/=_'", r):
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
