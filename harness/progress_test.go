package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	f := newFollower(2)
	feed := func(events ...history.Event) {
		for i := range events {
			f.take(&events[i])
		}
	}
	fault := func(step int, what history.FaultWhat, text string) history.Event {
		return history.Event{Fault: &history.Fault{Step: step, What: what, Resolved: text}}
	}
	leader := func(term uint64, node string) history.Event {
		return history.Event{Raft: &history.Raft{What: history.RaftLeader, Term: term, Node: node}}
	}
	ok := history.Event{Op: &history.Op{Type: history.OK}}

	feed(
		history.Event{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseReady}},
		leader(3, "n1"), leader(2, "n2"), // events of several members come in any order
		history.Event{Op: &history.Op{Type: history.Invoke}}, ok, ok,
		history.Event{Op: &history.Op{Type: history.Fail}},
		fault(2, history.FaultInject, "pause n2"), fault(1, history.FaultInject, "kill n1"),
	)
	require.Equal(t, Progress{
		At: 2 * time.Second, Phase: "ready", Term: 3, Leader: "n1", OK: 2, PerSec: 1, Steps: 2,
		Faults: []string{"kill n1", "pause n2"},
	}, f.snapshot(2*time.Second))

	feed(ok, fault(1, history.FaultHeal, "kill n1"), fault(2, history.FaultSkipped, ""))
	p := f.snapshot(2500 * time.Millisecond)
	require.Empty(t, p.Faults)
	require.Equal(t, 2, p.Done)
	require.InDelta(t, 2, p.PerSec, 1e-9)

	feed(fault(1, history.FaultInject, "kill n1"), fault(1, history.FaultHeal, "kill n1"))
	require.Equal(t, 2, f.snapshot(3*time.Second).Done, "a step that fires again is still one step")
}
