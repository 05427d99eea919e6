package checker

import (
	"fmt"
	"iter"
	"runtime/debug"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Run feeds a history to the checkers and reports what they found. An error of
// the history (a line that cannot be parsed) is returned, and the report then
// covers the events before it and is at best Unknown.
func Run(cs []Checker, events iter.Seq2[*history.Event, error]) (Report, error) {
	r := NewRunner(cs)
	for e, err := range events {
		if err != nil {
			report := r.Finish()
			report.unread(err)
			return report, err
		}
		r.Event(e)
	}
	return r.Finish(), nil
}

// unread says that what follows the judged part could not be read.
func (r *Report) unread(err error) {
	r.Doubt("the history could not be read to its end: " + err.Error())
}

// Runner feeds events to checkers as they come. A checker that panics is left
// out from then on and reports Unknown. It is used by one goroutine.
type Runner struct {
	checkers []Checker
	panics   []string // by checker; "" while it works
	summary  tally
}

// NewRunner returns a runner for the checkers, none of which may have seen an
// event.
func NewRunner(cs []Checker) *Runner {
	return &Runner{checkers: cs, panics: make([]string, len(cs))}
}

// Event hands the next event to every checker. The event may be reused after it
// returns.
func (r *Runner) Event(e *history.Event) {
	if e == nil {
		return
	}
	r.summary.event(e)
	for i := 0; i < len(r.checkers); {
		i = r.feed(e, i)
	}
}

// feed gives e to the checkers from the i-th on, until one panics, and returns
// where to go on.
func (r *Runner) feed(e *history.Event, i int) (next int) {
	defer func() {
		if p := recover(); p != nil {
			r.panics[next] = panicText(p)
			next++
		}
	}()
	for next = i; next < len(r.checkers); next++ {
		if r.panics[next] == "" {
			r.checkers[next].Event(e)
		}
	}
	return next
}

// Violated tells whether a checker has found a rule broken by the events so far.
// Checkers that need the whole history to decide have no say in it.
func (r *Runner) Violated() bool {
	for i, c := range r.checkers {
		if w, ok := c.(verdict.Watchful); ok && r.panics[i] == "" && !r.forgives(c.Name()) && w.Violated() {
			return true
		}
	}
	return false
}

// Foresees tells whether a rule that waits for the end of the history, this one, or
// any if it is the zero Breach, would be broken if the history ended here and nothing
// were missing of what was done up to the event with the number upTo.
func (r *Runner) Foresees(until Breach, upTo uint64) (found Breach, ok bool) {
	for i, c := range r.checkers {
		f, foresees := c.(verdict.Foreseeing)
		if !foresees || r.panics[i] != "" || r.forgives(c.Name()) {
			continue
		}
		for _, rule := range f.Foresees(upTo) {
			if b := verdict.BreachOf(c.Name(), rule); until == (Breach{}) || until.Means(b) {
				return b, true
			}
		}
	}
	return Breach{}, false
}

// Finish ends every checker and returns the report. It is called once.
func (r *Runner) Finish() Report {
	report := Report{Verdict: Valid, Run: r.summary.facts()}
	if len(r.checkers) == 0 {
		report.Verdict = Unknown
		report.Problem = "no checker was asked"
	}
	for i := range r.checkers {
		result := r.finish(i)
		report.Results = append(report.Results, result)
	}
	report.forgive(&r.summary.disks)
	report.unjudged(&r.summary, r.checkers)
	report.vacuous()
	return report
}

func (r *Runner) finish(i int) (result Result) {
	defer func() {
		if p := recover(); p != nil {
			r.panics[i] = panicText(p)
		}
		if text := r.panics[i]; text != "" {
			result = Result{
				Checker:  r.checkers[i].Name(),
				Verdict:  Unknown,
				Summary:  "the checker itself crashed: " + verdict.FirstLine(text),
				Unknowns: []string{text},
			}
		}
	}()
	if r.panics[i] != "" {
		return Result{}
	}
	return r.checkers[i].Finish()
}

func panicText(p any) string {
	return fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
}
