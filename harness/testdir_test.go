package harness

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Directories that package testing removes are no place for a run that failed; all
// others are the caller's choice.
func TestLasting(t *testing.T) {
	parent := t.TempDir()
	require.Equal(t, chaosResults(), lasting(t, parent))
	require.Equal(t, chaosResults(), lasting(t, filepath.Join(parent, "runs")))
	for _, kept := range []string{"results", "/var/runs", chaosResults(), filepath.Join(filepath.Dir(chaosResults()), "TestLastingly1", "001")} {
		require.Equal(t, kept, lasting(t, kept))
	}
	t.Run("a/b c;d", func(t *testing.T) {
		require.Equal(t, chaosResults(), lasting(t, t.TempDir()))
		require.Equal(t, chaosResults(), lasting(t, filepath.Join(parent, "runs")))
		require.Equal(t, "results", lasting(t, "results"))
	})
}
