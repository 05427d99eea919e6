package zookeeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// A run of ZooKeeper 3.8.0 whose clients saw nothing wrong. n2 and n3 have committed what
// n1, which has taken n3's epoch but not all of its log, lacks when it wins.
func TestLeaderWithoutCommittedEntries(t *testing.T) {
	h, err := history.Open("testdata/epoch-before-log.jsonl.gz")
	require.NoError(t, err)
	defer h.Close()
	report, err := checker.Run(checker.All(verdict.Options{}), h.Events())
	require.NoError(t, err)
	require.Equal(t, []checker.Breach{{Checker: "stale-log", Rule: "the winner lacks a committed entry"}}, report.Breaches(), report.String())
}
