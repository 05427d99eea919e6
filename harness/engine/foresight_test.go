package engine

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// A leader without the votes of a majority ends the attack once all traces have been
// read as far as they were when it was told of, and no sooner; one with them does not.
func TestForesight(t *testing.T) {
	begin := history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}, Traced: true}}
	var seq map[string]uint64
	trace := func(node string, r history.Raft) history.Event {
		seq[node]++
		r.Source, r.Node, r.Inc, r.Seq = history.Trace, node, 1, seq[node]
		return history.Event{Raft: &r}
	}
	vote := func(node string) history.Event {
		return trace(node, history.Raft{What: history.RaftVote, Term: 2, PeerTerm: 2, Peer: "n1", Granted: true, Reason: history.ReasonGranted})
	}
	scene := func() []history.Event {
		seq = map[string]uint64{}
		return []history.Event{
			begin,
			trace("n1", history.Raft{What: history.RaftStart}), trace("n2", history.Raft{What: history.RaftStart}), trace("n3", history.Raft{What: history.RaftStart}),
			trace("n1", history.Raft{What: history.RaftCandidate, Term: 2}),
			vote("n1"),
			trace("n1", history.Raft{What: history.RaftLeader, Term: 2}),
		}
	}
	late := func() history.Event { return vote("n2") }
	op := history.Event{Op: &history.Op{Type: history.Invoke, F: history.FGet, Key: "k"}}
	majority := checker.Breach{Checker: "votes", Rule: "won without a majority"}

	for _, c := range []struct {
		name  string
		until checker.Breach
		then  func() history.Event // arrives while traces are read
		want  bool
	}{
		{"no vote came", majority, func() history.Event { return op }, true},
		{"no vote came, and any breach will do", checker.Breach{}, func() history.Event { return op }, true},
		{"no vote came, but another breach is awaited", checker.Breach{Checker: "votes", Rule: "two votes in one term"}, func() history.Event { return op }, false},
		{"the vote was on its way", majority, late, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			events := scene()
			goOn := make(chan struct{})
			judge := newLiveJudge(c.until, func(context.Context) (uint64, error) {
				<-goOn
				return uint64(len(events)) + 1, nil
			})
			defer judge.end()
			for i, e := range events {
				e.Seq = uint64(i)
				judge.take(e)
				require.False(t, judge.proved())
			}
			next := c.then()
			next.Seq = uint64(len(events))
			judge.take(next)
			require.False(t, judge.proved(), "traces are still being read")
			close(goOn)
			end, proved := time.Now().Add(time.Minute), false
			if !c.want {
				end = time.Now().Add(100 * time.Millisecond)
			}
			for more := next.Seq + 1; !proved && time.Now().Before(end); more++ {
				e := op
				e.Seq = more
				judge.take(e)
				proved = judge.proved()
			}
			require.Equal(t, c.want, proved)
			if c.want {
				require.Contains(t, judge.why(), "votes: won without a majority")
			}
		})
	}
}
