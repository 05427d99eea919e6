package checker_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestBreaches(t *testing.T) {
	violation := func(rule string, seq uint64) verdict.Violation {
		return verdict.Violation{Rule: rule, Text: rule, Events: []history.Event{{Seq: seq}}}
	}
	report := checker.Report{Verdict: verdict.Invalid, Results: []verdict.Result{
		{Checker: "election", Violations: []verdict.Violation{violation("a", 30), violation("a", 40), violation("b", 50)}},
		{Checker: "votes", Violations: []verdict.Violation{violation("a", 20)}},
		{Checker: "logs"},
	}}
	require.Equal(t, []checker.Breach{{Checker: "votes", Rule: "a"}, {Checker: "election", Rule: "a"}, {Checker: "election", Rule: "b"}}, report.Breaches())
	v, ok := report.Violation(checker.Breach{Checker: "election", Rule: "a"})
	require.True(t, ok)
	require.Equal(t, uint64(30), v.Events[0].Seq)
	for _, other := range []checker.Breach{{Checker: "votes", Rule: "b"}, {Checker: "logs", Rule: "a"}, {Checker: "nobody", Rule: "a"}} {
		_, ok := report.Violation(other)
		require.False(t, ok, other)
	}
	result := report.Results[0]
	require.True(t, result.Breaks(checker.Breach{Checker: "election", Rule: "b"}))
	require.False(t, result.Breaks(checker.Breach{Checker: "votes", Rule: "a"}))

	lin := checker.Report{Results: []verdict.Result{{
		Checker: "linearizable", Violations: []verdict.Violation{violation("values out of order", 1), violation("not linearizable", 2)}}}}
	require.Equal(t, []checker.Breach{{Checker: "linearizable", Rule: "not linearizable"}}, lin.Breaches(), "however it was proved")
	v, ok = lin.Violation(lin.Breaches()[0])
	require.True(t, ok)
	require.Equal(t, "values out of order", v.Rule)

	require.Empty(t, (&checker.Report{Verdict: verdict.Valid}).Breaches())
}

// A runner tells of the rule that it is asked for, and of no other.
func TestBreached(t *testing.T) {
	leaders := checker.Breach{Checker: "election", Rule: "two leaders in one term"}
	r := checker.NewRunner(checker.Online())
	r.Event(&history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}, Traced: true}})
	for i, node := range []string{"n1", "n2"} {
		require.False(t, r.Breached(leaders))
		r.Event(&history.Event{Seq: uint64(i + 1), Raft: &history.Raft{
			Source: history.Trace, Node: node, Inc: 1, Seq: 1, What: history.RaftLeader, Term: 3}})
	}
	require.True(t, r.Breached(leaders))
	require.False(t, r.Breached(checker.Breach{Checker: "votes", Rule: leaders.Rule}))
	require.False(t, r.Breached(checker.Breach{Checker: "election", Rule: "another"}))
	report := r.Finish()
	require.True(t, slices.Contains(report.Breaches(), leaders))
}
