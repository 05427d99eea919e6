package serve

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What cannot be drawn, or in part only, says why and where; the server goes on.
func TestBadRuns(t *testing.T) {
	dir := t.TempDir()
	for name, history := range map[string]string{
		"cut":    begun + `{"n":3,"t":30`,
		"torn":   begun + "no event\n",
		"gap":    begun + `{"n":4,"t":3000000,"run":{"what":"end"}}` + "\n",
		"newer":  strings.Replace(begun, `"format":1`, `"format":99`, 1),
		"older":  strings.Replace(begun, `"format":1,`, "", 1),
		"empty":  "",
		"begins": begun[:20],
	} {
		put(t, dir, name+"/history.jsonl", history)
		age(t, dir, name+"/history.jsonl")
		defer held(t, dir, "live-"+name)() // as if it was under way
		put(t, dir, "live-"+name+"/history.jsonl", history)
	}
	put(t, dir, "packed/history.jsonl.gz", "no gzip")
	put(t, dir, "judged/verdict.json", `{"verdict":"valid"}`)
	put(t, dir, "none/config.json", "{}")
	put(t, dir, "file", "")
	s := up(t, dir, Options{})
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"cut", 200, "the last line of the history was cut short: it is drawn up to the one before it, at 0.002s"},
		{"torn", 200, "history.jsonl:4: not an event"},
		{"gap", 200, "a line is missing or out of place"},
		{"newer", 422, "history has format 99, this usurper reads up to 1: use a newer usurper"},
		{"older", 422, "names no format"},
		{"empty", 422, "the history is empty"},
		{"begins", 422, "history.jsonl:1: not an event"},
		{"packed", 422, "history.jsonl.gz"},
		{"judged", 422, "not a run directory: it has no history.jsonl"},
		{"live-cut", 200, "the history has no end: the run was cut short, or is under way"},
		{"live-torn", 200, "the history cannot be read on: "},
		{"live-gap", 200, "a line is missing or out of place"},
		{"live-newer", 200, "use a newer usurper"},
		{"live-older", 200, "names no format"},
		{"live-empty", 200, "is under way"},
		{"none", 404, "There is no run in this directory: it has neither history.jsonl nor verdict.json."},
		{"nowhere", 404, "There is nothing of this name"},
		{"file", 403, "This is no file or directory that is shown."},
	} {
		status, text, _ := s.get("/picture/" + c.path)
		require.Equal(t, c.status, status, "%s: %.500s", c.path, text)
		require.Contains(t, text, c.says, c.path)
		require.NotContains(t, text, "<html", "the page shows it as it is")
		if c.status != http.StatusOK {
			require.NotContains(t, text, dir)
		}
	}
	status, text, _ := s.get("/night/none")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, text, "There is no night in this directory")
	s.ok("/")
}

// A run that is watched, and the directory itself, may vanish.
func TestVanishesWhileWatched(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs")
	defer held(t, dir, "one")()
	defer held(t, dir, "two")()
	put(t, dir, "n/runs.jsonl", "")
	defer lockNight(t, filepath.Join(dir, "n"))()
	s := up(t, dir, Options{})
	one, two, night := s.watch("/events/one"), s.watch("/events/two"), s.watch("/changes/n")
	require.Equal(t, "data: 3", s.next(one))
	require.Equal(t, "data: 3", s.next(two))
	require.Equal(t, "data: 1", s.next(night))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "one")))
	require.Equal(t, "event: end", s.next(one))
	status, text, _ := s.get("/picture/one")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, text, "it was removed, or never was")
	require.NoError(t, os.RemoveAll(dir))
	require.Equal(t, "event: end", s.next(two))
	require.Equal(t, "event: end", s.next(night))
	status, text, _ = s.get("/picture/two")
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, text, "The directory runs is no longer there")
	require.NoError(t, os.Mkdir(dir, 0o755))
	status, text, _ = s.get("/picture/two")
	require.Equal(t, http.StatusGone, status)
	require.Contains(t, text, "another one now")
}
