package system

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/nemesis"
)

// filed is a system that knows its log.
type filed struct{ target.Target }

func (filed) DataFiles() map[string][]string { return map[string][]string{"log": {"*.wal"}} }

func TestMeddle(t *testing.T) {
	if err := disk.Available(disk.FUSE, ""); err != nil {
		t.Skip(err)
	}
	s, _, _, _ := withDisks(t)
	s.target = filed{}
	_, err := s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "full"})
	require.ErrorIs(t, err, nemesis.ErrUnsupported, "a disk of another kind")
	dir := t.TempDir()
	disks, err := disk.Open(t.Context(), disk.Options{
		Kind: disk.FUSE, Members: []string{"n1"}, Mount: func(m string) string { return filepath.Join(dir, m) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, disks.Close()) })
	s.disks["n1"] = disks.Volume("n1")

	_, err = s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "slow-sync"})
	require.ErrorContains(t, err, "delay")
	a, err := s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "full", Files: "log"})
	require.NoError(t, err)
	require.ErrorIs(t, os.WriteFile(dir+"/n1/0.wal", nil, 0o644), syscall.ENOSPC)
	require.NoError(t, os.WriteFile(dir+"/n1/db", []byte("data"), 0o644))
	counts, err := a.Remove(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"writes-refused": 1}, counts)
	a, err = s.Meddle(t.Context(), "n1", nemesis.FileRule{Action: "slow-sync", Delay: time.Second, Files: "d?"})
	require.NoError(t, err)
	counts, err = a.Remove(t.Context())
	require.NoError(t, err)
	require.Empty(t, counts, "it met nothing")

	_, _, err = s.Rot(t.Context(), "n1", nemesis.FileRot{How: "flip"})
	require.ErrorIs(t, err, nemesis.ErrRefused, "it runs")
	_, err = s.Kill(t.Context(), "n1")
	require.NoError(t, err)
	counts, note, err := s.Rot(t.Context(), "n1", nemesis.FileRot{How: "flip", Files: "db"})
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"bytes-flipped": 1, "bytes-after": 0}, counts)
	require.Contains(t, note, "db: bit ")
	now, err := os.ReadFile(dir + "/n1/db")
	require.NoError(t, err)
	require.NotEqual(t, "data", string(now))
	_, _, err = s.Rot(t.Context(), "n1", nemesis.FileRot{Files: "log"})
	require.ErrorContains(t, err, "no file holds anything")
}
