package disk

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A directory whose files can fail has its data in the run, loses no power, and leaves nothing.
func TestFiles(t *testing.T) {
	t.Parallel()
	need(t, FUSE, "")
	dir := t.TempDir()
	d, err := Open(t.Context(), Options{Kind: FUSE, Members: []string{"n1", "n2"}, Mount: func(m string) string { return filepath.Join(dir, m, "disk") }})
	require.NoError(t, err)
	v := d.Volume("n1")
	entries, err := os.ReadDir(v.Dir())
	require.NoError(t, err)
	require.Empty(t, entries)
	write(t, filepath.Join(v.Dir(), "x"), "x", true)
	require.Equal(t, "x", read(t, filepath.Join(dir, "n1", "disk.files", "x")))
	require.NoError(t, v.Settle())
	require.ErrorIs(t, v.Cut(Keep{What: keepNothing}), ErrUnsupported)
	require.NoError(t, d.Close())
	require.Empty(t, leftovers(t, dir))
	for _, m := range []string{"n1", "n2"} {
		entries, err := os.ReadDir(filepath.Join(dir, m))
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
