package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// What a run writes down is what it takes to make it again.
func TestLoadSaved(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.TargetOptions = map[string]string{"Bug": "none", "Binary": binary}
	cfg.Command = []string{"usurper", "run", "--seed", "1"}
	var err error
	cfg.Plan, err = plan("at 100ms for 200ms isolate one\non leader from 200ms for 100ms pause it")
	require.NoError(t, err)
	result := carriedOut(t, cfg)

	saved, err := engine.Load(result.Dir)
	require.NoError(t, err)
	require.Equal(t, "reference", saved.Config.TargetName)
	require.JSONEq(t, `{"Bug": "none", "Binary": "`+binary+`"}`, string(saved.TargetOptions))
	require.Equal(t, cfg.Plan.String(), saved.Config.Plan.String())
	require.Equal(t, 10*time.Second, saved.Config.Settle, "derived")
	require.Equal(t, cfg.Command, saved.Config.Command)
	require.Equal(t, binary, saved.Build.System)
	require.Len(t, saved.Build.SystemSHA256, 64)
	again := saved.Config
	again.Target, again.TargetOptions, again.Plan = cfg.Target, cfg.TargetOptions, cfg.Plan
	again.Settle, again.TargetName = cfg.Settle, cfg.TargetName
	require.Equal(t, cfg, again)

	text, err := os.ReadFile(result.Dir.Path(results.ExecutedFile))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^# step 1: at 100ms for 200ms isolate one\n#   in force at \d+ms, healed at `, string(text))
	require.Regexp(t, `(?m)^at \d+ms +for 200ms +isolate n[123]$`, string(text))
	executed, err := plan(string(text))
	require.NoError(t, err)
	firings, err := engine.ReadFirings(result.Dir)
	require.NoError(t, err)
	fromHistory, err := engine.Executed(firings)
	require.NoError(t, err)
	require.Equal(t, fromHistory.String(), executed.String(), "the file says what the history does")
}

func saved(t *testing.T, config, plan string) results.Dir {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(path, 0o755))
	begin, err := json.Marshal(history.Event{Run: &history.Run{What: history.RunBegin, Format: 1}})
	require.NoError(t, err)
	for name, text := range map[string]string{results.ConfigFile: config, results.PlanFile: plan, results.HistoryFile: string(begin)} {
		if text != "" {
			require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte(text), 0o644))
		}
	}
	dir, err := results.Open(path)
	require.NoError(t, err)
	return dir
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, config, plan, want string }{
		{"newer", `{"format": 99, "nodes": {}}`, "", "format 99, this usurper reads up to 1: use a newer usurper"},
		{"no configuration", "", "", "has no config.json"},
		{"garbled", "{", "", "config.json"},
		{"no plan", `{"format": 1, "nodes": 3}`, "", "plan.txt"},
		{"a stranger", `{"format": 1, "nodes": 3}`, "# a comment\nat 1s for 1s kill n5", `plan.txt:2: unknown member "n5": the members are n1, n2, n3`},
		{"no nodes", `{"format": 1}`, "at 1s for 1s kill n5", "0 nodes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := engine.Load(saved(t, c.config, c.plan))
			require.ErrorContains(t, err, c.want)
		})
	}
	old, err := engine.Load(saved(t, `{"nodes": 3, "seed": 7}`, "at 1s for 1s kill n3"))
	require.NoError(t, err, "runs of older versions are read")
	require.Equal(t, uint64(7), old.Config.Seed)
	require.Len(t, old.Config.Plan.Steps, 1)
}

// Random plans of older versions do not say that nobody wrote them. They may name whom
// a cluster of one lacks.
func TestLoadOldRandomPlans(t *testing.T) {
	t.Parallel()
	const steps = "at 1s for 1s kill leader\nat 3s for 1s pause follower\n"
	old, err := engine.Load(saved(t, `{"nodes": 1, "plan": "random"}`, steps))
	require.NoError(t, err)
	require.True(t, old.Config.Plan.Generated)
	require.Equal(t, 2, old.Config.Plan.Steps[1].Line)
	_, err = engine.Load(saved(t, `{"nodes": 1, "plan": "random"}`, steps+"at 5s for 1s kill n2"))
	require.ErrorContains(t, err, `plan.txt:3: unknown member "n2"`)
	_, err = engine.Load(saved(t, `{"nodes": 1, "plan": "mine.txt"}`, steps))
	require.ErrorContains(t, err, "plan.txt:2: among n1 it can hit nobody")
}

func TestFirings(t *testing.T) {
	t.Parallel()
	at := func(ms int, e history.Event) *history.Event {
		e.At = time.Duration(ms) * time.Millisecond
		return &e
	}
	fault := func(step int, what history.FaultWhat, resolved string) history.Event {
		return history.Event{Fault: &history.Fault{Step: step, What: what, Text: "step", Resolved: resolved, Bit: what == history.FaultHeal}}
	}
	events := func(yield func(*history.Event, error) bool) {
		for _, e := range []*history.Event{
			at(1000, history.Event{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseFaults}}),
			at(1500, fault(2, history.FaultInject, "at 500ms for 200ms kill n1")),
			at(1600, fault(1, history.FaultInject, "at 600ms for 1s isolate n2")),
			at(1700, fault(2, history.FaultHeal, "at 500ms for 200ms kill n1")),
			at(1900, fault(2, history.FaultInject, "at 900ms for 200ms kill n3")),
			at(1950, fault(3, history.FaultNoTarget, "")),
		} {
			if !yield(e, nil) {
				return
			}
		}
	}
	firings, err := engine.Firings(events)
	require.NoError(t, err)
	require.Len(t, firings, 4)
	require.Equal(t, 200*time.Millisecond, firings[0].Ended-firings[0].Began)
	require.Equal(t, history.FaultInject, firings[1].What, "its end is not known")
	require.False(t, firings[3].Fired())
	plan, err := engine.Executed(firings)
	require.NoError(t, err)
	require.True(t, plan.Generated)
	plan.Generated = false
	require.Equal(t, "at 500ms        for 200ms  kill n1\nmaybe at 600ms  for 1s     isolate n2\nmaybe at 900ms  for 200ms  kill n3\n", plan.String())
}
