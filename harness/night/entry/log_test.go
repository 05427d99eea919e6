package entry_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
)

func all(t *testing.T, path string) []entry.Entry {
	t.Helper()
	var got []entry.Entry
	require.NoError(t, entry.Read(path, func(e entry.Entry) error { got = append(got, e); return nil }))
	return got
}

// A writer that is killed in the midst of a line loses that entry alone, and the next
// one goes on behind the last whole line, wherever the tear is.
func TestTornLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	require.Empty(t, all(t, path), "there is none yet")
	log, err := entry.Open(path)
	require.NoError(t, err)
	first := entry.Entry{Number: 1, Night: "a", Seed: 7, Class: entry.Valid, Started: time.Unix(5, 0).UTC(), Elapsed: time.Second}
	second := entry.Entry{Number: 2, Night: "a", Class: entry.Broken, Why: "out of memory"}
	require.NoError(t, log.Add(first))
	require.NoError(t, log.Add(second))
	require.NoError(t, log.Close())
	first.Format, second.Format = entry.Format, entry.Format
	require.Equal(t, []entry.Entry{first, second}, all(t, path))

	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for cut := range len(whole) {
		require.NoError(t, os.WriteFile(path, whole[:cut], 0o644))
		kept := all(t, path)
		log, err := entry.Open(path)
		require.NoError(t, err)
		require.NoError(t, log.Add(second))
		require.NoError(t, log.Close())
		require.Equal(t, append(kept, second), all(t, path), "cut at byte %d", cut)
	}
}

func TestLogOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runs.jsonl")
	read := func(text string) error {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return entry.Read(path, func(entry.Entry) error { return nil })
	}
	require.ErrorContains(t, read("{\"format\":1}\nhello\n"), "runs.jsonl:2: this is no entry of a run")
	require.ErrorContains(t, read("{\"format\":9}\n"), "runs.jsonl:1: format 9 is newer than this usurper, which knows 1")
}
