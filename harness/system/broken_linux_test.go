package system

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/disk/files"
	"github.com/usurper/usurper/nemesis"
)

// frail is a disk whose file system breaks of any rule.
type frail struct {
	*volume
	broken, refuses error
	calls           []string
	runs            func() bool
}

func (f *frail) Apply(r files.Rule) (disk.Applied, error) {
	if len(r.Files) > 0 {
		return nil, disk.ErrUnsupported
	}
	f.broken = errors.New("read-only")
	return f, nil
}

func (f *frail) Remove() map[string]int64 { return map[string]int64{"flushes-failed": 2} }

func (f *frail) Broken() error { return f.broken }

func (f *frail) Calm() func() {
	f.calls = append(f.calls, "calm")
	return func() { f.calls = append(f.calls, "again") }
}

func (f *frail) Repair(context.Context) error {
	f.calls = append(f.calls, "repair")
	if f.runs() {
		return errors.New("busy")
	}
	if f.refuses == nil {
		f.broken = nil
	}
	return f.refuses
}

func (f *frail) Rot(files.Rot) (files.Damage, error) { return files.Damage{Note: "rotten"}, nil }

// A file system that is out of service when a fault of its disk is over comes back without
// anybody who uses it; if it does not, the run is spoilt.
func TestRepair(t *testing.T) {
	s, disks, told, spoilt := withDisks(t)
	s.target = filed{}
	f := &frail{volume: disks["n1"], runs: func() bool { return s.runs("n1") }}
	s.disks["n1"] = f
	_, err := s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "fail-sync", Files: "log"})
	require.ErrorIs(t, err, nemesis.ErrUnsupported)
	meddle := func() nemesis.Applied {
		a, err := s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "fail-sync"})
		require.NoError(t, err)
		require.True(t, s.runs("n1"))
		return a
	}
	want := map[string]int64{"flushes-failed": 2, "file-systems-broken": 1, "pids-gone": 1}
	a := meddle()
	got, err := a.Remove(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.False(t, s.runs("n1"))
	got, err = a.Remove(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, []string{"calm", "repair", "again"}, f.calls)
	_, note, err := s.Rot(t.Context(), "n1", nemesis.FileRot{})
	require.NoError(t, err)
	require.Equal(t, "rotten", note)
	require.NoError(t, s.Start(t.Context(), "n1"))

	a = meddle()
	f.broken = nil
	got, err = a.Remove(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"flushes-failed": 2}, got, "it lives with it")
	require.True(t, s.runs("n1"))

	a = meddle()
	f.refuses = disk.ErrRefused
	_, err = a.Remove(t.Context())
	require.ErrorIs(t, err, disk.ErrRefused)
	require.Len(t, *spoilt, 1)
	require.NoError(t, s.rec.Close())
	require.Contains(t, told.String(), `"what":"spoilt","node":"n1"`)
	require.Error(t, s.Start(t.Context(), "n1"))
}

// Who is killed waits for no slow disk.
func TestKilledWhileSlow(t *testing.T) {
	s, disks, _, _ := withDisks(t)
	f := &frail{volume: disks["n1"]}
	s.disks["n1"] = f
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := s.Kill(ctx, "n1")
	require.NoError(t, err)
	require.Equal(t, []string{"calm", "again"}, f.calls)
}
