package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/pace"
	"github.com/usurper/usurper/harness/results"
)

const (
	summaryFile = "summary.md"
	junitFile   = "junit.xml"
)

// writeNight brings up to date what a night leaves for people and for CI.
func writeNight(dir string, facts entry.Facts, entries []entry.Entry) error {
	entries = runsOf(entries)
	var b bytes.Buffer
	if err := writeJUnit(&b, facts, entries); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	for name, text := range map[string][]byte{summaryFile: []byte(summary(facts, entries)), junitFile: b.Bytes()} {
		next := filepath.Join(dir, "."+name+".new")
		if err := os.WriteFile(next, text, 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// runsOf leaves the tries of controls out.
func runsOf(entries []entry.Entry) []entry.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e entry.Entry) bool { return e.Control != "" })
}

// entryLine tells of a run that has ended.
func entryLine(e *entry.Entry) string {
	text := fmt.Sprintf("%s: %s in %.1fs", entryName(e), e.Class, e.Elapsed.Seconds())
	if e.Control != "" {
		text = "control " + e.Control + ", " + text
	}
	if e.Why != "" {
		text += ": " + e.Why
	}
	if e.Dir != "" {
		text += " (" + e.Dir + ")"
	}
	return text
}

// entryName is "seed 8", or "seed 8 (4 members)".
func entryName(e *entry.Entry) string {
	if n := e.Axes["nodes"]; n != "" {
		return fmt.Sprintf("seed %d (%s members)", e.Seed, n)
	}
	return fmt.Sprintf("seed %d", e.Seed)
}

func writeJUnit(out io.Writer, facts entry.Facts, entries []entry.Entry) error {
	suite := junit.Testsuite{Name: "usurper"}
	total := 0.0
	for i := range entries {
		e := &entries[i]
		total += e.Elapsed.Seconds()
		c := junit.Testcase{Classname: "usurper.nightly", Name: fmt.Sprintf("seed %d", e.Seed), Time: fmt.Sprintf("%.3f", e.Elapsed.Seconds())}
		problem := &junit.Result{Message: e.Why, Type: string(e.Class)}
		if e.Dir != "" {
			report, _ := os.ReadFile(filepath.Join(e.Dir, results.ReportFile)) // a broken one has none
			problem.Data = string(report)
		}
		switch e.Class {
		case entry.Invalid:
			c.Failure = problem
		case entry.Unknown, entry.Broken:
			c.Error = problem
		}
		suite.AddTestcase(c)
	}
	if left := facts.Runs - len(entries); left > 0 {
		suite.AddTestcase(junit.Testcase{
			Classname: "usurper.nightly", Name: "runs not made", Time: "0.000",
			Skipped: &junit.Result{Message: verdict.Printable(notMade(facts, left))},
		})
	}
	unchecked := junit.Testsuite{Name: "usurper, not checked"}
	for _, i := range idle(entries) {
		unchecked.AddTestcase(junit.Testcase{
			Classname: "usurper.checkers", Name: i[0], Time: "0.000",
			Skipped: &junit.Result{Message: verdict.Printable("not checked in any run: " + i[1])},
		})
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	var suites junit.Testsuites
	suites.AddSuite(suite)
	if unchecked.Tests > 0 {
		suites.AddSuite(unchecked)
	}
	return suites.WriteXML(out)
}

// notMade says how many runs are left, and why.
func notMade(facts entry.Facts, left int) string {
	text := fmt.Sprintf("%d of %d not made", left, facts.Runs)
	if facts.Stopped != "" {
		text = facts.Stopped + ", " + text
	}
	return text
}

// idle lists the checkers that had nothing to judge in any run, and why.
func idle(entries []entry.Entry) (names [][2]string) {
	busy, why := make(map[string]bool), make(map[string]string)
	for i := range entries {
		for name, v := range entries[i].Checkers {
			if v != string(checker.Unchecked) {
				busy[name] = true
			} else if why[name] == "" {
				why[name] = entries[i].Unchecked[name]
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(why)) {
		if !busy[name] {
			names = append(names, [2]string{name, why[name]})
		}
	}
	return names
}

// medians tells how fast the system was, which is judged by nobody.
func medians(entries []entry.Entry) string {
	var all []pace.Figures
	for i := range entries {
		all = append(all, entries[i].Figures)
	}
	return pace.Medians(all)
}

// inCell makes text of members and checkers harmless in a table of Markdown.
func inCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "&", "&amp;").Replace(verdict.Printable(text))
}

// summary is the night as Markdown.
func summary(facts entry.Facts, entries []entry.Entry) string {
	count := make(map[entry.Class]int)
	for i := range entries {
		count[entries[i].Class]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %d runs: %d valid, %d invalid, %d unknown, %d broken", len(entries),
		count[entry.Valid], count[entry.Invalid], count[entry.Unknown], count[entry.Broken])
	if left := facts.Runs - len(entries); left > 0 {
		fmt.Fprintf(&b, "; %s", notMade(facts, left))
	}
	fmt.Fprintf(&b, "\n\nnight %s, seeds from %d\n", facts.Night, facts.Seed)
	var unchecked []string
	for _, i := range idle(entries) {
		unchecked = append(unchecked, fmt.Sprintf("%s (%s)", i[0], inCell(i[1])))
	}
	if len(unchecked) > 0 {
		fmt.Fprintf(&b, "\n–  %s  not checked in any run\n", strings.Join(unchecked, ", "))
	}
	if figures := medians(entries); figures != "" {
		fmt.Fprintf(&b, "\nmedians: %s\n", figures)
	}
	if count[entry.Valid] == len(entries) {
		return b.String()
	}
	b.WriteString("\n| seed | verdict | why | run |\n|---|---|---|---|\n")
	for i := range entries {
		if e := &entries[i]; e.Class != entry.Valid {
			fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", e.Seed, e.Class, inCell(e.Why), e.Dir)
		}
	}
	return b.String()
}
