package disk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk/files"
)

func TestFilesVolume(t *testing.T) {
	need(t, FUSE, "")
	dir := t.TempDir()
	d, err := Open(t.Context(), Options{
		Kind: FUSE, Members: []string{"n1", "n2"},
		Mount: func(m string) string { return filepath.Join(dir, m, "disk") },
	})
	require.NoError(t, err)
	v := d.Volume("n1").(Faulty)
	left, err := os.ReadDir(v.Dir())
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, v.Settle())

	a, err := v.Apply(files.Rule{Action: files.FailWrite, Files: []string{"*.wal"}})
	require.NoError(t, err)
	require.ErrorIs(t, os.WriteFile(v.Dir()+"/0.wal", []byte("x"), 0o644), syscall.EIO)
	require.NoError(t, os.WriteFile(d.Volume("n2").Dir()+"/0.wal", []byte("x"), 0o644), "of another member")
	require.Equal(t, map[string]int64{"writes-failed": 1}, a.Remove())
	write(t, v.Dir()+"/0.wal", "content", true)
	damage, err := v.Rot(files.Rot{How: files.Flip})
	require.NoError(t, err)
	require.Equal(t, "0.wal", damage.File)
	require.NotEqual(t, "content", read(t, v.Dir()+"/0.wal"))

	err = v.Cut(Keep{What: keepNothing})
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "ext4")
	_, err = v.Restore(t.Context())
	require.ErrorIs(t, err, ErrUnsupported)
	require.NoError(t, d.Close())
	for _, m := range []string{"n1", "n2"} {
		left, err := os.ReadDir(filepath.Join(dir, m))
		require.NoError(t, err)
		require.Empty(t, left, "nothing stays")
	}
}
