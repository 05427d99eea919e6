package night_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

// Of runs of a kind a few directories are kept; a kind is a rule and the shape of its
// proof, or a reason in which numbers make no difference.
func TestKeepsAFewOfAKind(t *testing.T) {
	n, err := night.Open(t.TempDir(), night.Request{Runs: 12, Parallel: 1, Cells: []night.Cell{cell("a")}}, time.Now())
	require.NoError(t, err)
	defer n.Close()
	run := func(_ context.Context, j night.Job, work string) (entry.Entry, bool) {
		dir := filepath.Join(work, "20261130-000000-seed1")
		require.NoError(t, os.Mkdir(dir, 0o755))
		e := entry.Entry{Class: entry.Broken, Why: "run " + dir + ": no port 7701 left", Dir: dir}
		switch j.Number % 3 {
		case 1:
			e.Class, e.Breaches = entry.Invalid, []entry.Breach{{Checker: "votes", Rule: "two votes", Shape: "a:vote(1)"}}
		case 2:
			e.Class, e.Why = entry.Unknown, "coverage: no fault bit"
		}
		return e, true
	}
	require.NoError(t, n.Run(context.Background(), night.Options{Run: run, Keep: 2}))
	kept := make(map[entry.Class]int)
	for _, e := range n.Entries() {
		if e.Dir != "" {
			kept[e.Class]++
			require.DirExists(t, e.Dir)
		}
		require.NotContains(t, e.Why, "under-way", "it does not name what is gone")
	}
	require.Equal(t, map[entry.Class]int{entry.Invalid: 2, entry.Unknown: 2, entry.Broken: 2}, kept)
	dirs, err := filepath.Glob(filepath.Join(n.Dir, "0*"))
	require.NoError(t, err)
	require.Len(t, dirs, 6)
}

// The last fifth of a night is for what it found, if there is something to find out.
func TestWorkHasAShare(t *testing.T) {
	night95 := func(pending bool) (runs int, budgets []time.Duration) {
		r := night.Request{For: 2 * time.Minute, Failures: 3, Parallel: 1, Cells: []night.Cell{cell("a")}}
		n, err := night.Open(t.TempDir(), r, time.Now().Add(-95*time.Second))
		require.NoError(t, err)
		defer n.Close()
		require.NoError(t, n.Run(context.Background(), night.Options{
			Run: func(context.Context, night.Job, string) (entry.Entry, bool) {
				runs++
				return entry.Entry{Class: entry.Invalid}, true
			},
			Pending: func() bool { return pending },
			Work: func(_ context.Context, budget time.Duration) error {
				budgets = append(budgets, budget)
				return nil
			},
		}))
		require.False(t, n.Facts().Ended.IsZero())
		return runs, budgets
	}
	runs, budgets := night95(true)
	require.Zero(t, runs, "a run would end in the last fifth")
	require.Len(t, budgets, 1)
	require.InDelta(t, 23, budgets[0].Seconds(), 2)
	runs, budgets = night95(false)
	require.Equal(t, 3, runs)
	require.Empty(t, budgets)
}

// What filled the disk is not kept, but what the run said is.
func TestLargeBrokenRun(t *testing.T) {
	r := night.Request{Runs: 1, Parallel: 1, Cells: []night.Cell{cell("a")}}
	n, err := night.Open(t.TempDir(), r, time.Now())
	require.NoError(t, err)
	defer n.Close()
	require.NoError(t, n.Run(context.Background(), night.Options{Run: func(_ context.Context, _ night.Job, work string) (entry.Entry, bool) {
		dir := filepath.Join(work, "20261130-000000-seed1")
		require.NoError(t, os.Mkdir(dir, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "fat"), nil, 0o644))
		require.NoError(t, os.Truncate(filepath.Join(dir, "fat"), 1<<30))
		require.NoError(t, os.WriteFile(filepath.Join(work, "said.txt"), []byte("so much"), 0o644))
		return entry.Entry{Class: entry.Broken, Why: "out of disk"}, true
	}}))
	kept, err := os.ReadDir(n.Entries()[0].Dir)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, "said.txt", kept[0].Name())
}
