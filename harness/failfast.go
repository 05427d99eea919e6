package harness

import (
	"context"
	"errors"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// errViolated ends the attack of a run that was told to fail fast.
var errViolated = errors.New("a rule is broken: no need to go on")

// liveSize bounds how far failFast may lag behind the history.
const liveSize = 1 << 16

// liveJudge tells whether what it was told to wait for has been proved.
type liveJudge interface {
	take(history.Event)
	proved() bool
	// why tells what was proved, and is called once, after that.
	why() string
}

// failFast judges the history as it grows and calls stop once judge has seen
// enough. It returns then, or when ctx is done. The verdict is not its own: that
// comes from the whole history, at the end.
func failFast(ctx context.Context, events <-chan history.Event, judge liveJudge, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			judge.take(e)
			if judge.proved() {
				stop(errViolated)
				return
			}
		}
	}
}

// newLiveJudge waits for a breach, or for any rule to be broken if that is the
// zero Breach.
func newLiveJudge(until checker.Breach) liveJudge {
	for i, c := range checker.Prefix(checker.Options{}) {
		if c.Name() == until.Checker {
			return &rejudge{until: until, kind: i}
		}
	}
	return &online{until: until, judge: checker.NewRunner(checker.Online())}
}

// online asks checkers that can tell as events come.
type online struct {
	until checker.Breach
	judge *checker.Runner
}

func (o *online) take(e history.Event) { o.judge.Event(&e) }

func (o *online) proved() bool {
	if o.until == (checker.Breach{}) {
		return o.judge.Violated()
	}
	return o.judge.Breached(o.until)
}

func (o *online) why() string {
	report := o.judge.Finish()
	until := o.until
	if broken := report.Breaches(); until == (checker.Breach{}) && len(broken) > 0 {
		until = broken[0]
	}
	v, _ := report.Violation(until)
	return until.Checker + ": " + v.Text
}

// rejudge asks a checker that needs a whole history, again and again with all of
// it so far. It leaves pauses that keep what this costs to a fraction of the
// processor.
type rejudge struct {
	until  checker.Breach
	kind   int // index in checker.Prefix
	events []history.Event
	fresh  bool
	next   time.Time
	text   string // of what was found broken last
}

const (
	rejudgeEvery = 250 * time.Millisecond
	rejudgeShare = 10 // pauses last so many times as long as the judging
	rejudgeWall  = time.Second
)

func (r *rejudge) take(e history.Event) {
	if e.Op != nil || e.Run != nil {
		r.events = append(r.events, e)
		r.fresh = r.fresh || e.Op != nil && e.Op.Type != history.Invoke
	}
}

func (r *rejudge) proved() bool {
	begun := time.Now()
	if !r.fresh || begun.Before(r.next) {
		return false
	}
	r.fresh = false
	c := checker.Prefix(checker.Options{Wall: rejudgeWall})[r.kind]
	for i := range r.events {
		e := r.events[i]
		c.Event(&e)
	}
	result := c.Finish()
	r.next = time.Now().Add(max(rejudgeEvery, rejudgeShare*time.Since(begun)))
	r.text = result.Summary
	return result.Breaks(r.until)
}

func (r *rejudge) why() string { return r.until.Checker + ": " + r.text }
