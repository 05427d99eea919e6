package wal

import (
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
)

// stepper lets a number of writes and syncs through, and fails all after them
// with a full disk. A write that fails is half done.
type stepper struct {
	mu     sync.Mutex
	budget int
}

func (s *stepper) wrap(_ string, f file) file { return &steppedFile{f, s} }

func (s *stepper) set(budget int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget = budget
}

func (s *stepper) step() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.budget <= 0 {
		return syscall.ENOSPC
	}
	s.budget--
	return nil
}

type steppedFile struct {
	file
	steps *stepper
}

func (f *steppedFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.steps.step(); err != nil {
		n, _ := f.file.WriteAt(b[:len(b)/2], off)
		return n, err
	}
	return f.file.WriteAt(b, off)
}

func (f *steppedFile) Sync() error { return f.steps.step() }

func (f *steppedFile) Datasync() error { return f.steps.step() }

// quick is for the tests that open a log very often: no test pulls the plug, so
// nothing needs to be synced.
func quick(_ string, f file) file { return quickFile{f} }

type quickFile struct{ file }

func (quickFile) Sync() error     { return nil }
func (quickFile) Datasync() error { return nil }

// Whichever write or sync fails, the log stays failed, says the same ever after,
// never touches the disk again, and what it had acknowledged is still there.
func TestFullDisk(t *testing.T) {
	for budget := 0; budget < 40; budget++ {
		steps := &stepper{budget: 1 << 30}
		l, _ := mustOpen(t, t.TempDir(), Options{SegmentBytes: 1 << 10, wrap: steps.wrap})
		steps.set(budget)
		var b book
		acknowledged := 0
		var err error
		for err == nil {
			require.NoError(t, l.Append(b.write(1, 3)))
			if err = l.Sync(); err == nil {
				acknowledged = len(b.entries)
			}
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		steps.set(1 << 30) // there is room again: too late
		requireFailed(t, l, err)
		_, rec := mustOpen(t, l.disk.dir, Options{SegmentBytes: 1 << 10})
		require.GreaterOrEqual(t, len(rec.Entries), acknowledged)
		require.Equal(t, b.entries[:len(rec.Entries)], rec.Entries)
	}
}

func TestFullDiskOnOpen(t *testing.T) {
	dir := t.TempDir()
	for budget := range 4 {
		steps := &stepper{budget: budget}
		_, _, err := Open(dir, Options{SegmentBytes: 1 << 10, wrap: steps.wrap})
		require.ErrorIs(t, err, syscall.ENOSPC, "%d steps", budget)
		require.ErrorContains(t, err, dir)
	}
	l, rec := mustOpen(t, dir, Options{SegmentBytes: 1 << 10})
	require.Equal(t, Recovered{}, rec)
	require.NoError(t, l.SetState(raft.HardState{Term: 1}))
	require.NoError(t, l.Close())
}
