package evidence

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Autopsy checks that nothing is wrong with the files that members left, where a tool of
// the system's own has looked at them once all had ended. What it found is a recorded
// fact. That it could not look makes the verdict unknown.
type Autopsy struct {
	verdict.Findings
	looked bool
}

// NewAutopsy returns the checker "autopsy".
func NewAutopsy() *Autopsy { return &Autopsy{} }

// Name returns "autopsy".
func (*Autopsy) Name() string { return "autopsy" }

// Early returns AsEventsCome.
func (*Autopsy) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Others.
func (*Autopsy) Kinds() verdict.Kinds { return verdict.Others }

// Event takes the next event.
func (c *Autopsy) Event(e *history.Event) {
	if e.Run == nil {
		return
	}
	switch e.Run.What {
	case history.RunAutopsy:
		c.looked = true
		if e.Run.Text == "" {
			return
		}
		whose := "the members"
		if e.Run.Node != "" {
			whose = e.Run.Node
		}
		c.Violate("files that members left", fmt.Sprintf("what %s left on disk: %s", whose, strings.Join(strings.Fields(verdict.FirstLine(e.Run.Text)), " ")), verdict.Keep(e))
	case history.RunUnexamined:
		c.looked = true
		c.Unknown("what members left on disk could not be examined: %s", verdict.FirstLine(e.Run.Text))
	}
}

// Finish gives the verdict.
func (c *Autopsy) Finish() verdict.Result {
	if !c.looked {
		return c.Unchecked(c.Name(), "no files were examined")
	}
	return c.Result(c.Name(), "nothing is wrong with what members left on disk")
}
