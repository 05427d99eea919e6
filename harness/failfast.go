package harness

import (
	"context"
	"errors"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// errViolated ends the attack of a run that was told to fail fast.
var errViolated = errors.New("a rule is broken: no need to go on")

// liveSize bounds how far failFast may lag behind the history.
const liveSize = 1 << 16

// failFast judges the history as it grows and calls stop once a checker that
// can tell at once finds a rule broken. It returns then, or when ctx is done. The
// verdict is not its own: that comes from the whole history, at the end.
func failFast(ctx context.Context, events <-chan history.Event, stop context.CancelCauseFunc) {
	judge := checker.NewRunner(checker.Online())
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			judge.Event(&e)
			if judge.Violated() {
				stop(errViolated)
				return
			}
		}
	}
}
