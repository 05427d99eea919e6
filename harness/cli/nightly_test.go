package cli

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/night/entry"
)

// Runs whose turn did not come have not failed, and are told apart from those that
// did.
func TestInterruptedNight(t *testing.T) {
	facts := entry.Facts{Night: "20261130", Seed: 1, Runs: 4, Stopped: "interrupted: interrupt signal received"}
	night := []entry.Entry{{Seed: 1, Class: entry.Valid}, {Seed: 2, Class: entry.Broken, Why: "no disk"}}
	text := summary(facts, night)
	require.True(t, strings.HasPrefix(text, "# 2 runs: 1 valid, 0 invalid, 0 unknown, 1 broken; interrupted: interrupt signal received, 2 of 4 not made\n"), text)
	require.Contains(t, text, "night 20261130, seeds from 1\n")
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, facts, night))
	require.Contains(t, out.String(), `tests="3" failures="0" errors="1"`)
	require.Contains(t, out.String(), `skipped="1"`)
	require.Equal(t, checker.Unknown, worst(facts, night))
	require.Equal(t, checker.Unknown, worst(facts, night[:1]), "fewer than it was asked for")
	require.Equal(t, checker.Unknown, worst(entry.Facts{For: time.Hour}, nil), "none at all")
	require.Equal(t, checker.Valid, worst(entry.Facts{Runs: 1}, night[:1]))
	require.Equal(t, checker.Invalid, worst(facts, append(night, entry.Entry{Class: entry.Invalid})))
}

func TestNameOfARun(t *testing.T) {
	e := entry.Entry{Seed: 3, Class: entry.Broken, Why: "no disk", Axes: map[string]string{"nodes": "4"}, Elapsed: 7 * time.Second}
	require.Equal(t, "seed 3 (4 members): broken in 7.0s: no disk", entryLine(&e))
}

// What members print does no harm to what a night leaves: its XML can be read, and
// nothing in it or in the Markdown is more than text.
func TestHostileOutputOfMembers(t *testing.T) {
	const hostile = "n1 logged: panic: \x1b[31mkey a\x00b\x1b[0m ]]> \uffff <b>|"
	report := checker.Report{Verdict: checker.Invalid, Results: []checker.Result{{
		Checker: "node-logs", Verdict: checker.Invalid, Summary: hostile,
		Violations: []checker.Violation{{Rule: "a crash in a node's log", Text: hostile}},
	}}}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "report.txt"), []byte(report.String()), 0o644))
	night := []entry.Entry{{Seed: 1, Class: entry.Invalid, Why: hostile, Dir: dir}, {Seed: 2, Class: entry.Broken, Why: hostile}}
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, entry.Facts{}, night))
	var read junit.Testsuites
	require.NoError(t, xml.Unmarshal(out.Bytes(), &read), out.String())
	require.Contains(t, read.Suites[0].Testcases[0].Failure.Data, `panic: \x1b[31mkey a\x00b\x1b[0m ]]> \uffff <b>|`)

	text := summary(entry.Facts{}, night)
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\x00")
	require.Contains(t, text, `&lt;b>\|`)
}

// What nobody judged in any run is skipped in JUnit and named in the summary, also of
// a night that was valid; what one run judged is neither.
func TestNotCheckedInANight(t *testing.T) {
	run := func(lock checker.Verdict) entry.Entry {
		return entry.Entry{
			Seed: 1, Class: entry.Valid,
			Checkers:  map[string]string{"election": string(checker.Unchecked), "lock": string(lock)},
			Unchecked: map[string]string{"election": "the target has neither trace nor tap"},
		}
	}
	night := []entry.Entry{run(checker.Unchecked), run(checker.Valid), {Seed: 3, Class: entry.Broken, Why: "no system"}}
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, entry.Facts{}, night))
	var read junit.Testsuites
	require.NoError(t, xml.Unmarshal(out.Bytes(), &read), out.String())
	require.Equal(t, 3, read.Suites[0].Tests)
	require.Equal(t, 1, read.Suites[1].Skipped)
	last := read.Suites[1].Testcases[0]
	require.Equal(t, "election", last.Name)
	require.Equal(t, "not checked in any run: the target has neither trace nor tap", last.Skipped.Message)
	require.Contains(t, summary(entry.Facts{}, night), "\n–  election (the target has neither trace nor tap)  not checked in any run\n")
}
