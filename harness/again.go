package harness

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
)

// failure is what a test prints about an invalid run.
func failure(test string, result engine.Result) string {
	return story(result.Dir, &result.Report) + commands(test, result.Dir, flagReplay, flagShrink)
}

// story is that of the first broken rule.
func story(dir results.Dir, report *checker.Report) string {
	text, err := engine.Explain(dir, report, "", checker.Width)
	if err != nil {
		return fmt.Sprintf("%s(no story: %v)\n", report, err)
	}
	return text
}

// commands says where a run is, and how to go on with it: a command for each of the
// flags that take a run directory. One that ends with a word for people rather than with a
// failure shows it (-v).
func commands(test string, run results.Dir, flags ...string) string {
	dir, err := filepath.Abs(run.String())
	if err != nil {
		dir = run.String()
	}
	text := fmt.Sprintf("run directory: %s\n", dir)
	label := map[string]string{flagReplay: "again", flagTimes: "how often", flagShrink: "smaller", flagKeep: "a test of it"}
	for _, name := range flags {
		command := goTest(test)
		switch {
		case flag.Lookup(flagReplay) == nil: // Flags was not called
			if name != flagReplay {
				continue
			}
		case name == flagTimes:
			command += verbosely() + " -" + flagTimes + "=10 -" + flagReplay + "=" + results.Quote(dir)
		case name == flagReplay:
			command += " -" + name + "=" + results.Quote(dir)
		default:
			command += verbosely() + " -" + name + "=" + results.Quote(dir)
		}
		if target := flagged(flagTarget, ""); target != "" {
			command += " -" + flagTarget + "=" + results.Quote(target)
		}
		text += label[name] + ": " + command + "\n"
	}
	return text
}

// goTest is the command that runs one test, by the go command or, if go test -c has made
// it, by the test binary itself.
func goTest(test string) string {
	run := strings.ReplaceAll(pattern(test), "'", `'\''`)
	if path, err := os.Executable(); err == nil && !byGoCommand() {
		return fmt.Sprintf("%s -test.run '%s' -test.count 1", results.Quote(path), run)
	}
	return fmt.Sprintf("go test %s -run '%s' -count 1", testPackage(), run)
}

// verbosely is the flag of such a command that has it tell all.
func verbosely() string {
	if byGoCommand() {
		return " -v"
	}
	return " -test.v"
}

// byGoCommand tells whether the go command runs the test binary, which is gone then when
// it has ended. It sets a flag that nobody else sets.
func byGoCommand() bool {
	f := flag.Lookup("test.paniconexit0")
	return f == nil || f.Value.String() == "true"
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
