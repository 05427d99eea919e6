package serve

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/results"
)

// age has a file be changed for the last time long ago.
func age(t *testing.T, dir, name string) {
	t.Helper()
	require.NoError(t, os.Chtimes(filepath.Join(dir, name), time.Now(), time.Now().Add(-48*time.Hour)))
}

// Whether a run is under way its lock tells, and only where there is none its growth.
func TestUnderWay(t *testing.T) {
	dir := t.TempDir()
	run := func(name string) results.Dir {
		put(t, dir, name+"/history.jsonl", begun)
		d, err := results.Open(filepath.Join(dir, name))
		require.NoError(t, err)
		return d
	}
	release := run("held").Hold() // which has not grown for two days
	age(t, dir, "held/history.jsonl")
	run("killed").Hold()() // and has grown just now
	run("older")           // with an hour to spare, however slow the machine is
	require.NoError(t, os.Chtimes(filepath.Join(dir, "older/history.jsonl"), time.Now(), time.Now().Add(time.Hour)))
	run("old")
	age(t, dir, "old/history.jsonl")
	s := up(t, dir, Options{})
	verdict := func(name string) string {
		e, err := s.s.index.run(name)
		require.NoError(t, err)
		return e.Verdict
	}
	require.Equal(t, underWay, verdict("held"))
	require.Equal(t, notJudged, verdict("killed"))
	require.Equal(t, underWay, verdict("older"))
	require.Equal(t, notJudged, verdict("old"))
	require.Contains(t, s.ok("/run/held"), "/events/held")

	lines := s.watch("/events/held")
	require.Equal(t, "data: 3", s.next(lines))
	release()
	require.Equal(t, "event: end", s.next(lines))
	require.Equal(t, notJudged, verdict("held"))
	require.Eventually(t, func() bool { return strings.Contains(s.ok("/?verdict=not+judged"), "held") }, time.Minute, 50*time.Millisecond)
}

const (
	nightBegun = `{"verdict":"quiet","going":true,"runs":{"all":1,"valid":1}}`
	nightEnded = `{"verdict":"quiet","going":false,"runs":{"all":2,"valid":2}}`
)

// lockNight is what a night's process does, and returns its end.
func lockNight(t *testing.T, dir string) (end func()) {
	put(t, dir, "lock", "1\n")
	f, err := os.Open(filepath.Join(dir, "lock"))
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
	return func() { f.Close() }
}

// The page of a night that goes on is told of what is new, and of its end.
func TestNightGoesOn(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "n/runs.jsonl", "")
	end := lockNight(t, filepath.Join(dir, "n"))
	s := up(t, dir, Options{})
	_, text, head := s.get("/night/n")
	require.Contains(t, text, "none of its runs has ended yet")
	require.Contains(t, text, `data-changes="/changes/n"`)
	require.Contains(t, head.Get("Content-Security-Policy"), "script-src 'sha256-")
	lines := s.watch("/changes/n")
	require.Equal(t, "data: 1", s.next(lines))
	put(t, dir, "n/summary.md", "# A night\n")
	put(t, dir, "n/night.json", nightBegun)
	for n := 2; !strings.Contains(s.ok("/night/n"), "1 run: 1 valid, 0 invalid, 0 unknown, 0 broken; it goes on"); n++ {
		require.Equal(t, fmt.Sprintf("data: %d", n), s.next(lines))
	}
	end()
	for line := ""; line != "event: end"; line = s.next(lines) {
	}
	_, text, head = s.get("/night/n")
	require.Contains(t, text, "it was killed, or waits for another shard")
	require.NotContains(t, text, "<script")
	require.NotContains(t, head.Get("Content-Security-Policy"), "script-src")
	put(t, dir, "n/night.json", nightEnded)
	require.NotContains(t, s.ok("/night/n"), "killed")
	require.Equal(t, "event: end", s.next(s.watch("/changes/n")))
	status, _, _ := s.get("/changes/none")
	require.Equal(t, http.StatusNotFound, status)

	// One without a lock is taken at its word for a while.
	require.NoError(t, os.Remove(filepath.Join(dir, "n", "lock")))
	put(t, dir, "n/night.json", nightBegun)
	require.Contains(t, s.ok("/night/n"), "it goes on")
	age(t, dir, "n/runs.jsonl")
	require.NotContains(t, s.ok("/night/n"), "it goes on")
}

// A browser shows what a night has come to, and what its runs are called does nothing there.
func TestBrowserNight(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "n/runs.jsonl", "")
	put(t, dir, "n/summary.md", "# First\n")
	put(t, dir, "n/night.json", nightBegun)
	end := lockNight(t, filepath.Join(dir, "n"))
	s := up(t, dir, Options{})
	b := browse(t, s)
	b.open(s.at + "/night/n")
	b.until(`document.body.innerText.includes("First") && document.body.innerText.includes("it goes on")`)
	b.do(chromedp.WaitReady(chromedp.CSS("main[data-changes]")))
	put(t, dir, "n/summary.md", "# Second\n\n<img src=x onerror=\"document.title=1\">\n")
	b.until(`document.body.innerText.includes("Second")`)
	put(t, dir, "n/night.json", nightEnded)
	end()
	b.until(`document.body.innerText.includes("2 runs: 2 valid") && !document.querySelector("main").dataset.changes`)
	b.until(`document.title !== "1"`)
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems)
}
