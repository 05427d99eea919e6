package tap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// of is the message in a group.
func of(group string, m tap.Message) tap.Message {
	m.Group = group
	return m
}

// One member leads terms of several groups, and what happens in one is nothing to
// another.
func TestGroupsHaveTermsAndLogsOfTheirOwn(t *testing.T) {
	r := record("n1", "n2", "n3")
	for _, group := range []string{"", "a", "b"} {
		term := uint64(7 + len(group)*2)
		r.sent(of(group, tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: term, Log: pos(6, 40)}))
		r.sent(of(group, tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: term, Asked: term}))
		r.sent(of(group, appends("n2", term, pos(6, 40), pos(term, 41), 0)))
		r.Passes(1, of(group, tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: term}))
	}
	var seq uint64
	led := map[string]history.Raft{}
	for _, e := range r.events {
		if e.Node == "n1" && e.Source == history.Tap {
			require.Greater(t, e.Seq, seq, "a member counts its events whatever their group")
			seq = e.Seq
		}
		if e.What == history.RaftLeader {
			led[e.Group] = e
		}
		if e.What == history.RaftMessage {
			require.Contains(t, led, e.Group)
		}
	}
	require.Len(t, led, 3)
	for group, e := range led {
		require.EqualValues(t, 7+len(group)*2, e.Term)
		require.Equal(t, pos(6, 40), e.Last, "of its own request")
	}
}

func TestATransferIsOfItsGroup(t *testing.T) {
	r := record("n1", "n2", "n3")
	r.sent(of("a", tap.Message{Kind: tap.TimeoutNow, From: "n1", To: "n2", Term: 4}))
	r.sent(of("b", tap.Message{Kind: tap.Vote, From: "n2", To: "n1", Term: 5}))
	r.sent(of("a", tap.Message{Kind: tap.Vote, From: "n2", To: "n1", Term: 5}))
	require.Len(t, r.events, 2)
	require.Empty(t, r.events[0].Reason)
	require.Equal(t, history.ReasonTransfer, r.events[1].Reason)
}

// Acknowledgements commit something only where it is known who votes, and a group has
// a majority of its own.
func TestVotersOfAGroup(t *testing.T) {
	commits := func(told ...[]string) int {
		r := record("n1", "n2", "n3", "n4", "n5")
		for _, voters := range told {
			r.Voters("a", voters)
		}
		r.sent(of("a", appends("n2", 4, pos(4, 10), pos(4, 15), 0)))
		r.sent(of("a", acks("n2", 4, pos(4, 15))))
		r.sent(of("a", acks("n3", 4, pos(4, 15))))
		r.Flush()
		return len(r.take(history.RaftCommit))
	}
	three := []string{"n1", "n2", "n3"}
	require.Zero(t, commits(), "it is not known who votes")
	require.Equal(t, 1, commits(three))
	require.Equal(t, 1, commits(three, []string{"n3", "n2", "n1"}))
	require.Zero(t, commits([]string{"n1", "n2", "n3", "n4"}), "of two that acknowledged, three are no majority")
	require.Zero(t, commits([]string{"n1"}, three), "they changed")

	r := record("n1", "n2", "n3")
	r.Voters("", three)
	r.Voters("a", three)
	r.Voters("a", three)
	r.Voters("", []string{"n1", "n2"})
	r.Reconfigured("a")
	r.Reconfigured("a")
	var told []string
	for _, e := range r.events {
		require.Equal(t, history.RaftConfig, e.What)
		told = append(told, fmt.Sprint(e.Group, e.Voters))
	}
	require.Equal(t, []string{"a[n1 n2 n3]", "[n1 n2]", "a[]"}, told)
}

// A leader's acknowledgements of before its voters were known are not counted.
func TestVotersToldWhileSomebodyLeads(t *testing.T) {
	r := record("n1", "n2", "n3")
	r.sent(of("a", appends("n2", 4, pos(4, 10), pos(4, 15), 0)))
	r.sent(of("a", acks("n2", 4, pos(4, 15))))
	r.Voters("a", []string{"n1", "n2", "n3"})
	r.sent(of("a", acks("n3", 4, pos(4, 15))))
	r.Flush()
	require.Empty(t, r.take(history.RaftCommit))
	r.sent(of("a", acks("n2", 4, pos(4, 16))))
	r.Flush()
	require.Len(t, r.take(history.RaftCommit), 1, "both have by now")
}

func TestOrderIsThatOfAGroup(t *testing.T) {
	r := record("n1", "n2", "n3")
	var o tap.Order
	for _, m := range []tap.Message{
		of("a", tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 9}),
		of("b", tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 3}),
		{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 1},
		of("b", tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 2}),
	} {
		o.Sent(r.Assembler, &m)
	}
	require.Len(t, r.events, 1)
	require.Equal(t, history.RaftRegress, r.events[0].What)
	require.Equal(t, "b", r.events[0].Group)
}

func TestGroupsAreBounded(t *testing.T) {
	r := record("n1", "n2", "n3")
	for i := range 2000 {
		for _, from := range []string{"n1", "n2"} {
			r.sent(of(fmt.Sprint(i), tap.Message{Kind: tap.Heartbeat, From: from, To: "n3", Term: 1}))
		}
	}
	require.Len(t, r.events, 2*1024)
	require.EqualValues(t, 2*(2000-1024), r.Left())
	for i := range 1024 {
		for k := range 100 {
			r.sent(of(fmt.Sprint(i), tap.Message{Kind: tap.Heartbeat, From: fmt.Sprint("x", k), To: "n3", Term: 1}))
		}
	}
	require.Less(t, len(r.events), 1<<14)
	require.Greater(t, r.Left(), uint64(2*(2000-1024)), "members are bounded too")
}
