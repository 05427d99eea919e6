package capture

import (
	"sync"

	"github.com/usurper/usurper/harness/history"
)

// following bounds how many events wait to be said; of more the oldest are left out.
const following = 1024

// Follow puts what happens in a run into its capture until stop is called, which waits
// for the last of it: phases, faults, and members that start and end. Describe says what an
// event tells, as a comment.
func (w *Writer) Follow(rec *history.Recorder, describe func(*history.Event) string) (stop func()) {
	events, cancel := rec.Watch(following, func(e *history.Event) bool {
		return e.Fault != nil || e.Proc != nil || e.Run != nil && (e.Run.What == history.RunPhase || e.Run.What == history.RunStall)
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for e := range events {
			w.Say(describe(&e))
		}
	})
	return func() { cancel(); wg.Wait() }
}
