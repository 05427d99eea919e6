package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

// slowStore is a target that says how long it may take to be ready.
type slowStore struct {
	target.Target
	within time.Duration
}

func (s slowStore) ReadyWithin() time.Duration { return s.within }

// Whoever is at the keyboard has the last word; the healed system has no less time
// than is usual; and the checkers hear of more.
func TestReadyWithin(t *testing.T) {
	for _, c := range []struct{ settle, within, ready, settles, slow time.Duration }{
		{0, 0, 12 * time.Second, 12 * time.Second, 0},
		{0, time.Minute, time.Minute, time.Minute, time.Minute},
		{0, time.Second, time.Second, 12 * time.Second, 0},
		{5 * time.Second, time.Minute, 5 * time.Second, 5 * time.Second, 0},
		{time.Minute, 0, time.Minute, time.Minute, time.Minute},
	} {
		r := run{cfg: Config{Election: 300 * time.Millisecond, Settle: c.settle, Target: slowStore{within: c.within}}}
		require.Equal(t, c.ready, r.readyTimeout(), c)
		require.Equal(t, c.settles, r.settleTimeout(), c)
		require.Equal(t, c.slow, r.slow(), c)
	}
}
