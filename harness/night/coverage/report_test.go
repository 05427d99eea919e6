package coverage_test

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/coverage"
)

func TestLeast(t *testing.T) {
	require.Equal(t, 1.0, coverage.Least(0))
	require.InDelta(t, 0.95, coverage.Least(1), 1e-12)
	require.InDelta(t, 0.2589, coverage.Least(10), 1e-4)
	require.InDelta(t, 0.0299, coverage.Least(99), 1e-4, "the rule of three")
}

// Cells that a setting cannot show, or that the words exclude, are not called empty.
func TestPossible(t *testing.T) {
	possible := func(does func() coverage.Tally) []string {
		var out []string
		for _, c := range does().Possible() {
			out = append(out, c.String())
		}
		return out
	}
	traced := possible(func() coverage.Tally {
		h := led()
		put(h, 1, 1, "n1", "n2")
		inject(h, 1, "at 1s for 1s isolate n1", "n1")
		inject(h, 2, "at 1s for 1s kill n1", "n1")
		tally, err := coverage.Of(h.All(), "a")
		require.NoError(t, err)
		return tally
	})
	for cell, want := range map[string]bool{
		"kill voter election one":            true,
		"kill leader steady all":             true,
		"kill lagging catching-up majority":  true,
		"isolate down steady one":            true,
		"isolate mixed steady majority":      true,
		"isolate mixed steady all":           true,
		"kill mixed steady majority":         false, // it is known of each
		"kill down steady one":               false,
		"isolate leader steady majority":     false, // who is among them
		"isolate follower steady all":        false,
		"kill lagging steady one":            false,
		"kill voter steady one":              false,
		"kill leader steady minority":        false, // of three there is none
		"kill leader final one":              false,
		"kill leader snapshot one":           false, // nothing was told of snapshots
		"kill joining membership-change one": false,
		"pause leader steady one":            false, // never tried
	} {
		require.Equal(t, want, slices.Contains(traced, cell), cell)
	}
	h := tape.New(history.Run{Nodes: []string{"n1", "n2", "n3"}})
	inject(h, 1, "at 1s for 1s isolate n1", "n1")
	untold, err := coverage.Of(h.All(), "a")
	require.NoError(t, err)
	require.Equal(t, []string{
		"isolate mixed unknown all", "isolate mixed unknown majority",
		"isolate unknown unknown all", "isolate unknown unknown majority", "isolate unknown unknown one",
	}, possible(func() coverage.Tally { return untold }), "of what a history does not tell nothing is empty")
	require.Contains(t, strings.Join(untold.Report(coverage.States{}).Lines(), "\n"), "in 1 run nothing tells who leads: ")
	claimed := possible(func() coverage.Tally {
		h := history1()
		tally, err := coverage.Of(h, "a")
		require.NoError(t, err)
		return tally
	})
	require.NotEmpty(t, claimed)
	for _, cell := range claimed {
		for _, word := range []string{"voter", "candidate", "lagging", "catching-up", "snapshot"} {
			require.NotContains(t, cell, " "+word+" ")
		}
	}
}

// history1 is a run in which only claims tell, with one fault.
func history1() func(func(*history.Event, error) bool) {
	events := []history.Event{
		{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}}},
		{Claim: &history.Claim{Node: "n1", Role: "leader", Term: 2}},
		{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseFaults}},
		{Fault: &history.Fault{Step: 1, What: history.FaultInject, Resolved: "at 1s kill n1", Nodes: []string{"n1"}}},
	}
	return func(yield func(*history.Event, error) bool) {
		for i := range events {
			if !yield(&events[i], nil) {
				return
			}
		}
	}
}

// The report says what was never hit, and what is not known to be.
func TestReport(t *testing.T) {
	var sum coverage.Tally
	for _, tally := range corpus(t) {
		sum.Add(tally)
	}
	r := sum.Report(coverage.States{})
	text := strings.Join(r.Lines(), "\n")
	require.Less(t, len(r.Lines()), 40)
	require.Regexp(t, `faults of \d+ runs bit in \d+ of `, text)
	require.Regexp(t, `kill: bit (\d+) of \d+ times, in \d+ of `, text)
	require.Regexp(t, `  kill leader steady one: [\d.]+ %, from \d+ runs`, text)
	require.Regexp(t, `never, in \d+ runs that would have shown it: restart-in-vote: a member that stood`, text)
	require.Contains(t, text, "of these the histories tell nothing: change-without-leader")
	require.Contains(t, text, "distinct states")
	require.Equal(t, r.Distinct, r.New)
	require.Zero(t, sum.Report(sum.States).New)
	require.NotEmpty(t, coverage.Tally{}.Report(coverage.States{}).Lines(), "of nothing too")
}

// Themes whose cells are thin are favoured, those of which little is known too, and the
// order of runs is no matter.
func TestFavour(t *testing.T) {
	run := func(cell coverage.Cell, theme string) coverage.Tally {
		tally := coverage.Sum()
		tally.Runs = 1
		tally.Cells[cell] = coverage.Count{Runs: 1, Times: 1}
		tally.Themes[theme] = coverage.Theme{Runs: 1}
		return tally
	}
	common := coverage.Cell{Kind: "kill", Role: coverage.Leader, Phase: coverage.Steady, Reach: coverage.One}
	rare := coverage.Cell{Kind: "kill", Role: coverage.Voter, Phase: coverage.Election, Reach: coverage.One}
	var runs []coverage.Tally
	for range 40 {
		runs = append(runs, run(common, "usual"))
	}
	for range 4 {
		runs = append(runs, run(rare, "seldom"))
	}
	themes := []string{"usual", "seldom", "never"}
	weights := coverage.Sum(runs...).Favour(themes)
	require.Less(t, weights["usual"], 0.5)
	require.Greater(t, weights["seldom"], 1.5)
	require.Equal(t, weights["seldom"], weights["never"])
	slices.Reverse(runs)
	require.Equal(t, weights, coverage.Sum(coverage.Sum(runs[:7]...), coverage.Sum(runs[7:]...)).Favour(themes))
	require.Equal(t, map[string]float64{"a": 1, "b": 1}, coverage.Tally{}.Favour([]string{"a", "b"}))

	chosen := make([]int, 3)
	stream := rand.New(rand.NewPCG(5, 5))
	for range 6000 {
		chosen[coverage.Choose(weights, [][]string{{"usual"}, {"seldom", "never"}, {"usual", "seldom"}}, stream)]++
	}
	require.InDelta(t, float64(chosen[1])*weights["usual"]/weights["seldom"], chosen[0], 200)
	require.Greater(t, chosen[1], chosen[2])
	require.Greater(t, chosen[2], chosen[0])
}

// What a theme covered adds up whether tallies of its runs are added one by one or in
// groups, and is read back.
func TestThemesAddUp(t *testing.T) {
	one := func() coverage.Tally {
		h := tape.New(history.Run{Traced: true, Themes: []string{"x", "y"}})
		h.Elect("n1", 1, "n2")
		h.Phase(history.PhaseFaults)
		bites(h, "at 1s for 1s isolate n1", "n1")
		tally, err := coverage.Of(h.All(), "a")
		require.NoError(t, err)
		return tally
	}()
	b, err := json.Marshal(one)
	require.NoError(t, err)
	again, err := coverage.Parse(b)
	require.NoError(t, err)
	sum := coverage.Sum(again, coverage.Sum(one), coverage.Sum(coverage.Sum(one, one), again))
	require.Equal(t, text(t, coverage.Sum(one, one, one, one, one)), text(t, sum))
	cell := coverage.Cell{Kind: "isolate", Role: coverage.Leader, Phase: coverage.Steady, Reach: coverage.One}
	idle := coverage.Sum()
	idle.Runs, idle.Themes["z"] = 1, coverage.Theme{Runs: 1}
	b, err = json.Marshal(coverage.Sum(idle, one))
	require.NoError(t, err)
	again, err = coverage.Parse(b)
	require.NoError(t, err)
	require.Empty(t, coverage.Sum(again).Themes["z"].Cells, "it has hit nothing")
	require.Equal(t, coverage.Theme{Runs: 5, Cells: map[coverage.Cell]int{cell: 5}}, sum.Themes["y"])
}
