package cluster_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// An excused member may end by itself, crying, and be started again.
func TestExcusedEnd(t *testing.T) {
	for _, excused := range []bool{false, true} {
		gate := filepath.Join(t.TempDir(), "go")
		c, rec := newCluster(t, `while [ ! -e `+gate+` ]; do sleep 0.01; done; echo "panic: at a failpoint"; exit 2`)
		require.NoError(t, c.Start(t.Context(), "n1"))
		require.NoError(t, c.Excuse("n1", excused))
		require.NoError(t, os.WriteFile(gate, nil, 0o644))
		eventually(t, func() bool {
			return rec.has(func(e history.Event) bool { return exits(e) && e.Proc.Expected == excused })
		})
		cry := history.RunLog
		if excused {
			cry = history.RunNote
		}
		require.True(t, rec.has(func(e history.Event) bool { return e.Run != nil && e.Run.What == cry }))
		eventually(t, func() bool { return c.Start(t.Context(), "n1") == nil })
		// The new process is excused no longer.
		eventually(t, func() bool {
			return rec.has(func(e history.Event) bool { return exits(e) && e.Proc.Inc == 2 && !e.Proc.Expected })
		})
	}
	c, _ := newCluster(t, "sleep 1000")
	require.ErrorContains(t, c.Excuse("n9", true), "no member")
}

// A member that joins has no data, and knows whom it joins; it is excused until it
// has come up.
func TestJoin(t *testing.T) {
	c, rec := newCluster(t, "exit 3")
	m, err := c.Member("n1")
	require.NoError(t, err)
	old := filepath.Join(m.DataDir, "member", "wal")
	require.NoError(t, os.MkdirAll(old, 0o755))

	require.NoError(t, c.Join(t.Context(), "n1", []string{"n1", "n3"}))
	require.NoDirExists(t, old)
	require.DirExists(t, m.DataDir)
	m, err = c.Member("n1")
	require.NoError(t, err)
	require.Equal(t, []string{"n1", "n3"}, m.Joins)
	ended := func(inc uint64, expected bool) func() bool {
		return func() bool {
			return rec.has(func(e history.Event) bool { return exits(e) && e.Proc.Inc == inc && e.Proc.Expected == expected })
		}
	}
	eventually(t, ended(1, true))
	require.NoError(t, os.MkdirAll(old, 0o755))
	eventually(t, func() bool { return c.Start(t.Context(), "n1") == nil })
	eventually(t, ended(2, true))
	require.DirExists(t, old, "a second process finds what the first one left")
	require.NoError(t, c.Excuse("n1", false))
	eventually(t, func() bool { return c.Start(t.Context(), "n1") == nil })
	eventually(t, ended(3, false))
}
