package engine

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// watch records when the harness itself did not get the processor for longer than
// limit: on such a machine nodes miss their timers too, and no verdict on timing
// holds. It returns when ctx is done.
func (w *stallWatch) watch(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.now()
		}
	}
}

// stallWatch is looked at regularly and tells when it was not. What members alone
// suffer, and the harness does not, it cannot know.
type stallWatch struct {
	every, limit time.Duration
	upsets       time.Duration // what checkers take for long enough to upset the system
	record       func(history.Event)

	mu   sync.Mutex
	last time.Time
	over time.Time // when the last one ended that upsets
}

// newStallWatch returns one that begins now, of a system with this election timeout.
func newStallWatch(election time.Duration, record func(history.Event)) *stallWatch {
	limit := election / 8
	return &stallWatch{every: max(limit/4, time.Millisecond), limit: limit, upsets: election / 4, record: record, last: time.Now()}
}

// now looks. Whoever writes an event that ends the time in which timing counts does so
// too, lest a stall just before it goes unseen.
func (w *stallWatch) now() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if late := w.look(time.Now()); late > 0 {
		w.record(history.Event{Run: &history.Run{What: history.RunStall, Stall: late}})
	}
}

// look returns by how much it comes too late, 0 if that is within the limit.
func (w *stallWatch) look(now time.Time) time.Duration {
	late := now.Sub(w.last) - w.every
	w.last = now
	if late <= w.limit {
		return 0
	}
	if late > w.upsets {
		w.over = now
	}
	return late
}

// patient is ctx until the system has had limit in one piece, from now on or from a
// while after the last stall, as the checker "availability" judges it. On a machine that
// stalls again and again it ends after three times as long.
func (w *stallWatch) patient(ctx context.Context, limit, while time.Duration) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	begun := time.Now()
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			left := min(w.due(begun, limit, while), 3*limit-time.Since(begun))
			if left <= 0 {
				end(context.DeadlineExceeded)
				return
			}
			sleep(ctx, left)
			if ctx.Err() != nil {
				return
			}
		}
	})
	return ctx, func() { end(nil); waiting.Wait() }
}

// due is how long it takes until limit has passed in one piece.
func (w *stallWatch) due(begun time.Time, limit, while time.Duration) time.Duration {
	w.now() // it may be a stall that we come from
	w.mu.Lock()
	defer w.mu.Unlock()
	if anew := w.over.Add(while); anew.After(begun) {
		begun = anew
	}
	return time.Until(begun.Add(limit))
}

// Whatever heals has a limit. What has not ended so long after an attack was to is stuck:
// it would keep a night waiting for ever.
const (
	stuckAfter = 5 * time.Minute
	stuckLook  = time.Second // a process that is stopped does not count time meanwhile
)

// overdue calls die after limit, unless done is called before.
func overdue(limit time.Duration, die func()) (done func()) {
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(stuckLook)
		defer tick.Stop()
		for left := limit; left > 0; left -= stuckLook {
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
		die()
	}()
	return sync.OnceFunc(func() { close(over) })
}

// stuck ends the process with all its stacks, which the run directory keeps as well: nobody
// can wind down what waits for itself. What it leaves behind its keeper and guard end.
func (r *run) stuck() {
	debug.SetTraceback("all")
	if f, err := os.Create(r.dir.Path("stuck.txt")); err == nil {
		_ = pprof.Lookup("goroutine").WriteTo(f, 2)
		f.Close()
	}
	panic(fmt.Sprintf("the faults of %s should have ended %s ago, and have not: please report this, with stuck.txt of that directory", r.dir, stuckAfter))
}
