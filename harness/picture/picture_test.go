package picture_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
)

var update = flag.Bool("update", false, "write the pictures in testdata anew")

// draw judges a history and draws it.
func draw(t *testing.T, path string) (picture.Picture, error) {
	t.Helper()
	h, err := history.Open(path)
	require.NoError(t, err)
	report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
	require.NoError(t, err)
	require.NoError(t, h.Close())
	h, err = history.Open(path)
	require.NoError(t, err)
	defer h.Close()
	return picture.Make(picture.Source{
		Title: filepath.Base(filepath.Dir(path)), Report: report, Batches: h.Batches(), Cut: h.Truncated,
	})
}

// The pictures in testdata are those of these runs.
func TestSavedPictures(t *testing.T) {
	for _, name := range []string{"clean-churn", "clean-mixed", "stale-log-vote", "stale-read", "old-snapshot", "answer-lease"} {
		p, err := draw(t, filepath.Join("..", "..", "results", "corpus", name, "history.jsonl.gz"))
		require.NoError(t, err)
		got, err := json.Marshal(p)
		require.NoError(t, err)
		path := filepath.Join("testdata", name+".json")
		if *update {
			require.NoError(t, os.MkdirAll("testdata", 0o755))
			require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got), "%s: go test ./harness/picture -update writes it anew", name)
	}
}
