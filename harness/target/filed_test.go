package target_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

type filed struct{ target.Target }

func (filed) DataFiles() map[string][]string {
	return map[string][]string{"wal": {"*.log", "wal/*"}}
}

// What is there is not written again: the disk may be full.
func TestProvide(t *testing.T) {
	path := t.TempDir() + "/conf"
	require.NoError(t, target.Provide(path, []byte("a")))
	require.NoError(t, os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)))
	written := func() bool {
		info, err := os.Stat(path)
		require.NoError(t, err)
		return info.ModTime().Unix() != 1
	}
	require.NoError(t, target.Provide(path, []byte("a")))
	require.False(t, written())
	require.NoError(t, target.Provide(path, []byte("b")))
	require.True(t, written())
}

func TestDataFiles(t *testing.T) {
	require.Equal(t, []string{"*.log", "wal/*"}, target.DataFiles(filed{}, "wal"))
	require.Equal(t, []string{"*.snap"}, target.DataFiles(filed{}, "*.snap"), "a pattern")
	require.Equal(t, []string{"wal"}, target.DataFiles(struct{ target.Target }{}, "wal"), "who knows no classes")
	require.Nil(t, target.DataFiles(filed{}, ""), "all files")
}
