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
	every := max(limit/4, time.Millisecond)
	tick := time.NewTicker(every)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := time.Now()
			if late := now.Sub(last) - every; late > limit {
				record(history.Event{Run: &history.Run{What: history.RunStall, Stall: late}})
			}
			last = now
		}
	}
}
