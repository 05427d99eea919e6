package night

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/entry"
)

// A machine that bears twelve runs gets nearly that many, and never many more; one that
// bears none of them gets one at a time.
func TestGauge(t *testing.T) {
	for _, bears := range []int{1, 3, 12, 1000} {
		g := newGauge(2)
		widest, sum := 0, 0
		for range 400 {
			for range g.width {
				e := entry.Entry{Class: entry.Valid, Elapsed: 20 * time.Second}
				if g.width > bears {
					e.Excused = 15 * time.Second
				}
				g.take(&e, false)
			}
			widest, sum = max(widest, g.width), sum+g.width
		}
		least := max(1, min(bears*3/4, 28))
		require.LessOrEqual(t, widest, max(2, min(bears+1, 32)), "of %d", bears)
		require.GreaterOrEqual(t, sum/400, least-1, "of %d", bears)
	}
}

// What goes wrong without stalls is not the width's fault; want of memory always is.
func TestGaugeKnowsWhatItMeasures(t *testing.T) {
	g := newGauge(4)
	for range 40 {
		g.take(&entry.Entry{Class: entry.Broken, Elapsed: time.Second}, false)
	}
	require.Equal(t, 4, g.width, "no more are added, and none taken away")
	for range 40 {
		g.take(&entry.Entry{Class: entry.Valid, Elapsed: time.Second}, true)
	}
	require.Equal(t, 1, g.width)
}

// Excused is what the checkers excuse: stalls that may cost a leader, with the time in
// which another may be elected, each moment once.
func TestExcused(t *testing.T) {
	x := excuses{}
	take := func(what history.RunWhat, at, stall time.Duration) time.Duration {
		return x.take(&history.Event{At: at, Run: &history.Run{What: what, Stall: stall, Election: 100 * time.Millisecond}})
	}
	require.Zero(t, take(history.RunBegin, 0, 0))
	require.Zero(t, take(history.RunStall, time.Second, 25*time.Millisecond), "too short")
	require.Equal(t, 450*time.Millisecond, take(history.RunStall, 2*time.Second, 50*time.Millisecond))
	require.Equal(t, 100*time.Millisecond, take(history.RunStall, 2100*time.Millisecond, 50*time.Millisecond))
	require.Equal(t, 430*time.Millisecond, take(history.RunStall, 3*time.Second, 30*time.Millisecond))
}
