package engine

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// followed is a follower of a run, and what feeds it events.
func followed(run history.Run) (*follower, func(...history.Event)) {
	f := newFollower()
	feed := func(events ...history.Event) {
		for i := range events {
			if f.wants(&events[i]) {
				f.take(&events[i])
			}
		}
	}
	run.What, run.Nodes = history.RunBegin, []string{"n1", "n2", "n3"}
	feed(history.Event{Run: &run})
	return f, feed
}

func fault(step int, what history.FaultWhat, text string) history.Event {
	return history.Event{At: time.Duration(step), Fault: &history.Fault{Step: step, What: what, Resolved: text}}
}

func raft(what history.RaftWhat, node string, term uint64) history.Event {
	return history.Event{Raft: &history.Raft{What: what, Term: term, Node: node, Source: history.Trace}}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	f, feed := followed(history.Run{Traced: true, Steps: 2})
	ok := history.Event{Op: &history.Op{Type: history.OK}}
	feed(
		history.Event{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseReady}},
		raft(history.RaftLeader, "n1", 3), raft(history.RaftLeader, "n2", 2), // events of several members come in any order
		history.Event{Op: &history.Op{Type: history.Invoke}}, ok, ok,
		history.Event{Op: &history.Op{Type: history.Fail}},
		fault(1, history.FaultInject, "at 1s for 3s isolate n1"), fault(2, history.FaultInject, "no plan's words"),
	)
	require.Equal(t, Progress{
		At: 2 * time.Second, Phase: "ready", Leader: history.Leadership{Node: "n1", Term: 3, By: history.ByTrace}, OK: 2, PerSec: 1, Steps: 2,
		Faults: []string{"no plan's words", "isolate n1"},
		Members: []MemberProgress{
			{Name: "n1", Role: "leader", Term: 3, Cut: []string{"n2", "n3"}},
			{Name: "n2", Role: "leader", Term: 2, Cut: []string{"n1"}},
			{Name: "n3", Cut: []string{"n1"}},
		},
	}, f.snapshot(2*time.Second))

	feed(fault(3, history.FaultInject, "at 1s for 3s delay vote 5ms n1 n2 n3 > n1 n2 n3"))
	require.Equal(t, "delay vote 5ms * > *", f.snapshot(2 * time.Second).Faults[0])
	feed(fault(3, history.FaultNotStarted, ""))

	feed(ok, fault(1, history.FaultHeal, "kill n1"), fault(2, history.FaultSkipped, ""))
	p := f.snapshot(2500 * time.Millisecond)
	require.Empty(t, p.Faults)
	require.Empty(t, p.Members[0].Cut)
	require.Equal(t, 2, p.Done)
	require.InDelta(t, 2, p.PerSec, 1e-9)

	feed(fault(1, history.FaultInject, "kill n1"), fault(1, history.FaultHeal, "kill n1"))
	require.Equal(t, 2, f.snapshot(3*time.Second).Done, "a step that fires again is still one step")
}

func TestProgressOfMembers(t *testing.T) {
	t.Parallel()
	f, feed := followed(history.Run{Traced: true})
	proc := func(node string, what history.ProcWhat, signal string) history.Event {
		return history.Event{Proc: &history.Proc{Node: node, What: what, Signal: signal}}
	}
	feed(
		raft(history.RaftLeader, "n1", 3), raft(history.RaftCandidate, "n1", 3), // a tap sees it before its trace tells
		history.Event{Raft: &history.Raft{What: history.RaftAck, Node: "n2", Peer: "n1", Term: 3, Source: history.Tap}},
		raft(history.RaftCandidate, "n3", 4), raft(history.RaftFollower, "n3", 3),
		proc("n2", history.ProcSignal, syscall.SIGSTOP.String()),
	)
	require.Equal(t, []MemberProgress{
		{Name: "n1", Role: "leader", Term: 3}, {Name: "n2", Role: "follower", Term: 3, Paused: true}, {Name: "n3", Role: "candidate", Term: 4},
	}, f.snapshot(time.Second).Members)
	feed(proc("n2", history.ProcSignal, syscall.SIGCONT.String()), proc("n1", history.ProcExit, "SIGKILL"), proc("n3", history.ProcExit, ""), proc("n3", history.ProcStart, ""))
	require.Equal(t, []MemberProgress{
		{Name: "n1", Down: true}, {Name: "n2", Role: "follower", Term: 3}, {Name: "n3"},
	}, f.snapshot(time.Second).Members)
	require.Empty(t, f.snapshot(time.Second).Leader.Node)
}

// Who leads is by the members' own word where nothing else tells, and where they do
// not say either, nobody waits for it.
func TestProgressByWhatMembersSay(t *testing.T) {
	t.Parallel()
	f, feed := followed(history.Run{})
	claim := func(role string) history.Event {
		return history.Event{Claim: &history.Claim{Node: "n2", Inc: 1, Role: role, Term: 5}}
	}
	feed(claim(""))
	require.True(t, f.snapshot(time.Second).Untold)
	feed(claim("leader"))
	p := f.snapshot(time.Second)
	require.False(t, p.Untold)
	require.Equal(t, history.Leadership{Node: "n2", Term: 5, By: history.BySelf}, p.Leader)
	require.Equal(t, MemberProgress{Name: "n2", Role: "leader", Term: 5}, p.Members[1])
}
