package harness

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"
)

// The flags of a test binary, see Flags.
const (
	flagFor     = "chaos.for"
	flagSeed    = "chaos.seed"
	flagPlan    = "chaos.plan"
	flagTheme   = "chaos.theme"
	flagTarget  = "chaos.target"
	flagDisk    = "chaos.disk"
	flagResults = "chaos.results"
	flagLogs    = "chaos.keep-logs"
	flagReplay  = "chaos.replay"
	flagTimes   = "chaos.times"
	flagShrink  = "chaos.shrink"
	flagBudget  = "chaos.budget"
	flagKeep    = "chaos.keep"
	flagName    = "chaos.name"
	flagCorpus  = "chaos.corpus"
)

// shrinkBudget is how long -chaos.shrink may take unless told, if -timeout allows it.
const shrinkBudget = 10 * time.Minute

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
	fs.String(flagPlan, "", "chaos tests: random, kills, none, the name of a scenario, or a plan file")
	fs.String(flagTheme, "", "chaos tests: what a random plan is about, a list with commas")
	fs.String(flagTarget, "", "chaos tests: the system under test, as the test names it")
	fs.String(flagDisk, "", "chaos tests: what the members' data lies on: plain, ext4, xfs, btrfs or fuse")
	fs.String(flagResults, "", "chaos tests: where run directories go, also those of valid runs")
	fs.Bool(flagLogs, false, "chaos tests: keep the run directory of a valid run, with the members' logs and traces")
	fs.String(flagReplay, "", "chaos tests: a run directory, whose configuration and plan to carry out again")
	fs.Int(flagTimes, 1, "chaos tests: with -chaos.replay, count in so many runs, at most, how often the run's rule is broken again")
	fs.String(flagShrink, "", "chaos tests: a run directory that broke a rule, to reduce to the few faults that it needs")
	fs.Duration(flagBudget, shrinkBudget, "chaos tests: with -chaos.shrink, how long to look and measure")
	fs.String(flagKeep, "", "chaos tests: a run directory to make a regression test, see Corpus")
	fs.String(flagName, "", "chaos tests: with -chaos.keep, the run's name there (default: what it shows)")
	fs.String(flagCorpus, filepath.Join("testdata", "chaos"), "chaos tests: with -chaos.keep, the directory of kept runs")
	return fs
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

// given tells whether the command line has a flag.
func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// deed is what the command line wants done with a saved run: the flag that names it,
// "" if a run of the test's own is wanted, and its directory.
func deed() (what, dir string, err error) {
	for _, name := range []string{flagReplay, flagShrink, flagKeep} {
		if !given(name) {
			continue
		}
		if what != "" {
			return "", "", fmt.Errorf("-%s and -%s: give one of them", what, name)
		}
		if what, dir = name, flagged(name, ""); dir == "" {
			return "", "", fmt.Errorf("-%s: name a run directory, such as the one that a failure prints", name)
		}
	}
	for of, flags := range map[string][]string{flagReplay: {flagTimes}, flagShrink: {flagBudget}, flagKeep: {flagName, flagCorpus}} {
		for _, name := range flags {
			if given(name) && what != of {
				return "", "", fmt.Errorf("-%s goes with -%s, which is not given", name, of)
			}
		}
	}
	for _, name := range []string{flagFor, flagSeed, flagPlan, flagTheme} {
		if given(name) && what != "" {
			return "", "", fmt.Errorf("-%s takes the plan, its length and the seed from the run: leave out -%s", what, name)
		}
	}
	switch {
	case given(flagTimes) && flagged(flagTimes, 0) < 1:
		return "", "", errors.New("-chaos.times: use at least 1")
	case given(flagBudget) && flagged(flagBudget, time.Duration(0)) <= 0:
		return "", "", errors.New("-chaos.budget: use a positive duration such as 3m")
	case given(flagCorpus) && flagged(flagCorpus, "") == "":
		return "", "", errors.New("-chaos.corpus: name a directory such as testdata/chaos")
	}
	return what, dir, nil
}
