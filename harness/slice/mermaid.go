package slice

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/usurper/usurper/checker/verdict"
)

const (
	// MermaidEvents is how many events a diagram has at most.
	MermaidEvents = 60
	// longestLabel is how many characters a node's text has at most.
	longestLabel = 120
)

// Mermaid returns the slice as a flowchart in the language of Mermaid, time running
// down. What members and clients wrote is text in it, and nothing else: whatever has a
// meaning there stands as a character's number.
func (s *Slice) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	var proof []string
	shown := make(map[uint64]bool)
	for i := range s.Events[:min(len(s.Events), MermaidEvents)] {
		e := &s.Events[i]
		shown[e.Seq] = true
		what, _, _ := strings.Cut(verdict.Describe(&e.Event), "\n")
		fmt.Fprintf(&b, "    e%d[\"%s\"]\n", e.Seq, label(verdict.Seconds(e.At)+" "+what, longestLabel))
		if e.Proof {
			proof = append(proof, fmt.Sprint("e", e.Seq))
		}
	}
	for _, e := range s.Edges {
		if shown[e.From] && shown[e.To] {
			fmt.Fprintf(&b, "    e%d -->|\"%s\"| e%d\n", e.From, label(e.How.String(), longestLabel), e.To)
		}
	}
	rest := *s
	rest.Further += len(s.Events) - len(shown)
	if rest.Further+rest.Between+rest.Others > 0 {
		fmt.Fprintf(&b, "    left[\"%s\"]\n", label(rest.Left(), len(rest.Left())))
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
		if n++; n > longest {
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
