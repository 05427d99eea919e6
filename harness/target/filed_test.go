package target_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

type filed struct{ target.Target }

func (filed) DataFiles() map[string][]string {
	return map[string][]string{"wal": {"*.log", "wal/*"}}
}

func TestDataFiles(t *testing.T) {
	require.Equal(t, []string{"*.log", "wal/*"}, target.DataFiles(filed{}, "wal"))
	require.Equal(t, []string{"*.snap"}, target.DataFiles(filed{}, "*.snap"), "a pattern")
	require.Equal(t, []string{"wal"}, target.DataFiles(struct{ target.Target }{}, "wal"), "who knows no classes")
	require.Nil(t, target.DataFiles(filed{}, ""), "all files")
}
