package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
)

// Runs whose turn did not come have not failed, and are told apart from those that
// did.
func TestInterruptedNight(t *testing.T) {
	night := []nightRun{
		{seed: 1, result: engine.Result{Report: checker.Report{Verdict: checker.Valid}}},
		{seed: 2, err: errors.New("no disk")},
		{seed: 3, left: true, err: errors.New("interrupt signal received")},
		{seed: 4, left: true, err: errors.New("interrupt signal received")},
	}
	text := summary(night)
	require.True(t, strings.HasPrefix(text, "# 2 runs: 1 valid, 0 invalid, 1 unknown or failed; interrupted, 2 of 4 not started\n"), text)
	require.Contains(t, text, "| 3 | not started | interrupt signal received |")
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, night))
	require.Contains(t, out.String(), `tests="4" failures="0" errors="1"`)
	require.Contains(t, out.String(), `skipped="2"`)
}

// A night goes through all sizes, and each seed has its own.
func TestSizesOfANight(t *testing.T) {
	all := make(map[int]int)
	for seed := uint64(4); seed < 44; seed++ {
		require.Equal(t, nightSize(seed), nightSize(seed))
		all[nightSize(seed)]++
	}
	require.Equal(t, map[int]int{3: 10, 4: 10, 5: 10, 7: 10}, all)
	require.Equal(t, "seed 3 (4 members): failed: no disk", (&nightRun{seed: 3, members: 4, err: errors.New("no disk")}).line())
}

// What members print does no harm to what a night leaves: its XML can be read, and
// nothing in it or in the Markdown is more than text.
func TestHostileOutputOfMembers(t *testing.T) {
	const hostile = "n1 logged: panic: \x1b[31mkey a\x00b\x1b[0m ]]> \uffff <b>|"
	report := checker.Report{Verdict: checker.Invalid, Results: []checker.Result{{
		Checker: "node-logs", Verdict: checker.Invalid, Summary: hostile,
		Violations: []checker.Violation{{Rule: "a crash in a node's log", Text: hostile}},
	}}}
	night := []nightRun{
		{seed: 1, result: engine.Result{Report: report}},
		{seed: 2, err: errors.New(hostile)},
	}
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, night))
	var read junit.Testsuites
	require.NoError(t, xml.Unmarshal(out.Bytes(), &read), out.String())
	failure := read.Suites[0].Testcases[0].Failure
	require.Contains(t, failure.Data, `panic: \x1b[31mkey a\x00b\x1b[0m ]]> \uffff <b>|`)
	require.Contains(t, failure.Message, `\x1b[31mkey a\x00b`)

	for _, text := range []string{summary(night), report.String(), night[0].line(), night[1].line()} {
		require.NotContains(t, text, "\x1b")
		require.NotContains(t, text, "\x00")
	}
	require.Contains(t, summary(night), `&lt;b>\|`)
}

// What nobody judged in any run is skipped in JUnit and named in the summary, also of
// a night that was valid; what one run judged is neither.
func TestNotCheckedInANight(t *testing.T) {
	run := func(lock checker.Verdict) nightRun {
		return nightRun{seed: 1, result: engine.Result{Report: checker.Report{Verdict: checker.Valid, Results: []checker.Result{
			{Checker: "election", Verdict: checker.Unchecked, Summary: "not checked: the target has neither trace nor tap"},
			{Checker: "lock", Verdict: lock, Summary: "1 lock"},
		}}}}
	}
	night := []nightRun{run(checker.Unchecked), run(checker.Valid), {seed: 3, err: errors.New("no system")}}
	var out bytes.Buffer
	require.NoError(t, writeJUnit(&out, night))
	var read junit.Testsuites
	require.NoError(t, xml.Unmarshal(out.Bytes(), &read), out.String())
	require.Equal(t, 3, read.Suites[0].Tests)
	require.Equal(t, 1, read.Suites[1].Skipped)
	last := read.Suites[1].Testcases[0]
	require.Equal(t, "election", last.Name)
	require.Equal(t, "not checked in any run: the target has neither trace nor tap", last.Skipped.Message)
	require.Contains(t, summary(night), "\n–  election (the target has neither trace nor tap)  not checked in any run\n")
	require.Contains(t, summary(night[:2]), "2 valid, 0 invalid, 0 unknown or failed\n\n–  election")
}
