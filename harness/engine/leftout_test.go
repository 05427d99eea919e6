package engine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/results"
)

// Of a valid run only what was asked for is kept, and the directory says what was not.
func TestLeaveOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		verdict    checker.Verdict
		logs, data bool
		kept       []string
		said       string
	}{
		{"invalid", checker.Invalid, false, false, []string{"data", "log", "trace.1.jsonl", "trace.12.jsonl"}, ""},
		{"unknown", checker.Unknown, false, false, []string{"data", "log", "trace.1.jsonl", "trace.12.jsonl"}, ""},
		{"valid", checker.Valid, false, false, nil, `logs +0\.0 MB  --keep-logs keeps them\ntraces +0\.4 MB  --keep-logs keeps them\ndata +0\.1 MB  --keep-data keeps them`},
		{"valid, with logs", checker.Valid, true, false, []string{"log", "trace.1.jsonl", "trace.12.jsonl"}, `^.*\ndata +0\.1 MB`},
		{"valid, with data", checker.Valid, false, true, []string{"data"}, "traces"},
		{"valid, with all", checker.Valid, true, true, []string{"data", "log", "trace.1.jsonl", "trace.12.jsonl"}, ""},
	} {
		dir, err := results.Create(t.TempDir(), c.name, time.Now())
		require.NoError(t, err)
		r := run{cfg: Config{Nodes: 2, KeepLogs: c.logs, KeepData: c.data}, dir: dir}
		for name, size := range map[string]int{"log": 10, "trace.1.jsonl": 100_000, "trace.12.jsonl": 100_000, "data/deep/wal": 50_000} {
			for _, node := range r.cfg.Names() {
				path := dir.Path(results.NodesDir, node, name)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, make([]byte, size), 0o644))
			}
		}
		require.NoError(t, r.leaveOut(c.verdict))
		var kept []string
		entries, err := os.ReadDir(dir.Path(results.NodesDir, "n2"))
		if c.kept != nil {
			require.NoError(t, err, c.name)
		}
		for _, e := range entries {
			kept = append(kept, e.Name())
		}
		require.Equal(t, c.kept, kept, c.name)
		said, err := os.ReadFile(dir.Path(results.LeftOutFile))
		if c.said == "" {
			require.ErrorIs(t, err, os.ErrNotExist, c.name)
			continue
		}
		require.Regexp(t, c.said, string(said))
	}
}
