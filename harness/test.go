package harness

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// TestConfig says what a chaos test runs.
type TestConfig struct {
	// Config is that of the run; start from Default. The flags override it.
	Config Config
	// System sets cfg's Target, and TargetOptions if there are any, to the system
	// that the test is about, once everything else in cfg is settled. name is the
	// value of -chaos.target, "" if it is not given. Nil keeps Config's Target.
	System func(name string, cfg *Config) error
	// SkipUnknown skips a test whose run came to no verdict, with the reason,
	// instead of failing it: for machines that are too busy to judge timing on.
	SkipUnknown bool
}

// The flags of a test binary, see Flags.
const (
	flagFor     = "chaos.for"
	flagSeed    = "chaos.seed"
	flagPlan    = "chaos.plan"
	flagTarget  = "chaos.target"
	flagResults = "chaos.results"
	flagReplay  = "chaos.replay"
)

// Flags defines the flags that Test obeys, usually in flag.CommandLine. It is
// called once in a package with chaos tests, for which one line will do:
//
//	var _ = harness.Flags(flag.CommandLine)
//
// The go command hands a flag to every package that it tests, and those without
// it refuse it: name the package, as in
//
//	go test ./chaos -run Chaos -chaos.for=2h -chaos.seed=7 -timeout 0
func Flags(fs *flag.FlagSet) *flag.FlagSet {
	fs.Duration(flagFor, 0, "chaos tests: how long to attack")
	fs.Uint64(flagSeed, 0, "chaos tests: seed of plan and clients")
	fs.String(flagPlan, "", "chaos tests: a plan file, none or random")
	fs.String(flagTarget, "", "chaos tests: the system under test, as the test names it")
	fs.String(flagResults, "", "chaos tests: where run directories go")
	fs.String(flagReplay, "", "chaos tests: a run directory, whose configuration and plan to carry out again")
	return fs
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
// that repeats it. The run directory of a valid run is removed. One that is to be below
// t.TempDir() would be gone before anybody could look: it goes where those go for which
// nothing was said, usurper-chaos in the directory for temporary files.
//
// It obeys -short, which gives a few seconds, and the flags of Flags, if they are
// defined. When the test's context ends, at Ctrl-C and shortly before -timeout,
// the run winds down: it heals, reaps and reports, and the test fails as the run
// has no verdict. Tests may run in parallel: each has a cluster of its own.
func Test(t *testing.T, cfg TestConfig) {
	t.Helper()
	cfg.Config.Results = lasting(t, cfg.Config.Results)
	run, err := cfg.resolve()
	if err != nil {
		t.Fatalf("chaos test: %v", err)
	}
	if deadline, ok := t.Deadline(); ok && time.Until(deadline) < windDown+time.Second {
		t.Fatalf("chaos test: -timeout ends the tests in %s, which is too soon to begin: a run attacks for %s and needs %s to wind down: use -timeout %s or more for each such test, 0 for none",
			time.Until(deadline).Round(time.Second), run.For, windDown, (run.For + 2*windDown).Round(time.Second))
	}
	ctx, stop := testContext(t)
	defer stop()
	result, err := Run(ctx, run)
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
		os.RemoveAll(result.Dir.String())
	case checker.Invalid:
		t.Errorf("%s", failure(t.Name(), result))
	default:
		text := report.String() + again(t.Name(), result)
		if cfg.SkipUnknown && !result.Interrupted {
			t.Skip(text)
		}
		t.Error(text)
	}
}

// testContext ends with the test's, at an interrupt, and in time before -timeout.
func testContext(t *testing.T) (context.Context, func()) {
	ctx, unnotify := signal.NotifyContext(t.Context(), os.Interrupt, syscall.SIGTERM)
	deadline, ok := t.Deadline()
	if !ok {
		return ctx, unnotify
	}
	ctx, cancel := context.WithDeadlineCause(ctx, deadline.Add(-windDown),
		errors.New("-timeout is near: give it a longer one, or 0 for none"))
	return ctx, func() { cancel(); unnotify() }
}

// resolve is the configuration once flags have had their say.
func (c TestConfig) resolve() (Config, error) {
	cfg := c.Config
	if cfg.Results == "" || cfg.Results == Default().Results {
		cfg.Results = chaosResults()
	}
	cfg.FailFast = true
	if path := flagged(flagReplay, ""); path != "" {
		if err := replayed(&cfg, path); err != nil {
			return cfg, err
		}
	} else if err := planned(&cfg); err != nil {
		return cfg, err
	}
	if testing.Short() {
		cfg.For = min(cfg.For, shortFor)
	}
	cfg.Results = flagged(flagResults, cfg.Results)
	cfg.Command = os.Args
	if c.System != nil {
		if err := c.System(flagged(flagTarget, ""), &cfg); err != nil {
			return cfg, err
		}
	}
	return cfg, cfg.Validate()
}

// planned sets what the flags say of the attack.
func planned(cfg *Config) error {
	cfg.For = flagged(flagFor, cfg.For)
	cfg.Seed = flagged(flagSeed, cfg.Seed)
	switch name := flagged(flagPlan, ""); name {
	case "":
	case RandomPlan:
		cfg.Plan, cfg.PlanName = nil, RandomPlan
	case "none":
		cfg.Plan, cfg.PlanName = &nemesis.Plan{}, name
	default:
		plan, err := loadPlan(name, *cfg, cfg.Setting())
		if err != nil {
			return err
		}
		cfg.Plan, cfg.PlanName = &plan, name
		if flagged(flagFor, time.Duration(0)) == 0 {
			cfg.For = max(shortFor, plan.End()+time.Second)
		}
	}
	return nil
}

// replayed sets everything but the system as in a saved run, and its plan as it
// was written.
func replayed(cfg *Config, path string) error {
	dir, err := results.Open(path)
	if err != nil {
		return err
	}
	saved, err := Load(dir)
	if err != nil {
		return err
	}
	own := *cfg
	*cfg = saved.Config
	cfg.Target, cfg.TargetOptions = own.Target, own.TargetOptions
	cfg.Own, cfg.Models = own.Own, own.Models
	cfg.Results, cfg.Progress, cfg.FailFast = own.Results, own.Progress, own.FailFast
	return nil
}

// flagged returns the value of a flag, or other if it is not defined or has its
// zero value.
func flagged[T comparable](name string, other T) T {
	f := flag.Lookup(name)
	if f == nil {
		return other
	}
	getter, ok := f.Value.(flag.Getter)
	if !ok {
		return other
	}
	var zero T
	if value, ok := getter.Get().(T); ok && value != zero {
		return value
	}
	return other
}

// failure is what a test prints about an invalid run.
func failure(test string, result Result) string {
	text, err := Explain(result.Dir, &result.Report, "")
	if err != nil {
		text = fmt.Sprintf("%s(no story: %v)\n", result.Report, err)
	}
	return text + again(test, result)
}

// again says where the run is and how to repeat it.
func again(test string, result Result) string {
	dir, err := filepath.Abs(result.Dir.String())
	if err != nil {
		dir = result.Dir.String()
	}
	command := fmt.Sprintf("go test %s -run '%s' -count 1", testPackage(), strings.ReplaceAll(pattern(test), "'", `'\''`))
	if flag.Lookup(flagReplay) != nil {
		command += " -" + flagReplay + "=" + results.Quote(dir)
	}
	if name := flagged(flagTarget, ""); name != "" {
		command += " -" + flagTarget + "=" + results.Quote(name)
	}
	return fmt.Sprintf("run directory: %s\nagain: %s\n", dir, command)
}

// pattern matches the one test, subtest by subtest.
func pattern(test string) string {
	return "^" + strings.ReplaceAll(regexp.QuoteMeta(test), "/", "$/^") + "$"
}

// testPackage is the import path of the package under test.
func testPackage() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if path, ok := strings.CutSuffix(info.Path, ".test"); ok {
			return strings.TrimSuffix(path, "_test")
		}
	}
	return "."
}
