package reproduce

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

var twoVotes = checker.Breach{Checker: "votes", Rule: "two votes in one term"}

// nowhere is a target that is never started.
type nowhere struct {
	target.Target // never asked how to start, and whether it is ready
}

func (nowhere) Name() string                                  { return "nowhere" }
func (nowhere) Client(target.Member) (workload.Client, error) { return nil, errors.New("nowhere") }
func (nowhere) Protocol() fabric.Protocol                     { return nil }
func (nowhere) Traced() bool                                  { return true }

// finding is a run that carried out the plan as it stands, and broke the rule
// just before the end of the step of that number.
func finding(t *testing.T, plan string, step int) Finding {
	t.Helper()
	p, err := nemesis.Parse("test", plan)
	require.NoError(t, err)
	cfg := engine.Default()
	cfg.Target, cfg.Plan, cfg.For = nowhere{}, &p, 40*time.Second
	cfg.Results = t.TempDir()
	f := Finding{Saved: engine.Saved{Config: cfg}, Breach: twoVotes, Start: time.Second}
	for i, s := range p.Steps {
		resolved := s
		if fault, ok := replaceWord(s.Fault, "leader", "n3"); ok {
			resolved.Fault = fault
		}
		f.Firings = append(f.Firings, engine.Firing{
			Fault: history.Fault{Step: i + 1, What: history.FaultHeal, Text: s.String(), Resolved: resolved.String(), Bit: true},
			Began: s.At, Ended: s.At + s.For, At: uint64(10 * i),
		})
	}
	at := f.Start + p.Steps[step-1].At + p.Steps[step-1].For - time.Millisecond
	f.Violation = checker.Violation{Rule: twoVotes.Rule, Events: []history.Event{{At: at}}}
	f.Dir = fakeRun(t, cfg.Results)
	return f
}

// fakeRun is a run directory with a history of one event.
func fakeRun(t testing.TB, root string) results.Dir {
	dir, err := results.Create(root, "fake", time.Now())
	require.NoError(t, err)
	line, err := json.Marshal(history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1"}}})
	require.NoError(t, err)
	require.NoError(t, dir.WriteText(results.HistoryFile, string(line)))
	return dir
}

// fails makes attempts of which those fail whose configuration is said to.
func fails(t testing.TB, when func(n int, cfg engine.Config) bool) attemptFunc {
	var mu sync.Mutex
	n := 0
	return func(ctx context.Context, cfg engine.Config, b checker.Breach) (Attempt, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		a := Attempt{Dir: fakeRun(t, cfg.Results), Reproduced: when(n, cfg), Proved: 700 * time.Millisecond}
		return a, ctx.Err()
	}
}

func has(cfg engine.Config, words ...string) bool {
	for _, s := range cfg.Plan.Steps {
		found := true
		for _, w := range words {
			found = found && strings.Contains(s.String(), w)
		}
		if found {
			return true
		}
	}
	return false
}

const longPlan = `at 1s for 1s kill one
at 3s for 1s pause leader
at 5s for 1s isolate follower
at 7s for 1s partition leader | rest
at 9s for 1s kill leader
at 11s for 1s delay 80ms * > *
at 13s for 1s pause one
at 15s for 1s isolate leader
at 17s for 1s kill one
at 19s for 1s kill minority`

// A step that goes on with whom the one before hit means them by name once lines are
// taken away.
func TestShrinkingUnlinks(t *testing.T) {
	f := finding(t, "at 1s for 1s kill leader\nat 3s for 1s pause same\nat 5s for 1s kill one", 2)
	f.Firings[1].Resolved = "at 3s for 1s pause n3"
	require.Equal(t, "at 1s  for 1s  kill leader\nat 3s  for 1s  pause n3\nat 5s  for 1s  kill one\n", unlinked(f).String())
	require.Equal(t, "at 3s for 1s pause same", f.Config.Plan.Steps[1].String(), "the plan itself stays as it was")
	f.Firings = f.Firings[:1]
	require.Equal(t, f.Config.Plan.String(), unlinked(f).String(), "it hit nobody")
}

func TestShrink(t *testing.T) {
	for _, c := range []struct {
		name  string
		needs func(cfg engine.Config) bool
		want  string
		nodes int
	}{
		{"by itself", func(engine.Config) bool { return true }, "", 3},
		{"the last fault", func(cfg engine.Config) bool { return has(cfg, "isolate leader") }, "at 100ms for 500ms isolate leader", 3},
		{"one long before", func(cfg engine.Config) bool { return has(cfg, "kill leader") }, "at 100ms for 500ms kill leader", 3},
		{"two apart", func(cfg engine.Config) bool {
			return has(cfg, "pause leader") && has(cfg, "isolate leader") && cfg.Nodes == 5
		},
			"at 100ms for 500ms pause leader; at 12.1s for 500ms isolate leader", 5},
		{"one member", func(cfg engine.Config) bool { return has(cfg, "kill n3") }, "at 100ms for 500ms kill n3", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := finding(t, longPlan, 8)
			shrunk, err := Shrink(t.Context(), f, ShrinkOptions{
				attempt: fails(t, func(_ int, cfg engine.Config) bool { return c.needs(cfg) }),
			})
			require.NoError(t, err)
			require.Equal(t, c.want, oneLine(shrunk.Config.Plan.Steps), shrunk.Table())
			require.Equal(t, c.nodes, shrunk.After.Nodes)
			require.Equal(t, 20, shrunk.Count.Reproduced)
			require.Equal(t, 20, shrunk.Count.Runs)
			require.True(t, shrunk.Measured)
			require.Less(t, shrunk.After.Length, 20*time.Second)

			var r Reproduction
			require.NoError(t, shrunk.Dir.ReadJSON(ReproductionFile, &r))
			require.Equal(t, twoVotes, r.Breach)
			require.Equal(t, 10, r.Before.Faults)
			table, err := os.ReadFile(shrunk.Dir.Path(ShrinkFile))
			require.NoError(t, err)
			require.Contains(t, string(table), "as it was")
			requireOnly(t, f.Config.Results, f.Dir.Name(), shrunk.Dir.Name(), "latest")
		})
	}
}

// requireOnly holds a folder to what it may contain.
func requireOnly(t *testing.T, folder string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, names, got)
}

// What came before any fault, but not always, is looked for among the first ones.
func TestShrinkWhatCameBeforeTheFaults(t *testing.T) {
	f := finding(t, longPlan, 8)
	f.Violation.Events[0].At, f.Firings = f.Start/2, nil
	shrunk, err := Shrink(t.Context(), f, ShrinkOptions{
		attempt: fails(t, func(_ int, cfg engine.Config) bool { return has(cfg, "pause it") || has(cfg, "pause leader") }),
	})
	require.NoError(t, err)
	require.Len(t, shrunk.Config.Plan.Steps, 1)
}

// A candidate that passes by luck is found out by the runs that confirm it, and
// the one before it is taken.
func TestShrinkGoesBack(t *testing.T) {
	f := finding(t, longPlan, 8)
	lucky := 0
	shrunk, err := Shrink(t.Context(), f, ShrinkOptions{
		Parallel: 1,
		attempt: fails(t, func(_ int, cfg engine.Config) bool {
			if cfg.Nodes == 3 {
				lucky++
				return lucky <= 4
			}
			return has(cfg, "isolate leader")
		}),
	})
	require.NoError(t, err)
	require.Equal(t, 5, shrunk.After.Nodes)
	require.Equal(t, 20, shrunk.Count.Reproduced)
}

// What fails only now and then is shrunk too, and its true rate is told.
func TestShrinkSeldom(t *testing.T) {
	f := finding(t, longPlan, 8)
	shrunk, err := Shrink(t.Context(), f, ShrinkOptions{
		Parallel: 1,
		attempt:  fails(t, func(n int, cfg engine.Config) bool { return n%2 == 0 && has(cfg, "isolate") }),
	})
	require.NoError(t, err)
	require.Len(t, shrunk.Config.Plan.Steps, 1)
	require.Equal(t, 10, shrunk.Count.Reproduced)
	require.Equal(t, 20, shrunk.Count.Runs)
}

func TestShrinkWhatNeverFailsAgain(t *testing.T) {
	f := finding(t, longPlan, 8)
	_, err := Shrink(t.Context(), f, ShrinkOptions{attempt: fails(t, func(int, engine.Config) bool { return false })})
	require.ErrorIs(t, err, ErrNotReproduced)
	requireOnly(t, f.Config.Results, f.Dir.Name())
}

// An interrupt keeps the best so far.
func TestShrinkInterrupted(t *testing.T) {
	f := finding(t, longPlan, 8)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	shrunk, err := Shrink(ctx, f, ShrinkOptions{
		attempt: fails(t, func(_ int, cfg engine.Config) bool { return has(cfg, "isolate leader") }),
		Progress: func(s Step) {
			if s.Taken {
				cancel()
			}
		},
	})
	require.NoError(t, err)
	require.Len(t, shrunk.Config.Plan.Steps, 1)
	require.False(t, shrunk.Measured)
	require.DirExists(t, shrunk.Dir.String())
	requireOnly(t, f.Config.Results, f.Dir.Name(), shrunk.Dir.Name(), "latest")
}

// Out of time in the midst of measuring, the fresh runs that there are count.
func TestShrinkOutOfTime(t *testing.T) {
	f := finding(t, longPlan, 8)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	measuring, fresh := false, 0
	shrunk, err := Shrink(ctx, f, ShrinkOptions{
		Parallel: 1,
		attempt: fails(t, func(_ int, cfg engine.Config) bool {
			if measuring {
				if fresh++; fresh == 8 {
					cancel()
				}
			}
			return true
		}),
		Progress: func(s Step) { measuring = s.Size.Nodes == 3 }, // the last that is lowered
	})
	require.NoError(t, err)
	require.DirExists(t, shrunk.Dir.String())
	require.True(t, shrunk.Measured)
	require.Equal(t, 7, shrunk.Count.Runs, "the eighth was cut short")
}

func TestShrinkGivesUpWhereNoRunCanBeMade(t *testing.T) {
	f := finding(t, longPlan, 8)
	broken := errors.New("no port is left")
	_, err := Shrink(t.Context(), f, ShrinkOptions{
		attempt: func(context.Context, engine.Config, checker.Breach) (Attempt, error) { return Attempt{}, broken },
	})
	require.ErrorIs(t, err, broken)
}

// Whatever is made of a step can be written down and read again.
func TestFormsOfStepsAreSteps(t *testing.T) {
	for _, e := range nemesis.Catalog() {
		step, err := nemesis.ParseStep(e.Example)
		require.NoError(t, err)
		for _, s := range append(amplify([]nemesis.Step{step}, 150*time.Millisecond), shift([]nemesis.Step{step}, -3*time.Second)...) {
			again, err := nemesis.ParseStep(s.String())
			require.NoError(t, err, s.String())
			require.Equal(t, s.String(), again.String())
		}
	}
}

func TestMerge(t *testing.T) {
	step := func(text string) nemesis.Step {
		s, err := nemesis.ParseStep(text)
		require.NoError(t, err)
		return s
	}
	a := step("at 1s for 1s kill n1")
	joined, ok := merge(a, step("at 2.2s for 1s kill n1"), 500*time.Millisecond)
	require.True(t, ok)
	require.Equal(t, "at 1s for 2.2s kill n1", joined.String())
	for _, other := range []string{"at 2.2s for 1s kill n2", "at 5s for 1s kill n1", "on leader for 1s kill n1", "at 2.2s kill n1"} {
		_, ok := merge(a, step(other), 500*time.Millisecond)
		require.False(t, ok, other)
	}
}

func TestCountText(t *testing.T) {
	c := Count{Reproduced: 5, Runs: 10, Others: map[checker.Breach]int{{Checker: "logs", Rule: "b"}: 2, {Checker: "logs", Rule: "a"}: 1}}
	require.Equal(t, "5 of 10 (95 % sure: 19 % to 81 %)", c.String())
	require.Equal(t, "1× logs: a; 2× logs: b", c.OtherText())
}

// Another broken rule is counted apart, and a failed attempt not at all.
func TestTrialCounts(t *testing.T) {
	other := checker.Report{Verdict: checker.Invalid, Results: []checker.Result{{
		Checker: "votes", Verdict: checker.Invalid, Violations: []checker.Violation{{Rule: "a vote was forgotten"}}}}}
	n := 0
	count, err := Trial{
		Config: engine.Config{Results: filepath.Join(t.TempDir(), "r")},
		Breach: twoVotes,
		Enough: All(3),
		attempt: func(context.Context, engine.Config, checker.Breach) (Attempt, error) {
			n++
			switch n {
			case 1:
				return Attempt{}, errors.New("the machine was busy")
			case 2:
				return Attempt{Report: other}, nil
			}
			return Attempt{Reproduced: n == 3}, nil
		},
	}.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, count.Reproduced)
	require.Equal(t, 3, count.Runs)
	require.Equal(t, 1, count.Failed)
	require.Equal(t, map[checker.Breach]int{{Checker: "votes", Rule: "a vote was forgotten"}: 1}, count.Others)
}
