package clock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Alarms go off in whatever order they were set, each once and none early; one
// that was set anew goes off at its last time, one that was stopped not at all.
func TestAlarms(t *testing.T) {
	c, err := New()
	require.NoError(t, err)
	require.Positive(t, c.Now())
	rang := make(chan string, 10)
	alarm := func(name string) *Alarm { return NewAlarm(func() { rang <- name }) }

	now := c.Now()
	at := map[string]time.Duration{"third": now + 30*time.Millisecond, "second": now + 20*time.Millisecond, "first": now - time.Second}
	for name, at := range at {
		c.Set(alarm(name), at)
	}
	moved, stopped := alarm("moved"), alarm("stopped")
	at["moved"] = now + 40*time.Millisecond
	c.Set(moved, now+time.Hour)
	c.Set(moved, at["moved"])
	c.Set(stopped, now+time.Hour)
	c.Stop(stopped)
	c.Stop(alarm("never set"))
	for len(at) > 0 {
		select {
		case name := <-rang:
			require.Contains(t, at, name, "once")
			require.GreaterOrEqual(t, c.Now(), at[name], "%s is early", name)
			delete(at, name)
		case <-time.After(time.Minute):
			require.FailNow(t, "no alarm", "of %v", at)
		}
	}
	require.Empty(t, c.queue)

	c.Set(stopped, c.Now()+time.Hour)
	c.Close()
	c.Set(stopped, c.Now()) // too late for that
	require.Empty(t, rang)
}
