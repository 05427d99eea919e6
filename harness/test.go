// Package harness is the door for go test: a chaos test is a call of [Test] with
// the system under test and what else a run needs. [Flags] defines what the command
// line of go test may say of it. What failed once stays a test: [Corpus].
package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/nemesis"
)

// TestConfig says what a chaos test runs.
type TestConfig struct {
	// Config is that of the run; start from Default, of which the target decides what is
	// left as it was, see Suit. The flags override it.
	Config engine.Config
	// System sets cfg's Target, and TargetOptions if there are any, to the system
	// that the test is about, once everything else in cfg is settled. name is the
	// value of -chaos.target, "" if it is not given. Nil keeps Config's Target. Of a
	// saved run that is carried out again cfg is the configuration, and TargetOptions
	// those that it was saved with, as json.RawMessage.
	System func(name string, cfg *engine.Config) error
	// SkipUnknown skips a test whose run came to no verdict, with the reason,
	// instead of failing it: for machines that are too busy to judge timing on.
	SkipUnknown bool
}

const (
	// shortFor is how long -short attacks at most.
	shortFor = 3 * time.Second
	// windDown is what a run gets, before -timeout ends the process, to heal, to
	// read finally, to reap and to report.
	windDown = 20 * time.Second
)

// Test runs cfg as a test and fails it unless the verdict is valid. A failure
// prints the story of the first broken rule, the run directory and the command
// that repeats it. With -v it tells how the run goes, every ten seconds, and prints the
// report of a valid one.
//
// Run directories go where -chaos.results says, with -artifacts to t.ArtifactDir(), else
// where Config does, or to usurper-UID in the directory for temporary files, as does one
// that is to be below t.TempDir(), since it would be gone before anybody could look. That
// of a valid run is kept with -chaos.results, -artifacts or -chaos.keep-logs, and else
// removed; only the last, and Config.KeepLogs, keep the members' logs in it.
//
// It obeys -short, which gives a few seconds, and the flags of Flags, if they are
// defined. When the test's context ends, at Ctrl-C and shortly before -timeout,
// the run winds down: it heals, reaps and reports, and the test fails as the run
// has no verdict. Tests may run in parallel: each has a cluster of its own.
//
// With -chaos.replay, -chaos.shrink or -chaos.keep it carries out a saved run of the
// same system again, reduces it, or makes it a regression test for [Corpus]. A replay
// and a shrink fail the test if the rule is broken again, as the system is then broken.
func Test(t *testing.T, cfg TestConfig) {
	t.Helper()
	cfg.Config.Results = lasting(t, cfg.Config.Results)
	if artifacts() {
		cfg.Config.Results = t.ArtifactDir()
	}
	what, path, err := deed()
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	var run engine.Config
	switch {
	case what == flagShrink:
		cfg.shrink(t, path)
		return
	case what == flagKeep:
		cfg.keep(t, path)
		return
	case what == flagReplay && given(flagTimes):
		cfg.repeat(t, path)
		return
	case what == flagReplay:
		run, err = cfg.again(path)
	default:
		run, err = cfg.resolve()
	}
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	cfg.run(t, run)
}

// run makes one run and fails the test unless it is valid.
func (c TestConfig) run(t *testing.T, run engine.Config) {
	t.Helper()
	if deadline, ok := t.Deadline(); ok && time.Until(deadline) < windDown+time.Second {
		t.Fatalf("chaos test: -timeout ends the tests in %s, which is too soon to begin: a run attacks for %s and needs %s to wind down: use -timeout %s or more for each such test, 0 for none",
			time.Until(deadline).Round(time.Second), run.For, windDown, (run.For + 2*windDown).Round(time.Second))
	}
	ctx, stop := testContext(t)
	defer stop()
	if testing.Verbose() && run.Progress == nil {
		run.Progress = (&telling{say: t.Logf}).update
	}
	result, err := engine.Run(ctx, run)
	for _, left := range result.Left {
		t.Logf("left behind: %s", left)
	}
	report := &result.Report
	switch {
	case err != nil && report.Verdict == "":
		t.Fatalf("chaos test: %v", err)
	case err != nil:
		t.Errorf("chaos test: %v", err)
	}
	switch report.Verdict {
	case checker.Valid:
		c.valid(t, result)
	case checker.Invalid:
		t.Errorf("%s", failure(t.Name(), result))
	default:
		text := report.String() + commands(t.Name(), result.Dir, flagReplay)
		if c.SkipUnknown && !result.Interrupted {
			t.Skip(text)
		}
		t.Error(text)
	}
}

// valid says with -v what a valid run has shown, and removes its directory unless
// somebody asked for a place for it.
func (c TestConfig) valid(t *testing.T, result engine.Result) {
	t.Helper()
	text := result.Report.String()
	if flagged(flagResults, "") != "" || artifacts() || flagged(flagLogs, false) {
		text += fmt.Sprintf("run directory: %s\n", result.Dir)
	} else {
		os.RemoveAll(result.Dir.String())
	}
	if testing.Verbose() {
		t.Log(text)
	}
}

// testContext ends with the test's, at an interrupt, and in time before -timeout.
func testContext(t *testing.T) (context.Context, func()) {
	ctx, unnotify := engine.UntilInterrupt(t.Context())
	deadline, ok := t.Deadline()
	if !ok {
		return ctx, unnotify
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline.Add(-windDown),
		errors.New("-timeout is near: give it a longer one, or 0 for none"))
	return ctx, func() { cancel(); unnotify() }
}

// resolve is the configuration of a run of the test's own once flags have had their
// say.
func (c TestConfig) resolve() (engine.Config, error) {
	cfg := c.Config
	if err := planned(&cfg); err != nil {
		return cfg, err
	}
	if testing.Short() {
		cfg.For = min(cfg.For, shortFor)
	}
	return c.complete(cfg, func(cfg *engine.Config) {
		cfg.SuitUnless(func(flag string) bool { return flag == "plan" && given(flagPlan) })
	})
}

// complete gives cfg what holds of every run of the test, a saved one's too, and at
// last the system, to which suit suits it.
func (c TestConfig) complete(cfg engine.Config, suit func(*engine.Config)) (engine.Config, error) {
	if cfg.Results = c.Config.Results; cfg.Results == "" || cfg.Results == engine.Default().Results {
		cfg.Results = chaosResults()
	}
	cfg.Results = flagged(flagResults, cfg.Results)
	cfg.Disk = disk.Kind(flagged(flagDisk, string(cfg.Disk)))
	cfg.FailFast, cfg.Command = true, os.Args
	cfg.KeepLogs = flagged(flagLogs, c.Config.KeepLogs)
	if c.System != nil {
		if err := c.System(flagged(flagTarget, ""), &cfg); err != nil {
			return cfg, err
		}
	}
	if cfg.Target != nil {
		suit(&cfg)
	}
	return cfg, cfg.Validate()
}

// planned sets what the flags say of the attack.
func planned(cfg *engine.Config) error {
	cfg.Disk = disk.Kind(flagged(flagDisk, string(cfg.Disk))) // which says what a plan may do
	cfg.For = flagged(flagFor, cfg.For)
	cfg.Seed = flagged(flagSeed, cfg.Seed)
	switch name := flagged(flagPlan, ""); name {
	case "":
	case engine.RandomPlan:
		cfg.Plan, cfg.PlanName = nil, engine.RandomPlan
	case "none":
		cfg.Plan, cfg.PlanName = &nemesis.Plan{}, name
	case engine.KillsPlan:
		plan := engine.Kills(*cfg)
		cfg.Plan, cfg.PlanName = &plan, name
	default:
		if s, ok := scenario.Named(name); ok {
			s.Apply(cfg)
			cfg.PlanName = name
			cfg.For = flagged(flagFor, cfg.For)
			break
		}
		plan, err := engine.LoadPlan(name, *cfg)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("no plan %q: use random, kills, none, one of %s, or the path of a plan file: %w", name, strings.Join(scenario.Names(), ", "), err)
		}
		if err != nil {
			return err
		}
		cfg.Plan, cfg.PlanName = &plan, name
		if flagged(flagFor, time.Duration(0)) == 0 {
			end := max(shortFor, plan.End()+time.Second)
			if plan.Endless() {
				end = max(cfg.For, end)
			}
			cfg.For = end
		}
	}
	if themes := flagged(flagTheme, ""); themes != "" {
		if cfg.Plan != nil {
			return fmt.Errorf("-%s is for random plans: add -%s=%s", flagTheme, flagPlan, engine.RandomPlan)
		}
		cfg.Themes = strings.Split(themes, ",")
	}
	return nil
}
