package results_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/results"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestCreateOpenList(t *testing.T) {
	root := filepath.Join(t.TempDir(), "results")
	first, err := results.Create(root, "seed7", noon)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "20261122-120000-seed7"), first.String())
	second, err := results.Create(root, "seed7", noon)
	require.NoError(t, err)
	require.NotEqual(t, first, second)

	_, err = results.Open(root)
	require.ErrorIs(t, err, results.ErrNotARun, "no history yet")
	for _, d := range []results.Dir{first, second} {
		require.NoError(t, d.WriteText(results.HistoryFile, "{}"))
	}
	for _, path := range []string{second.String(), second.Path(results.HistoryFile)} {
		got, err := results.Open(path)
		require.NoError(t, err)
		require.Equal(t, second, got)
	}
	_, err = results.Open(root)
	require.ErrorIs(t, err, results.ErrNotARun, "none is the latest")
	first.MakeLatest()
	second.MakeLatest()
	newest, err := results.Open(root)
	require.NoError(t, err)
	target, err := filepath.EvalSymlinks(newest.String())
	require.NoError(t, err)
	require.Equal(t, filepath.Base(second.String()), filepath.Base(target))

	require.Equal(t, second.Name(), newest.Name())
	require.Equal(t, second.Path(results.HistoryFile), second.History())
	require.NoError(t, os.Rename(second.History(), second.Path(results.PackedFile)))
	require.Equal(t, second.Path(results.PackedFile), second.History(), "compressed is as good")
	packed, err := results.Open(second.Path(results.PackedFile))
	require.NoError(t, err)
	require.Equal(t, second.String(), packed.String())
	plain := second.Path(results.HistoryFile)
	require.NoError(t, os.WriteFile(plain, nil, 0o644))
	named, err := results.Open(plain)
	require.NoError(t, err)
	require.Equal(t, plain, named.History(), "the one that was named, of several")
	require.NoError(t, os.Rename(second.Path(results.PackedFile), second.Path(results.ZstdFile)))
	require.NoError(t, os.Remove(plain))
	require.Equal(t, second.Path(results.ZstdFile), second.History())

	runs, err := results.List(root)
	require.NoError(t, err)
	require.Equal(t, []results.Dir{first, second}, runs, "latest is a link, not a run of its own")
}

func TestOpenRefusesWhatIsNoRun(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for _, path := range []string{dir, file} {
		_, err := results.Open(path)
		require.ErrorIs(t, err, results.ErrNotARun)
		require.ErrorContains(t, err, results.HistoryFile)
	}
	_, err := results.Open(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestJSON(t *testing.T) {
	d, err := results.Create(t.TempDir(), "", noon)
	require.NoError(t, err)
	require.NoError(t, d.WriteJSON(results.ConfigFile, map[string]int{"nodes": 5}))
	var got map[string]int
	require.NoError(t, d.ReadJSON(results.ConfigFile, &got))
	require.Equal(t, 5, got["nodes"])
	require.NoError(t, d.WriteText(results.ConfigFile, "not json"))
	require.ErrorContains(t, d.ReadJSON(results.ConfigFile, &got), d.Path(results.ConfigFile))
}
