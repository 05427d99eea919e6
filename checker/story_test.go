package checker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// storyOf tells the first breach of a history.
func storyOf(t *testing.T, events []history.Event) string {
	t.Helper()
	all := func(yield func(*history.Event, error) bool) {
		for i := range events {
			events[i].Seq = uint64(i)
			e := events[i]
			if !yield(&e, nil) {
				return
			}
		}
	}
	report, err := checker.Run(checker.All(verdict.Options{}), all)
	require.NoError(t, err)
	require.NotEmpty(t, report.Breaches(), report.String())
	b := report.Breaches()[0]
	v, ok := report.Violation(b)
	require.True(t, ok)
	text, err := checker.Story(b, v, all, checker.Width)
	require.NoError(t, err)
	return text
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func began() history.Event {
	return history.Event{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}, Traced: true, Election: ms(150)}}
}

func TestStory(t *testing.T) {
	seq := make(map[string]uint64)
	raft := func(at int, r history.Raft) history.Event {
		seq[r.Node]++
		r.Source, r.Inc, r.Seq = history.Trace, 1, seq[r.Node]
		return history.Event{At: ms(at), Raft: &r}
	}
	cut := history.Fault{Step: 4, What: history.FaultInject, Text: "at 1s for 1s isolate leader", Resolved: "at 1s for 1s isolate n1"}
	healed := cut
	healed.What, healed.Bit = history.FaultHeal, true
	got := storyOf(t, []history.Event{
		began(),
		{Run: &history.Run{What: history.RunPhase, Phase: history.PhaseFaults}},
		raft(500, history.Raft{What: history.RaftLeader, Node: "n1", Term: 2}),
		{At: ms(1000), Fault: &cut},
		raft(1200, history.Raft{What: history.RaftCandidate, Node: "n2", Term: 3}),
		raft(1210, history.Raft{What: history.RaftVote, Node: "n3", Term: 3, Peer: "n2", PeerTerm: 3, Granted: true}),
		raft(1220, history.Raft{What: history.RaftLeader, Node: "n2", Term: 3}),
		raft(1230, history.Raft{What: history.RaftVote, Node: "n3", Term: 3, Peer: "n1", PeerTerm: 3, Granted: true}),
		{At: ms(2000), Fault: &healed},
	})
	require.Equal(t, `votes: two votes in one term
n3 voted twice in term 3: for n2 and for n1

     0.500s  n1 leads term 2 with its log ending at (empty)
     1.000s  fault 4: at 1s for 1s isolate n1
>    1.210s  n3 grants its vote in term 3 to n2 (its log (empty), n2's (empty))
     1.220s  n2 leads term 3 with its log ending at (empty)
>    1.230s  n3 grants its vote in term 3 to n1 (its log (empty), n1's (empty))

leader before it: n1 of term 2, from 0.500s (trace); meanwhile n2 of term 3 from 1.220s (trace)
votes of term 3: n3 for n1, n3 for n2
faults in force: at 1s for 1s isolate n1
seen by no client: the members' own evidence proves it
times: since the run began; those of the plan, as in "at 5s", since the faults did, at 0.000s
`, got)
}

// A story of a group is not told by the elections of another.
func TestStoryOfAGroup(t *testing.T) {
	leads := func(at int, group, node string, term uint64) history.Event {
		return history.Event{At: ms(at), Raft: &history.Raft{
			Source: history.Tap, Node: node, Seq: uint64(at), What: history.RaftLeader, Stage: history.Sent, Term: term, Group: group,
		}}
	}
	vote := history.Event{At: ms(1), Raft: &history.Raft{
		Source: history.Tap, Node: "n3", Seq: 2, What: history.RaftVote, Stage: history.Sent, Term: 9, Peer: "n2", Granted: true,
	}}
	text := storyOf(t, []history.Event{
		{Run: &history.Run{What: history.RunBegin, Format: 1, Tapped: true, Nodes: []string{"n1", "n2", "n3"}, Election: ms(150)}},
		leads(1, "a", "n3", 4), vote, leads(2, "", "n2", 9), leads(3, "a", "n1", 5), leads(4, "a", "n2", 5),
		{At: ms(50), Run: &history.Run{What: history.RunEnd}},
	})
	require.Contains(t, text, "group a: term 5 has two leaders: n1 and n2")
	require.Contains(t, text, "leader before it: n3 of term 4")
	require.NotContains(t, text, "term 9")
}

func TestStoryNamesClients(t *testing.T) {
	op := func(at int, o history.Op) history.Event {
		o.Key = "k"
		return history.Event{At: ms(at), Op: &o}
	}
	got := storyOf(t, []history.Event{
		began(),
		op(10, history.Op{Process: 1, Type: history.Invoke, F: history.FPut, Arg: "a", Node: "n1"}),
		op(20, history.Op{Process: 1, Type: history.OK, F: history.FPut, Arg: "a", Node: "n1"}),
		op(30, history.Op{Process: 2, Type: history.Invoke, F: history.FGet, Node: "n2"}),
		op(40, history.Op{Process: 2, Type: history.OK, F: history.FGet, Node: "n2", Got: "b", Saw: true}),
	})
	require.True(t, strings.HasPrefix(got, "linearizable: not linearizable\n"), got)
	require.Contains(t, got, "faults in force: none\n")
	require.Regexp(t, `seen by .*client 2 at n2`, got)
}

// Where nothing else tells, a story names the leader by the members' own word.
func TestStoryByWhatMembersSay(t *testing.T) {
	began := began()
	began.Run.Traced = false
	says := func(at int, node, role string, term uint64) history.Event {
		return history.Event{At: ms(at), Claim: &history.Claim{Node: node, Inc: 1, Role: role, Term: term}}
	}
	get := func(at int, what history.OpType, got string) history.Event {
		return history.Event{At: ms(at), Op: &history.Op{Process: 1, Type: what, F: history.FGet, Key: "k", Node: "n1", Got: got, Saw: got != ""}}
	}
	got := storyOf(t, []history.Event{
		began, says(5, "n1", "leader", 0), says(6, "n2", "follower", 0),
		get(10, history.Invoke, ""), says(15, "n2", "leader", 4), get(20, history.OK, "b"),
	})
	require.Contains(t, got, "leader before it: n1, from 0.005s (said by itself); meanwhile n2 of term 4 from 0.015s (said by itself)\n")
	require.Contains(t, got, "n2 (process 1) answers that it is leader in term 4")
	got = storyOf(t, []history.Event{began, says(5, "n1", "", 0), get(10, history.Invoke, ""), get(20, history.OK, "b")})
	require.Contains(t, got, "leader before it: nobody tells\n")
}

// However much goes on, a story fits on a screen.
func TestStoryIsShort(t *testing.T) {
	events := []history.Event{began()}
	for i := range 200 {
		node := fmt.Sprintf("n%d", i%2+1)
		events = append(events, history.Event{At: ms(500 + i), Raft: &history.Raft{
			Source: history.Trace, Node: node, Inc: 1, Seq: uint64(i + 1), What: history.RaftLeader, Term: uint64(i/2 + 1)}})
	}
	got := storyOf(t, events)
	require.LessOrEqual(t, strings.Count(got, "\n"), 24, got)
	require.Contains(t, got, "> ")
}

func TestStoryOfAnUnreadableHistory(t *testing.T) {
	broken := errors.New("torn")
	_, err := checker.Story(checker.Breach{}, verdict.Violation{}, func(yield func(*history.Event, error) bool) { yield(nil, broken) }, checker.Width)
	require.ErrorIs(t, err, broken)
}
