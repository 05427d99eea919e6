package count_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/count"
)

func TestMany(t *testing.T) {
	for noun, plural := range map[string]string{
		"vote": "votes", "process": "processes", "candidacy": "candidacies", "key": "keys", "etcd node": "etcd nodes",
		"replay": "replays", "directory": "directories", "more doubt": "more doubts",
	} {
		require.Equal(t, "0 "+plural, count.Many(0, noun))
		require.Equal(t, "1 "+noun, count.Many(int64(1), noun))
		require.Equal(t, "12345 "+plural, count.Many(uint64(12345), noun))
	}
	require.Equal(t, "was", count.Word(1, "was", "were"))
	require.Equal(t, "were", count.Word(0, "was", "were"))
	require.Equal(t, []string{"0 times", "once", "twice", "3 times"},
		[]string{count.Times(0), count.Times(1), count.Times(2), count.Times(3)})
}
