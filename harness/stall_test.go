package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
