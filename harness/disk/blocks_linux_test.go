package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/block"
)

// Over blocks in user space every file system loses what was not synced, and nothing that
// was, in whatever part of the blocks it comes back.
func TestBlocksLosePower(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS, Btrfs} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			v := one(t, kind, Block)
			require.ErrorIs(t, v.Cut(Keep{What: keepNames}), ErrUnsupported)
			for round, keep := range []Keep{{What: keepNothing}, {keepSome, 1}, {keepSome, 2}, {What: keepNothing}} {
				text := []byte(fmt.Sprint("of round ", round))
				require.NoError(t, block.Aside(func() error {
					return errors.Join(store(v, "old", text, true), store(v, "renamed", text, true), v.Settle(), store(v, "synced", text, true),
						store(v, fmt.Sprint("lost-", round), text, false), os.Rename(filepath.Join(v.Dir(), "renamed"), filepath.Join(v.Dir(), "old")))
				}))
				require.NoError(t, v.Cut(keep))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				r, err := v.Restore(ctx)
				require.NoError(t, err)
				require.True(t, r.Bit, keep)
				require.False(t, r.Lied, keep)
				require.Positive(t, r.Flushes)
				require.GreaterOrEqual(t, r.Unflushed, int64(0))
				require.NoError(t, block.Aside(func() error {
					return errors.Join(holds(v, "old", text), holds(v, "synced", text), holds(v, "renamed", text), holds(v, fmt.Sprint("lost-", round), nil))
				}), keep)
			}
		})
	}
}

func store(v Volume, name string, text []byte, sync bool) error {
	f, err := os.Create(filepath.Join(v.Dir(), name))
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if sync {
		err = errors.Join(err, unix.Fdatasync(int(f.Fd())))
	}
	return errors.Join(err, f.Close())
}

// holds tells what is wrong with a file; it must not be there if text is nil.
func holds(v Volume, name string, text []byte) error {
	got, err := os.ReadFile(filepath.Join(v.Dir(), name))
	if text == nil && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && (text == nil || !bytes.Equal(text, got)) {
		err = fmt.Errorf("%s holds %.40q, want %q", name, got, text)
	}
	return err
}

// What was mounted and attached is gone when the disks are closed.
func TestBlocksLeaveNothing(t *testing.T) {
	need(t, Btrfs, Block)
	dir := t.TempDir()
	d, err := Open(t.Context(), Options{
		Kind: Btrfs, Members: []string{"n1", "n2"}, Size: leastSize,
		Mount: func(m string) string { return filepath.Join(dir, m) }, Spill: dir,
	})
	require.NoError(t, err)
	require.NoError(t, d.Volume("n2").Cut(Keep{What: keepNothing}))
	image := d.Volume("n1").(*volume).medium.image()
	require.NoError(t, d.Close())
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), dir)
	require.NotContains(t, string(mounts), strings.TrimSuffix(image, "/disk"))
	require.NoDirExists(t, filepath.Dir(filepath.Dir(image)))
}

// The power can go in the midst of a sync, which does not end before.
func TestBlocksLosePowerInTheMidstOfASync(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Ext4, XFS, Btrfs} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			v := one(t, kind, Block)
			holder := v.(Holder)
			v.(*volume).medium.(*blocks).longer = time.Hour
			begin := func() chan error {
				holder.Hold()
				done := make(chan error, 1)
				go func() {
					done <- block.Aside(func() error { return store(v, "under way", bytes.Repeat([]byte("new"), 5000), true) })
				}()
				device := v.(*volume).medium.(*blocks).device
				require.Eventually(t, func() bool { return device.State().Unflushed > 0 }, time.Minute, time.Millisecond)
				require.Empty(t, done)
				return done
			}
			done := begin()
			holder.Release()
			require.NoError(t, <-done)
			done = begin()
			require.NoError(t, v.Cut(Keep{keepSome, 7}))
			<-done // a file system may say of a disk that has died that all is well
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			r, err := v.Restore(ctx)
			require.NoError(t, err)
			require.False(t, r.Lied)
		})
	}
}

// A disk whose flushes are held for too long goes on: what its file system is asked for
// meanwhile waits behind them, and whoever is to take its power must not wait for ever.
func TestBlocksAreNotHeldForEver(t *testing.T) {
	t.Parallel()
	v := one(t, Ext4, Block)
	v.(*volume).medium.(*blocks).longer = 100 * time.Millisecond
	v.(Holder).Hold()
	require.NoError(t, block.Aside(func() error { return store(v, "under way", []byte("new"), true) }))
	require.NoError(t, v.Cut(Keep{What: keepNothing}))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := v.Restore(ctx)
	require.NoError(t, err)
}

// What a killed run leaves for a moment is in nobody's way.
func TestStrangersDiskIsDead(t *testing.T) {
	need(t, Btrfs, Block)
	dead := one(t, Ext4, Block).(*volume)
	mount := filepath.Dir(dead.medium.image())
	_ = unix.Unmount(mount, unix.MNT_FORCE) // it is busy, but nobody is answered any more
	_, err := os.Stat(dead.medium.image())
	require.ErrorIs(t, err, unix.ENOTCONN)
	image := filepath.Join(t.TempDir(), "image")
	require.NoError(t, os.WriteFile(image, nil, 0o600))
	require.NoError(t, os.Truncate(image, leastSize))
	made := make(chan error, 1)
	go func() { made <- Btrfs.make(t.Context(), image) }()
	select {
	case err := <-made:
		t.Fatalf("nobody was in the way: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	require.NoError(t, dead.takeDown(t.Context()))
	require.NoError(t, <-made)
}
