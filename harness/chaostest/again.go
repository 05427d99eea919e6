package chaostest

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/results"
)

// failure is what a test prints about an invalid run.
func failure(test string, result harness.Result) string {
	text, err := harness.Explain(result.Dir, &result.Report, "")
	if err != nil {
		text = fmt.Sprintf("%s(no story: %v)\n", result.Report, err)
	}
	return text + again(test, result)
}

// again says where the run is and how to repeat it.
func again(test string, result harness.Result) string {
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
