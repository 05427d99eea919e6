package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

// beside is how many clusters repeat a run side by side.
const beside = 2

// open finds the run that a flag names, and the run itself if that is a link such as
// latest, which is another's as soon as there is one.
func open(path string) (results.Dir, error) {
	dir, err := results.Open(path)
	if err == nil {
		if path, err = filepath.EvalSymlinks(dir.String()); err == nil {
			dir, err = results.Open(path)
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(path) {
		if here, e := os.Getwd(); e == nil {
			err = fmt.Errorf("%w (seen from the folder of the package, %s)", err, here)
		}
	}
	return dir, err
}

// again is the configuration of the saved run at path, with its plan as it was written.
func (c TestConfig) again(path string) (engine.Config, error) {
	dir, err := open(path)
	if err != nil {
		return engine.Config{}, err
	}
	saved, err := engine.Load(dir)
	if err != nil {
		return engine.Config{}, err
	}
	return c.reopen(saved)
}

// reopen makes a saved run one of this test's system.
func (c TestConfig) reopen(saved engine.Saved) (engine.Config, error) {
	cfg := saved.Config
	cfg.Target, cfg.Own, cfg.Models = c.Config.Target, c.Config.Own, c.Config.Models
	cfg.Progress, cfg.KeepData = c.Config.Progress, false
	if c.System == nil {
		cfg.TargetOptions = c.Config.TargetOptions
	}
	was := cfg.TargetName
	cfg, err := c.complete(cfg, func(*engine.Config) {}) // which it was when it was made
	if cfg.Target != nil && was != "" && was != cfg.Target.Name() {
		return cfg, fmt.Errorf("%s is a run of %q, and this test is about %q: name the test that made it with -run", saved.Dir, was, cfg.Target.Name())
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", saved.Dir, err)
	}
	return cfg, err
}

// finding is the saved run at path, which must have broken a rule, ready to be run
// again.
func (c TestConfig) finding(path string) (reproduce.Finding, error) {
	dir, err := open(path)
	if err != nil {
		return reproduce.Finding{}, err
	}
	found, err := reproduce.Load(dir, "", c.Config.Models...)
	if err != nil {
		return found, err
	}
	found.Config, err = c.reopen(found.Saved)
	return found, err
}

// repeat carries out a saved run again and again, and fails the test if any of the
// runs broke a rule.
func (c TestConfig) repeat(t *testing.T, path string) {
	t.Helper()
	found, err := c.finding(path)
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	times := flagged(flagTimes, 1)
	ctx, stop := testContext(t)
	defer stop()
	var same, other results.Dir // the first run that broke the rule, and another one
	count, err := reproduce.Trial{
		Config:   found.Config,
		Breach:   found.Breach,
		Parallel: min(beside, times),
		Enough:   reproduce.Answered(times),
		Done: func(a reproduce.Attempt, n reproduce.Count) {
			progress(t, "%3d  %5.1fs  %d so far  %s", n.Runs, a.Elapsed.Seconds(), n.Reproduced, a.Outcome())
			switch none := (results.Dir{}); {
			case a.Reproduced && same == none:
				same = a.Dir
			case !a.Reproduced && len(a.Report.Breaches()) > 0 && other == none:
				other = a.Dir
			default:
				os.RemoveAll(a.Dir.String())
			}
		},
	}.Run(ctx)
	text := count.Summary(found.Breach)
	for _, dir := range []results.Dir{other, same} {
		if dir != (results.Dir{}) {
			dir.MakeLatest()
			text += commands(t.Name(), dir, flagShrink)
		}
	}
	switch {
	case count.Reproduced > 0 || len(count.Others) > 0:
		t.Errorf("%s", text)
	case err != nil:
		t.Fatalf("chaos test: %v\n%s", err, text)
	default:
		t.Logf("%s", text)
	}
}

// shrink reduces a saved run, and fails the test, whose system is broken, with what it
// has come to.
func (c TestConfig) shrink(t *testing.T, path string) {
	t.Helper()
	found, err := c.finding(path)
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	budget, err := timeToShrink(t)
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	ctx, stop := testContext(t)
	defer stop()
	progress(t, "%s\nfrom %s", found.Breach, found.Size())
	shrunk, err := reproduce.Shrink(ctx, found, reproduce.ShrinkOptions{
		Budget:   budget,
		Parallel: beside,
		Progress: func(s reproduce.Step) { progress(t, "%s", s) },
	})
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	t.Errorf("%s%s", shrunk, commands(t.Name(), shrunk.Dir, flagTimes, flagKeep))
}

// timeToShrink is the budget that was asked for, or what -timeout leaves of the usual
// one.
func timeToShrink(t *testing.T) (time.Duration, error) {
	budget := flagged(flagBudget, shrinkBudget)
	deadline, ok := t.Deadline()
	if !ok {
		return budget, nil
	}
	left := time.Until(deadline) - 2*windDown
	switch {
	case left >= budget:
		return budget, nil
	case given(flagBudget) || left < windDown:
		return 0, fmt.Errorf("-timeout ends the tests in %s, too soon to shrink for %s: use -timeout %s or more, 0 for none",
			time.Until(deadline).Round(time.Second), budget, budget+2*windDown+time.Minute)
	}
	return left.Round(time.Second), nil
}

// keep makes a saved run a regression test.
func (c TestConfig) keep(t *testing.T, path string) {
	t.Helper()
	dir, err := open(path)
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	if _, err := c.again(path); err != nil { // what cannot be run again is no test
		t.Fatalf("chaos test: %v", err)
	}
	kept, expected, err := reproduce.Keep(dir, flagged(flagCorpus, ""), flagged(flagName, ""), c.Config.Models...)
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	t.Logf("kept as %s: %s\n%s", kept, expected.Shows, prospects(expected))
}

// prospects says what Corpus will do with a kept run.
func prospects(e reproduce.Expected) string {
	if e.Sure() {
		return "harness.Corpus judges its history again, and carries out its plan"
	}
	return "harness.Corpus judges its history again; its plan it carries out only if that was measured to fail nearly always, as -chaos.shrink measures"
}

// progress tells of what takes time, a line at once, to those who watch: with -v.
func progress(t *testing.T, format string, args ...any) {
	if testing.Verbose() {
		fmt.Fprintf(t.Output(), format+"\n", args...) // no line of this file before it
	}
}
