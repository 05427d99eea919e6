package engine

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
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

// hanging is a target whose hook does not come to an end by itself.
type hanging struct {
	slowStore
	prepare func(context.Context, target.Setup) error
}

func (h hanging) Prepare(ctx context.Context, s target.Setup) error { return h.prepare(ctx, s) }

// A hook that hangs is ended with all that it runs, or left alone if it does not heed
// that its time is up; the error says so, and how to give it longer.
func TestPrepareHangs(t *testing.T) {
	for want, prepare := range map[string]func(context.Context, target.Setup) error{
		"and was ended; it printed": func(ctx context.Context, s target.Setup) error {
			return s.Run(ctx, target.Command{Path: "sh", Args: []string{"-c", "echo creating; sleep 1000; :"}})
		},
		"it has not returned 2s after its time was up": func(context.Context, target.Setup) error { select {} },
	} {
		tgt := hanging{prepare: prepare}
		host, err := cluster.NewLocal()
		require.NoError(t, err)
		c, err := cluster.New(cluster.Options{Target: tgt, Host: host, Dir: t.TempDir()})
		require.NoError(t, err)
		r := run{cfg: Config{Settle: 300 * time.Millisecond, Target: tgt}, cluster: c, host: host}
		err = r.setUp(t.Context())
		require.ErrorContains(t, err, "prepare the system: not done within 300ms (--settle gives it longer; in Go Config.Settle): ")
		require.ErrorContains(t, err, want)
		require.NoError(t, host.Close())
	}
}

// The faults wait for the first operation that succeeds, but not for ever, and for nobody when
// there are no clients any more; that none did is told.
func TestFaultsWait(t *testing.T) {
	for name, c := range map[string]struct {
		served, over bool
		told         int
	}{"served": {served: true}, "no clients": {over: true}, "never": {told: 1}} {
		rec, err := history.Create(filepath.Join(t.TempDir(), "history.jsonl"))
		require.NoError(t, err)
		notes, unwatch := rec.Watch(10, func(e *history.Event) bool { return e.Run != nil })
		r := run{cfg: Config{Settle: time.Millisecond, Target: slowStore{}}, rec: rec, served: make(chan struct{})}
		over := make(chan struct{})
		if c.served {
			close(r.served)
		}
		if c.over {
			close(over)
		}
		r.atWork(t.Context(), over)
		require.Len(t, notes, c.told, name)
		for range c.told {
			require.Equal(t, "no operation succeeded within 500ms: the faults begin all the same", (<-notes).Run.Text)
		}
		unwatch()
		require.NoError(t, rec.Close())
	}
}
