package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// proves tells whether the events prove what a judge waits for.
func proves(until checker.Breach, events []history.Event) bool {
	judge := newLiveJudge(until, nil)
	for i, e := range events {
		e.Seq, e.At = uint64(i), time.Duration(i)*time.Millisecond
		judge.take(e)
		if judge.proved() {
			return true
		}
	}
	return false
}

// A run ends at the breach that it waits for and at no other, also where the
// checker needs all that came before.
func TestFailFastUntil(t *testing.T) {
	begin := history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}, Traced: true}}
	leads := func(node string) history.Event {
		return history.Event{Raft: &history.Raft{Source: history.Trace, Node: node, Inc: 1, Seq: 1, What: history.RaftLeader, Term: 3}}
	}
	op := func(process int, typ history.OpType, f history.F, value string) history.Event {
		o := history.Op{Process: process, Type: typ, F: f, Key: "k", Node: "n1"}
		if f == history.FGet && typ == history.OK {
			o.Got, o.Saw = value, true
		} else {
			o.Arg = value
		}
		return history.Event{Op: &o}
	}
	leaders := []history.Event{begin, leads("n1"), leads("n2")}
	ghost := []history.Event{begin, op(1, history.Invoke, history.FGet, ""), op(1, history.OK, history.FGet, "never written")}
	twoLeaders := checker.Breach{Checker: "election", Rule: "two leaders in one term"}
	notLinearizable := checker.Breach{Checker: "linearizable", Rule: "not linearizable"}

	require.True(t, proves(checker.Breach{}, leaders), "any breach will do")
	require.True(t, proves(twoLeaders, leaders))
	require.False(t, proves(checker.Breach{Checker: "votes", Rule: "two votes in one term"}, leaders))
	require.False(t, proves(notLinearizable, leaders))
	require.True(t, proves(notLinearizable, ghost))
	require.False(t, proves(twoLeaders, ghost))
	require.False(t, proves(checker.Breach{Checker: "set", Rule: "a value that is there twice"}, ghost))
}
