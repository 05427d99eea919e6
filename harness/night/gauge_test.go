package night

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/entry"
)

// What goes wrong without stalls is not the width's fault; want of memory always is.
func TestGaugeKnowsWhatItMeasures(t *testing.T) {
	g := newGauge(4)
	at := time.Now()
	take := func(class entry.Class, scarce bool) {
		g.take(&entry.Entry{Class: class, Started: at, Elapsed: time.Second}, scarce)
		at = at.Add(time.Second)
	}
	for range 40 {
		take(entry.Broken, false)
		g.take(&entry.Entry{Control: "short", Class: entry.Unknown, Started: at, Elapsed: time.Second, Excused: time.Second}, false)
	}
	require.Equal(t, 4, g.width, "no more are added, and none taken away")
	for range 40 {
		take(entry.Valid, true)
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
