package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Assertions checks what members say of themselves by assertions in their own program: that
// one which always holds did not, or that a place was reached that never is, is a
// recorded fact. Where it says what the wire does not show, both stand: it is this checker's
// alone. An assertion that nobody came by is told, and judges nothing: the run may have
// been too short.
type Assertions struct {
	verdict.Findings
	heard int64 // processes that say that they would tell
	hits  int64
	known map[string]bool // those that a program should come by at least once, and whether one did
}

// NewAssertions returns the checker "assertions".
func NewAssertions() *Assertions { return &Assertions{known: make(map[string]bool)} }

// Name returns "assertions".
func (*Assertions) Name() string { return "assertions" }

// Early returns AsEventsCome.
func (*Assertions) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Others.
func (*Assertions) Kinds() verdict.Kinds { return verdict.Others }

// maxAssertions bounds the assertions that are told apart.
const maxAssertions = 1 << 14

// builtWithoutC is what the SDK for Go says of a program that was built without C, in the
// form of an assertion that failed. It is about a build for Antithesis, and tells no place.
const builtWithoutC = "Go application under test compiled with CGO enabled"

// Event takes the next event.
func (c *Assertions) Event(e *history.Event) {
	if e.Run == nil || e.Run.What != history.RunAssertion {
		return
	}
	a := e.Run.Assertion
	switch {
	case a == nil && e.Run.Text == "":
		c.heard++
		return
	case a == nil:
		c.Unknown("what %s asserts could not be read to its end: %s", e.Run.Node, verdict.FirstLine(e.Run.Text))
		return
	case a.Message == builtWithoutC && a.Where == "":
		return
	}
	if _, ok := c.known[a.Message]; a.Must && (ok || len(c.known) < maxAssertions) {
		c.known[a.Message] = c.known[a.Message] || a.Covers()
	}
	if a.Hit {
		c.hits++
	}
	if !a.Fails() {
		return
	}
	where := verdict.OrElse(a.Where, "an unknown place")
	if a.Details != "" {
		where += ", with " + verdict.FirstLine(a.Details)
	}
	if a.Type == history.AssertAlways {
		c.Violate("an assertion that always holds", fmt.Sprintf("%s says that %q did not hold, at %s", e.Run.Node, a.Message, where), verdict.Keep(e))
		return
	}
	c.Violate("a place that is never reached", fmt.Sprintf("%s says that it reached %q, at %s", e.Run.Node, a.Message, where), verdict.Keep(e))
}

// Finish gives the verdict.
func (c *Assertions) Finish() verdict.Result {
	var never []string
	for _, message := range slices.Sorted(maps.Keys(c.known)) {
		if !c.known[message] {
			never = append(never, fmt.Sprintf("%q", message))
		}
	}
	if c.heard == 0 && c.hits == 0 && len(c.known) == 0 && !c.Undecided() {
		return c.Unchecked(c.Name(), "the members assert nothing")
	}
	c.Count("assertions", c.hits)
	c.Count("never", int64(len(never)))
	summary := fmt.Sprintf("%s %s; what is asserted came up %s, and nothing failed",
		count.Many(c.heard, "process"), count.Word(c.heard, "asserts", "assert"), count.Times(c.hits))
	if len(never) > 0 {
		summary += "; never came to pass, which is told and not judged: " + strings.Join(never[:min(len(never), 5)], ", ")
		if more := len(never) - 5; more > 0 {
			summary += fmt.Sprintf(" and %d more", more)
		}
	}
	return c.Result(c.Name(), summary)
}
