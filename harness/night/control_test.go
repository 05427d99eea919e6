package night_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

// controlled is a night with a control that goes red at its third try, and one that never
// does.
func controlled() night.Request {
	return night.Request{
		Command: []string{"nightly"}, Build: "test", Runs: 3, Parallel: 1, For: time.Hour, Cells: []night.Cell{cell("a")},
		Controls: []night.Control{
			{Name: "late", Checker: "votes", Cell: cell("late")},
			{Name: "blind", Checker: "set", Cell: cell("blind")},
		},
	}
}

// runControlled makes such a night, and returns how its controls stand and how often
// something was made of each, by name, "" for the plan.
func runControlled(t *testing.T, root string, r night.Request, now time.Time) (map[string]entry.Control, map[string]int) {
	t.Helper()
	n, err := night.Open(root, r, now)
	require.NoError(t, err)
	defer n.Close()
	count := make(map[string]int)
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		count[j.Control]++
		e := entry.Entry{Class: entry.Valid, Started: time.Now(), Elapsed: time.Second}
		if j.Control == "late" && j.Number == 3 {
			e.Class, e.Breaches = entry.Invalid, []entry.Breach{{Checker: "votes", Rule: "two votes"}}
		}
		if j.Control == "blind" { // found by another checker, which does not count
			e.Class, e.Breaches = entry.Invalid, []entry.Breach{{Checker: "votes", Rule: "two votes"}}
		}
		return e, true
	}}))
	stands := make(map[string]entry.Control)
	for _, c := range n.Facts().Controls {
		stands[c.Name] = c
	}
	return stands, count
}

// A control is tried until it is red, five times at most; what was red is not tried again
// for seven days, by the same build.
func TestControls(t *testing.T) {
	root := t.TempDir()
	stands, count := runControlled(t, root, controlled(), time.Now())
	require.Equal(t, map[string]int{"": 3, "late": 3, "blind": 5}, count)
	require.WithinDuration(t, time.Now(), stands["late"].Red, time.Minute)
	require.Equal(t, 3, stands["late"].Tries)
	require.Zero(t, stands["blind"].Red)
	require.Equal(t, 5, stands["blind"].Tries)

	stands, count = runControlled(t, root, controlled(), time.Now())
	require.Equal(t, map[string]int{"": 3, "blind": 5}, count, "red already")
	require.NotZero(t, stands["late"].Red)
	require.Zero(t, stands["late"].Tries)

	other := controlled()
	other.Build = "another"
	_, count = runControlled(t, root, other, time.Now())
	require.Equal(t, 3, count["late"], "another build has yet to show it")
	system := controlled()
	system.Controls[0].System = "another"
	_, count = runControlled(t, root, system, time.Now())
	require.Equal(t, 3, count["late"], "as has another system")

	require.NoError(t, os.WriteFile(filepath.Join(root, "controls.json"), []byte("{"), 0o644))
	_, count = runControlled(t, root, controlled(), time.Now())
	require.Equal(t, 3, count["late"], "what is damaged says nothing")
	require.NoError(t, os.WriteFile(filepath.Join(root, "controls.json"), []byte(`{}`), 0o644))
}

// A control of which all tries broke says why.
func TestControlThatBreaks(t *testing.T) {
	r := controlled()
	r.Controls = r.Controls[:1]
	n, err := night.Open(t.TempDir(), r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		if j.Control != "" {
			return entry.Entry{Class: entry.Broken, Why: "no such version"}, true
		}
		return entry.Entry{Class: entry.Valid}, true
	}}))
	require.Equal(t, []entry.Control{{Name: "late", Checker: "votes", Tries: 5, Broken: 5, Untried: "no try came to a verdict: no such version"}}, n.Facts().Controls)
}

// A short night goes by what was red before, and says so where there is nothing.
func TestControlsOfAShortNight(t *testing.T) {
	root := t.TempDir()
	short := controlled()
	short.For = 19 * time.Minute
	stands, count := runControlled(t, root, short, time.Now())
	require.Equal(t, map[string]int{"": 3}, count)
	require.Equal(t, "a night of under 20m0s tries none, and none was red with this build in the last seven days", stands["late"].Untried)
	runControlled(t, root, controlled(), time.Now())
	stands, _ = runControlled(t, root, short, time.Now())
	require.NotZero(t, stands["late"].Red)
	require.Empty(t, stands["late"].Untried)
	require.NotEmpty(t, stands["blind"].Untried)
}

// Controls have a tenth of the night.
func TestControlsHaveAShare(t *testing.T) {
	r := controlled()
	r.For, r.Runs = 0, 0
	slow := cell("a")
	slow.For = time.Hour
	r.Cells, r.Runs = []night.Cell{slow}, 1
	r.Controls = nil
	for _, name := range []string{"a", "b", "c"} {
		r.Controls = append(r.Controls, night.Control{Name: name, Checker: "set", Cell: cell(name)})
	}
	n, err := night.Open(t.TempDir(), r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	tries := 0
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
		if j.Control != "" {
			tries++
		}
		return entry.Entry{Class: entry.Valid, Elapsed: 2 * time.Minute}, true
	}}))
	require.Equal(t, 4, tries, "more than six minutes are spent then")
	require.Equal(t, "the controls have used up their 10 % of the night", n.Facts().Controls[2].Untried)
}

// Shards that share a folder note their controls side by side, also if they have one
// process number, as the first process of every container has.
func TestControlsOfShardsSideBySide(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const shards = 8
	failed := make(chan error, shards)
	for i := 1; i <= shards; i++ {
		go func() {
			r := controlled()
			r.Name, r.Shard, r.Runs, r.Controls = "monday", night.Shard{I: i, N: shards}, shards, nil
			for k := range 20 {
				r.Controls = append(r.Controls, night.Control{Name: fmt.Sprint(i, "-", k), Checker: "votes", Cell: cell(fmt.Sprint(i, "-", k))})
			}
			n, err := night.Open(root, r, time.Now())
			if err == nil {
				err = n.Run(context.Background(), night.Options{Run: func(context.Context, night.Job, string) (entry.Entry, bool) {
					return entry.Entry{Class: entry.Invalid, Breaches: []entry.Breach{{Checker: "votes", Rule: "r"}}, Started: time.Now()}, true
				}})
				n.Close()
			}
			failed <- err
		}()
	}
	for range shards {
		require.NoError(t, <-failed)
	}
	text, err := os.ReadFile(filepath.Join(root, "controls.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(text), string(text))
	require.FileExists(t, filepath.Join(root, "latest", entry.FactsFile))
	left, err := filepath.Glob(filepath.Join(root, ".*-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
