package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestStallIsWhatExceedsTheLimit(t *testing.T) {
	t.Parallel()
	start := time.Now()
	w := stallWatch{every: 5 * time.Millisecond, limit: 20 * time.Millisecond, last: start}
	at := start
	for _, c := range []struct{ since, want time.Duration }{
		{5 * time.Millisecond, 0},
		{25 * time.Millisecond, 0}, // late by the limit, not by more
		{26 * time.Millisecond, 21 * time.Millisecond},
		{time.Millisecond, 0}, // a ticker catches up
		{time.Second, 995 * time.Millisecond},
		{5 * time.Millisecond, 0},
	} {
		at = at.Add(c.since)
		require.Equal(t, c.want, w.look(at), "after %s", c.since)
	}
}

// What a stall cost the system is given back, once it is over.
func TestPatienceBeginsAnewAfterAStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, while = 10 * time.Second, time.Second
		took := func(stalls ...time.Duration) time.Duration {
			w := newStallWatch(150*time.Millisecond, func(history.Event) {})
			begun := time.Now()
			ctx, cancel := w.patient(t.Context(), limit, while)
			defer cancel()
			watching, stop := context.WithCancel(t.Context())
			defer stop()
			for _, until := range stalls { // nobody looks for a second before
				quiet := begun.Add(until - time.Second)
				for time.Now().Before(quiet) {
					time.Sleep(5 * time.Millisecond)
					w.now()
				}
				time.Sleep(time.Second)
				w.now()
			}
			go w.watch(watching)
			<-ctx.Done()
			require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
			return time.Since(begun).Round(100 * time.Millisecond)
		}
		require.Equal(t, limit, took())
		require.Equal(t, 5*time.Second+while+limit, took(5*time.Second))
		require.Equal(t, 18*time.Second+while+limit, took(9*time.Second, 18*time.Second))
		require.Equal(t, 3*limit, took(9*time.Second, 18*time.Second, 27*time.Second), "at most three times as long")
	})
}

func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		died := make(chan time.Time, 1)
		die := func() { died <- time.Now() }
		overdue(time.Minute, die)()
		time.Sleep(2 * time.Minute)
		require.Empty(t, died)
		begun := time.Now()
		overdue(time.Minute, die)
		require.Equal(t, time.Minute, (<-died).Sub(begun))
	})
}
