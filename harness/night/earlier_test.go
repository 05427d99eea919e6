package night_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/nemesis"
)

// themed is an entry of a run of one theme that hit a cell.
func themed(t *testing.T, theme string, role coverage.Role) entry.Entry {
	t.Helper()
	tally := coverage.Sum()
	tally.Runs, tally.Themes[theme] = 1, coverage.Theme{Runs: 1}
	tally.Cells[coverage.Cell{Kind: "kill", Role: role, Phase: coverage.Election, Reach: coverage.One}] = coverage.Count{Runs: 1, Times: 1}
	b, err := json.Marshal(tally)
	require.NoError(t, err)
	return entry.Entry{Class: entry.Valid, Coverage: b}
}

// A night draws towards what nights before it covered least: only in part of its runs,
// only where the plan is the seed's to draw, and the same after a kill. The first night
// has nothing to go by.
func TestThinThemesAreFavoured(t *testing.T) {
	root := t.TempDir()
	r := night.Request{
		Command: []string{"nightly"}, Build: "a", Runs: 60, Parallel: 1, Seed: 7,
		Cells: []night.Cell{cell("a"), cell("b", "--theme=power-loss"), cell("c", "--plan", "kills")},
	}
	now := time.Now()
	first, err := night.Open(root, r, now)
	require.NoError(t, err)
	require.Empty(t, first.Plan.Favour)
	for n := 1; n <= 60; n++ {
		require.NotContains(t, strings.Join(first.Plan.Job(n).Args, " "), "--favour")
	}
	require.NoError(t, first.Run(context.Background(), night.Options{
		Run: func(_ context.Context, j night.Job, _ string) (entry.Entry, bool) {
			if j.Number <= 3 {
				return themed(t, "stragglers", coverage.Voter), true
			}
			return themed(t, "power-loss", coverage.Leader), true
		},
		Report: func(entry.Facts, []entry.Entry) error { return nil },
	}))
	require.NoError(t, first.Close())

	r.Command = []string{"nightly", "again"}
	second, err := night.Open(root, r, now)
	require.NoError(t, err)
	require.Less(t, second.Plan.Favour["power-loss"], 1.0)
	require.Greater(t, second.Plan.Favour["stragglers"], 1.0)
	require.Len(t, second.Plan.Favour, len(slices.DeleteFunc(nemesis.Themes(), func(t nemesis.Theme) bool { return !t.Usual() })))
	favoured := 0
	var jobs []night.Job
	for n := 1; n <= 60; n++ {
		j := second.Plan.Job(n)
		jobs = append(jobs, j)
		if slices.ContainsFunc(j.Args, func(a string) bool { return strings.HasPrefix(a, "--favour=") }) {
			favoured++
			require.Equal(t, "a", j.Cell.Name)
		}
	}
	require.InDelta(t, 10, favoured, 7, "half of twenty")
	require.NoError(t, second.Close())

	again, err := night.Open(root, r, now)
	require.NoError(t, err)
	require.True(t, again.Resumed)
	for n := 1; n <= 60; n++ {
		require.Equal(t, jobs[n-1].Args, again.Plan.Job(n).Args)
	}
	require.NoError(t, again.Close())
	require.Equal(t, 60, night.Earlier(root, second.Plan.Night).Runs)
	require.Zero(t, night.Earlier(root, first.Plan.Night).Runs)
}
