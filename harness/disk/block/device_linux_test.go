package block

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// onLoop does something with the loop device of a rig itself.
func (r *rig) onLoop(flags int, do func(fd int) error) error {
	return aside("", func(f *files) { f.in("use", r.loop, unix.O_RDWR|flags, do) })
}

// at returns what reads find on the loop device.
func (r *rig) at(offset int64) byte {
	r.t.Helper()
	b := make([]byte, Sector)
	require.NoError(r.t, r.onLoop(0, func(fd int) error {
		_, err := unix.Pread(fd, b, offset)
		return err
	}))
	require.Equal(r.t, bytes.Repeat(b[:1], Sector), b)
	return b[0]
}

// put writes a page to the loop device.
func (r *rig) put(offset int64, value byte, sync bool) error {
	return r.onLoop(0, func(fd int) error {
		_, err := unix.Pwrite(fd, bytes.Repeat([]byte{value}, Page), offset)
		if err == nil && sync {
			err = unix.Fsync(fd)
		}
		return err
	})
}

// After a power failure nobody serves what is gone: no cache of the loop device, whether it
// is attached anew or only told to forget, nor of the mount.
func TestNobodyRemembers(t *testing.T) {
	r := newRig(t, "")
	for round := range byte(4) {
		require.NoError(t, r.put(0, 10+round, true))
		require.NoError(t, r.onLoop(0, func(keep int) error { // its cache lives as long as it is open
			err := errors.Join(r.put(0, 20+round, false), r.put(Page, 30+round, false))
			if round%2 == 0 { // they have reached the device
				err = errors.Join(err, unix.SyncFileRange(keep, 0, 0, unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER))
			}
			return err
		}))
		require.Equal(t, 20+round, r.at(0))
		require.Equal(t, 30+round, r.at(Page))
		state := r.disk.Cut(Nothing)
		require.NotZero(t, state.Flushes)
		require.Error(t, r.put(0, 40, true))
		if round < 2 {
			r.forget()
			r.disk.Restore()
		} else {
			r.detach()
			r.disk.Restore()
			r.attach()
		}
		require.Equal(t, 10+round, r.at(0))
		require.Zero(t, r.at(Page))
	}
}

// What is discarded is zeros, which vanish like any write, and takes no memory.
func TestDiscard(t *testing.T) {
	r := newRig(t, "")
	discard := func() error {
		return r.onLoop(0, func(fd int) error {
			return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 2*Page)
		})
	}
	require.NoError(t, r.put(0, 1, true))
	require.NoError(t, r.put(Page, 1, true))
	require.NoError(t, discard())
	require.Zero(t, r.at(0))
	require.EqualValues(t, 2*Page, r.disk.State().Unflushed)
	r.disk.Cut(Nothing)
	r.forget()
	r.disk.Restore()
	require.EqualValues(t, 1, r.at(0))
	require.NoError(t, discard())
	require.NoError(t, r.onLoop(0, unix.Fsync))
	r.disk.Cut(Nothing)
	r.forget()
	r.disk.Restore()
	require.Zero(t, r.at(Page))
	require.False(t, r.disk.files.medium.used.has(0))
	require.False(t, r.disk.files.medium.used.has(1))
}

// A disk with power can be slow, or fail, and tells how often.
func TestTrouble(t *testing.T) {
	r := newRig(t, "")
	require.NoError(t, r.put(0, 1, true))
	o := r.disk.Begin(Trouble{FailFlush: true})
	for range 2 {
		require.ErrorIs(t, r.put(0, 2, true), unix.EIO)
	}
	again := r.disk.Calm()
	require.NoError(t, r.put(0, 3, true))
	again()
	again() // which does nothing
	require.ErrorIs(t, r.put(0, 3, true), unix.EIO)
	require.Equal(t, Harm{FlushesFailed: 3}, o.End())
	require.Equal(t, Harm{FlushesFailed: 3}, o.End())
	require.NoError(t, r.put(0, 3, true))
	o = r.disk.Begin(Trouble{FailWrite: true})
	require.ErrorIs(t, r.put(0, 4, true), unix.EIO)
	require.ErrorIs(t, r.put(0, 4, true), unix.EIO)
	require.EqualValues(t, 2, o.End().WritesFailed)
	r.forget()
	require.EqualValues(t, 3, r.at(0))
	require.NoError(t, r.put(0, 5, true))

	o = r.disk.Begin(Trouble{Delay: 60 * time.Millisecond, Jitter: 10 * time.Millisecond})
	start := time.Now()
	require.NoError(t, r.put(0, 6, true))
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	harm := o.End()
	require.EqualValues(t, 1, harm.FlushesSlowed)
	require.GreaterOrEqual(t, harm.Added, 50*time.Millisecond)
	result := make(chan error)
	flushes, slowed := r.disk.State().Flushes, int64(0)
	slowly := func(value byte) {
		go func() { result <- r.put(0, value, true) }()
		slowed++
		require.Eventually(t, func() bool {
			o.of.mu.Lock()
			defer o.of.mu.Unlock()
			return o.harm.FlushesSlowed == slowed
		}, 30*time.Second, time.Millisecond)
	}
	o = r.disk.Begin(Trouble{Delay: time.Hour})
	slowly(7)
	require.Equal(t, flushes, r.disk.Cut(Nothing).Flushes)
	require.ErrorIs(t, <-result, unix.EIO) // the power went while it was flushing
	r.forget()
	r.disk.Restore()
	require.EqualValues(t, 6, r.at(0))
	slowly(8)
	again = r.disk.Calm()
	require.NoError(t, <-result)
	again()
	slowly(9)
	require.EqualValues(t, 3, o.End().FlushesSlowed)
	require.NoError(t, <-result)
}

// A mount that cannot be had is an error that says so, and leaves nothing.
func TestServeNowhere(t *testing.T) {
	needs(t)
	_, err := Serve(t.TempDir()+"/nowhere", Page, Options{})
	require.ErrorIs(t, err, unix.ENOENT)
	_, err = Serve(t.TempDir(), Page+1, Options{})
	require.ErrorContains(t, err, fmt.Sprint(Page))
}

// A disk is closed also while a flush is held, and who waits for that is told.
func TestCloseWhileHeld(t *testing.T) {
	needs(t)
	dir := t.TempDir()
	require.NoError(t, guarded(t).Promise(mounted(dir, Source)))
	d, err := Serve(dir, 1<<20, Options{})
	require.NoError(t, err)
	d.Hold()
	result := make(chan error)
	go func() {
		result <- aside("", func(f *files) { f.synced(d.File(), 0, newer()) })
	}()
	require.Eventually(t, func() bool { return d.State().Writes > 0 }, 30*time.Second, time.Millisecond)
	within(t, "the disk is closed", func() { require.NoError(t, d.Close()) })
	within(t, "who flushes gets an error", func() { require.Error(t, <-result) })
}
