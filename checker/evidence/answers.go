package evidence

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Answers guards against the history in which nothing happened, which every other
// checker would call valid: it wants the whole history, and an operation that
// succeeded. It never says Invalid.
type Answers struct {
	verdict.Findings
	counts map[history.OpType]int64
	ended  bool
}

// NewAnswers returns the checker "answers".
func NewAnswers() *Answers { return &Answers{counts: make(map[history.OpType]int64)} }

// Name returns "answers".
func (*Answers) Name() string { return "answers" }

// Event takes the next event.
func (a *Answers) Event(e *history.Event) {
	switch {
	case e.Op != nil:
		a.counts[e.Op.Type]++
	case e.Run != nil && e.Run.What == history.RunEnd:
		a.ended = true
	}
}

// Finish gives the verdict.
func (a *Answers) Finish() verdict.Result {
	tried, ok, failed := a.counts[history.Invoke], a.counts[history.OK], a.counts[history.Fail]
	switch {
	case tried == 0:
		a.Unknown("no operation was tried")
	case ok == 0:
		a.Unknown("none of %s succeeded", count.Many(tried, "operation"))
	}
	if !a.ended {
		a.Unknown("the history was cut short: it has no end")
	}
	return a.Result(a.Name(), fmt.Sprintf("of %s %d succeeded, %d failed, %d have no answer", count.Many(tried, "operation"), ok, failed, tried-ok-failed))
}
