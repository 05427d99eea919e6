package disk

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk/block"
	"github.com/usurper/usurper/harness/disk/files"
)

// Of errors below it a file system tells who syncs, may go out of service, and comes back
// with what was synced before.
func TestFailsBelow(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS, Btrfs} {
		for action, counted := range map[files.Action]string{files.FailSync: "flushes-failed", files.FailWrite: "writes-failed"} {
			t.Run(string(kind)+"/"+string(action), func(t *testing.T) {
				t.Parallel()
				v := one(t, kind, Block).(Faulty)
				keep := func(name string) error {
					return block.Aside(func() error { return store(v, name, []byte(name), true) })
				}
				require.NoError(t, keep("old"))
				a, err := v.Apply(files.Rule{Action: action})
				require.NoError(t, err)
				require.NoError(t, v.Broken())
				require.Error(t, keep("new"))
				broken := v.Broken()
				if action == files.FailSync { // of writes it depends on which of them fails first
					require.Error(t, broken)
				}
				again := v.Calm()
				if broken == nil {
					require.NoError(t, keep("calm"))
				}
				again()
				require.Error(t, keep("newer"))
				require.True(t, broken == nil || v.Broken() != nil, "it stays so")
				counts := a.Remove()
				require.Positive(t, counts[counted])
				require.Equal(t, counts, a.Remove())
				if again := v.Broken(); again != nil {
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					require.NoError(t, v.Repair(ctx))
				}
				require.NoError(t, v.Broken())
				require.NoError(t, keep("newest"))
				require.NoError(t, v.Cut(Keep{What: keepNothing}))
				r := restore(t, v)
				require.True(t, r.Bit && !r.Lied, r)
				for _, name := range []string{"old", "newest"} {
					require.NoError(t, block.Aside(func() error { return holds(v, name, []byte(name)) }))
				}
			})
		}
	}
}

// The power of a disk can go, and come back, while it fails and its file system is broken.
func TestBreaksAndLosesPower(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS, Btrfs} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			v := one(t, kind, Block).(Faulty)
			require.NoError(t, block.Aside(func() error { return store(v, "old", []byte("old"), true) }))
			a, err := v.Apply(files.Rule{Action: files.FailSync})
			require.NoError(t, err)
			require.Error(t, block.Aside(func() error { return store(v, "new", []byte("new"), true) }))
			require.Error(t, v.Broken())
			require.NoError(t, v.Cut(Keep{What: keepNothing}))
			require.NoError(t, v.Broken(), "it has no power")
			r := restore(t, v)
			require.True(t, r.Bit && !r.Lied, r)
			require.NoError(t, v.Broken())
			require.NoError(t, block.Aside(func() error { return holds(v, "old", []byte("old")) }))
			failed := a.Remove()["flushes-failed"]
			require.Positive(t, failed)
			require.NoError(t, block.Aside(func() error { return store(v, "newest", nil, true) }))
		})
	}
}

func TestSlowBelow(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Block).(Faulty)
	a, err := v.Apply(files.Rule{Action: files.SlowSync, Delay: 30 * time.Millisecond, Jitter: 10 * time.Millisecond})
	require.NoError(t, err)
	require.NoError(t, v.Settle())
	require.Empty(t, a.Remove(), "what the harness does itself is not slow")
	a, err = v.Apply(files.Rule{Action: files.SlowSync, Delay: 30 * time.Millisecond, Jitter: 10 * time.Millisecond})
	require.NoError(t, err)
	begun := time.Now()
	require.NoError(t, block.Aside(func() error { return store(v, "x", []byte("x"), true) }))
	require.GreaterOrEqual(t, time.Since(begun), 20*time.Millisecond)
	counts := a.Remove()
	require.Positive(t, counts["flushes-slowed"])
	require.GreaterOrEqual(t, counts["ms-added"], int64(20))
	require.NoError(t, v.Broken())
}

// What a disk cannot do is said before anything is done.
func TestNotBelow(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Block).(Faulty)
	for _, r := range []files.Rule{{Action: files.Full}, {Action: files.FailSync, Files: []string{"*.wal"}}} {
		_, err := v.Apply(r)
		require.ErrorIs(t, err, ErrUnsupported)
		require.ErrorContains(t, err, "use --disk fuse")
	}
	_, err := v.Apply(files.Rule{Action: files.SlowSync})
	require.ErrorContains(t, err, "delay")
	_, err = one(t, Ext4, Shutdown).(Faulty).Apply(files.Rule{Action: files.FailSync})
	require.ErrorIs(t, err, ErrUnsupported)

	require.NoError(t, block.Aside(func() error { return store(v, "x", []byte("text"), true) }))
	damage, err := v.Rot(files.Rot{How: files.Flip, Seed: 1})
	require.NoError(t, err)
	require.Equal(t, "x", damage.File)
	var now []byte
	require.NoError(t, block.Aside(func() error { now, err = os.ReadFile(filepath.Join(v.Dir(), "x")); return err }))
	require.NotEqual(t, "text", string(now))

	for kind, want := range map[Kind][2][]string{Ext4: {nil, {"slow-sync", "fail-sync", "fail-write"}}, Btrfs: {{"slow-sync", "fail-sync", "fail-write"}, {"slow-sync", "fail-sync", "fail-write"}}, Plain: {}} {
		for i, engine := range []Engine{"", Block} {
			faults, below := Troubles(kind, engine)
			require.Equal(t, want[i], faults, "%s %s", kind, engine)
			require.Equal(t, faults != nil, below)
		}
	}
	faults, below := Troubles(FUSE, "")
	require.Len(t, faults, len(files.Actions()))
	require.False(t, below)
}
