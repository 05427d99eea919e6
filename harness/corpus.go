package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

const (
	// cleanRuns is how many valid runs of a plan show that what it broke is mended: a
	// plan that breaks a rule in 80 % of its runs passes three in less than 1 %.
	cleanRuns = 3
	// caughtIn is in how many runs, at least, a plan that breaks a rule nearly always is
	// to break it once.
	caughtIn = 6
	// patience is how long a plan is tried beyond that: a busy machine decides less,
	// and shifts what plans aim at.
	patience = 2 * time.Minute
)

// Corpus holds a system to what its runs below dir once showed: the regression tests
// of its failures, green as long as those are mended. In a subtest for each kept run
// (-chaos.keep, usurper keep)
//
//   - the kept history is judged again: verdict and broken rule must be those of then;
//   - if the plan was measured to break its rule nearly always (-chaos.shrink measures),
//     it is carried out on the test's system, as it is now, until three runs are valid.
//     One that breaks a rule, this or another, fails the test with its story.
//
// The plan and all that it needs but the system (Target or System, Own, Models) come
// from the kept run. A run that was kept before its failure is mended is red until then.
// With -short histories are judged and nothing is run; where the machine, or the user, has
// no such disks as the run was made on, a subtest is skipped, with the reason, once its
// history was judged. A folder without kept runs is an
// error, since it would hold nobody to anything. The subtests run in parallel.
func Corpus(t *testing.T, dir string, cfg TestConfig) {
	t.Helper()
	cfg.corpus(t, dir, TestConfig.staysMended)
}

// Catches is Corpus the other way around, for a system that is broken on purpose, as
// mutants are that show what a chaos test is worth: the same histories and plans, but
// a plan must break its rule again in one of a few runs. System chooses the system by the options
// that the run was saved with.
func Catches(t *testing.T, dir string, cfg TestConfig) {
	t.Helper()
	cfg.corpus(t, dir, TestConfig.catches)
}

// corpus judges each kept run again, and hands those on whose plan can be counted on.
func (c TestConfig) corpus(t *testing.T, root string, carryOut func(TestConfig, *testing.T, engine.Config, reproduce.Expected)) {
	t.Helper()
	c.Config.Results = lasting(t, c.Config.Results)
	kept, err := keptBelow(root)
	if err != nil {
		t.Fatalf("corpus: %v", err)
	}
	for _, dir := range kept {
		t.Run(dir.Name(), func(t *testing.T) {
			t.Helper()
			t.Parallel()
			want, err := reproduce.ReadExpected(dir)
			if err != nil {
				t.Fatalf("corpus: %v", err)
			}
			report, err := engine.CheckFile(dir.History(), c.Config.Models...)
			if err == nil {
				err = want.Agrees(&report)
			}
			switch {
			case err != nil:
				t.Fatalf("corpus: %s: %v", dir, err)
			case !want.Sure():
				progress(t, "its history alone is judged: its plan was not measured to break its rule nearly always")
				return
			case testing.Short():
				return
			}
			run, err := c.again(dir.String())
			if lacks := disk.Available(run.Disk, run.DiskEngine); run.Disk != "" && lacks != nil {
				t.Skipf("corpus: its history alone is judged: %v", lacks)
			}
			if err != nil {
				t.Fatalf("corpus: %v", err)
			}
			carryOut(c, t, run, want)
		})
	}
}

// keptBelow lists the kept runs below root: every folder in it is to be one.
func keptBelow(root string) ([]results.Dir, error) {
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var kept []results.Dir
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		dir, err := results.Open(filepath.Join(root, e.Name()))
		if err != nil {
			return nil, err
		}
		kept = append(kept, dir)
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("no run is kept below %s: keep one with -chaos.keep=RUN", root)
	}
	return kept, nil
}

// staysMended carries out a plan until enough runs were valid.
func (c TestConfig) staysMended(t *testing.T, run engine.Config, want reproduce.Expected) {
	t.Helper()
	ctx, stop := testContext(t)
	defer stop()
	valid, end := 0, time.Now().Add(patience)
	var broken, undecided reproduce.Attempt
	_, err := reproduce.Trial{
		Config: run,
		Breach: want.Breach,
		Enough: func(n reproduce.Count) bool {
			return valid >= cleanRuns || broken.Report.Verdict != "" || n.Runs >= cleanRuns && time.Now().After(end)
		},
		Done: func(a reproduce.Attempt, _ reproduce.Count) {
			switch a.Report.Verdict {
			case checker.Invalid:
				broken = a
				return
			case checker.Valid:
				valid++
			default:
				undecided = a
			}
			os.RemoveAll(a.Dir.String())
		},
	}.Run(ctx)
	again := "again: " + goTest(t.Name())
	switch {
	case broken.Report.Verdict != "":
		t.Errorf("%srun directory: %s\n%s\n", story(broken.Dir, &broken.Report), broken.Dir, again)
	case err != nil:
		t.Fatalf("corpus: %v\n%s", err, again)
	case valid < cleanRuns:
		text := fmt.Sprintf("%d of %d runs were valid in %s, and the others without a verdict; the last one:\n%s%s", valid, cleanRuns, patience, undecided.Report.String(), again)
		if c.SkipUnknown {
			t.Skip(text)
		}
		t.Error(text)
	}
}

// catches carries out a plan until it has broken its rule once.
func (c TestConfig) catches(t *testing.T, run engine.Config, want reproduce.Expected) {
	t.Helper()
	ctx, stop := testContext(t)
	defer stop()
	end := time.Now().Add(patience)
	count, err := reproduce.Trial{
		Config: run,
		Breach: want.Breach,
		Enough: func(n reproduce.Count) bool {
			return reproduce.Found(n) || n.Runs >= caughtIn && time.Now().After(end)
		},
	}.Run(ctx)
	switch {
	case count.Reproduced > 0:
	case err != nil:
		t.Fatalf("corpus: %v\nagain: %s", err, goTest(t.Name()))
	default:
		t.Errorf("%s came in none of %d runs, but %d of %d when it was kept; otherwise broken: %s\nagain: %s",
			want.Breach, count.Runs, want.Reproduced, want.Runs, count.OtherText(), goTest(t.Name()))
	}
}
