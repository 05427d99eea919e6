package chaostest

import "flag"

// The flags of a test binary, see Flags.
const (
	flagFor     = "chaos.for"
	flagSeed    = "chaos.seed"
	flagPlan    = "chaos.plan"
	flagTheme   = "chaos.theme"
	flagTarget  = "chaos.target"
	flagResults = "chaos.results"
	flagReplay  = "chaos.replay"
)

// Flags defines the flags that Test obeys, usually in flag.CommandLine. It is
// called once in a package with chaos tests, for which one line will do:
//
//	var _ = chaostest.Flags(flag.CommandLine)
//
// The go command hands a flag to every package that it tests, and those without
// it refuse it: name the package, as in
//
//	go test ./chaos -run Chaos -chaos.for=2h -chaos.seed=7 -timeout 0
func Flags(fs *flag.FlagSet) *flag.FlagSet {
	fs.Duration(flagFor, 0, "chaos tests: how long to attack")
	fs.Uint64(flagSeed, 0, "chaos tests: seed of plan and clients")
	fs.String(flagPlan, "", "chaos tests: a plan file, none or random")
	fs.String(flagTheme, "", "chaos tests: what a random plan is about, a list with commas")
	fs.String(flagTarget, "", "chaos tests: the system under test, as the test names it")
	fs.String(flagResults, "", "chaos tests: where run directories go")
	fs.String(flagReplay, "", "chaos tests: a run directory, whose configuration and plan to carry out again")
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
