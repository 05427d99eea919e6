package workload

import (
	"context"
	"sync"
	"time"
)

// pacerSlack is how far a pacer that fell behind catches up. What was missed
// before that is not made up for.
const pacerSlack = 100 * time.Millisecond

// pacer spreads operations evenly over time, whoever starts them. A nil pacer
// lets everything pass at once.
type pacer struct {
	interval time.Duration

	mu   sync.Mutex
	next time.Time // when the next operation is due
}

// newPacer returns a pacer for rate operations a second, nil for 0.
func newPacer(rate float64) *pacer {
	if rate <= 0 {
		return nil
	}
	return &pacer{interval: time.Duration(float64(time.Second) / rate)}
}

// reserve returns how long after now the next operation is due.
func (p *pacer) reserve(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if oldest := now.Add(-pacerSlack); p.next.Before(oldest) {
		p.next = oldest
		if p.interval > pacerSlack {
			p.next = now
		}
	}
	due := p.next
	p.next = due.Add(p.interval)
	return due.Sub(now)
}

// wait returns when an operation is due; it reports false when ctx ended first.
func (p *pacer) wait(ctx context.Context) bool {
	if p == nil {
		return ctx.Err() == nil
	}
	return pause(ctx, p.reserve(time.Now()))
}

// pause waits for d, not at all if d is not positive. It reports false when ctx
// ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
