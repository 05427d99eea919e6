package checker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
)

// A rule to which no member is held is told of once, however many checkers leave it out.
func TestRulesThatSeveralLeaveOutAreToldOnce(t *testing.T) {
	report := checker.Report{Verdict: checker.Valid, Results: []checker.Result{
		{Checker: "election", Verdict: checker.Valid, Unjudged: []string{"two votes in one term: a vote may change"}},
		{Checker: "votes", Verdict: checker.Valid, Unjudged: []string{"two votes in one term: a vote may change", "a majority: nobody says who votes"}},
	}}
	text := report.String()
	require.Equal(t, 1, strings.Count(text, "a vote may change"), text)
	require.Contains(t, text, "unjudged               two votes")
	require.Contains(t, text, "unjudged votes         a majority")
}

// What follows from a connection that was lost does not stand before why it was.
func TestTheHeadlineSaysWhyAConnectionWasLost(t *testing.T) {
	report := checker.Report{Verdict: checker.Unknown, Results: []checker.Result{
		{Checker: "election", Verdict: checker.Unknown, Summary: verdict.Undecoded + ", and the members write no trace"},
		{Checker: "coverage", Verdict: checker.Unknown, Summary: "the tap lost a connection: it looks like ovsdb"},
	}}
	require.Contains(t, report.String(), "UNKNOWN  coverage: the tap lost a connection: it looks like ovsdb; 1 other")
}
