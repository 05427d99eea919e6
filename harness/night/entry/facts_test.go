package entry_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
)

func TestFacts(t *testing.T) {
	dir := t.TempDir()
	_, err := entry.ReadFacts(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "is no directory of a night: it has no facts.json")

	f := entry.Facts{
		Night: "a", Seed: 7, Begun: time.Unix(5, 0).UTC(), Shard: 2, Shards: 4, Runs: 40, Cells: []string{"reference"},
		Controls: []entry.Control{{Name: "double-vote", Checker: "votes", Tries: 5}},
	}
	require.NoError(t, entry.WriteFacts(dir, f))
	f.Ended, f.Stopped = time.Unix(9, 0).UTC(), "interrupted"
	require.NoError(t, entry.WriteFacts(dir, f))
	f.Format = entry.Format
	got, err := entry.ReadFacts(dir)
	require.NoError(t, err)
	require.Equal(t, f, got)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")

	path := filepath.Join(dir, entry.FactsFile)
	require.NoError(t, os.WriteFile(path, []byte("hello"), 0o644))
	_, err = entry.ReadFacts(dir)
	require.ErrorContains(t, err, "facts.json: these are no facts of a night")
	require.NoError(t, os.WriteFile(path, []byte(`{"format":9}`), 0o644))
	_, err = entry.ReadFacts(dir)
	require.ErrorContains(t, err, "format 9 is newer than this usurper, which knows 1")
}

// Who names a folder of nights is told of the last one.
func TestFolderOfNights(t *testing.T) {
	dir := t.TempDir()
	_, err := entry.ReadFacts(dir)
	require.ErrorContains(t, err, "is no directory of a night")
	latest := filepath.Join(dir, "latest")
	require.NoError(t, os.Mkdir(latest, 0o755))
	require.NoError(t, entry.WriteFacts(latest, entry.Facts{Night: "a"}))
	_, err = entry.ReadFacts(dir)
	require.ErrorContains(t, err, "is a folder of nights: name one of them, such as "+latest)
	require.NotErrorIs(t, err, fs.ErrNotExist)
}
