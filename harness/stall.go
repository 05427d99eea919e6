package harness

import (
	"context"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// watchStalls records when the harness itself did not get the processor for
// longer than limit: on such a machine nodes miss their timers too, and no
// verdict on timing holds. It returns when ctx is done.
func watchStalls(ctx context.Context, limit time.Duration, record func(history.Event)) {
	w := stallWatch{every: max(limit/4, time.Millisecond), limit: limit, last: time.Now()}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if late := w.look(time.Now()); late > 0 {
				record(history.Event{Run: &history.Run{What: history.RunStall, Stall: late}})
			}
		}
	}
}

// stallWatch is looked at regularly and tells when it was not.
type stallWatch struct {
	every, limit time.Duration
	last         time.Time
}

// look returns by how much it comes too late, 0 if that is within the limit.
func (w *stallWatch) look(now time.Time) time.Duration {
	late := now.Sub(w.last) - w.every
	w.last = now
	if late <= w.limit {
		return 0
	}
	return late
}
