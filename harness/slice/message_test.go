package slice_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
)

// pass adds a stage of a message.
func pass(h *tape.Tape, id uint64, stage history.Stage, from, to, class string, granted bool) {
	h.Add(history.Event{Raft: &history.Raft{
		Source: history.Fabric, What: history.RaftMessage, Stage: stage, Node: from, Peer: to, Term: 2, ID: id, Class: class, Granted: granted,
	}})
}

func TestMessagesJoin(t *testing.T) {
	t.Parallel()
	for _, stage := range []history.Stage{history.Delivered, history.Dropped, ""} {
		h := tape.Started("n1", "n2", "n3")
		h.Fault(history.Fault{Step: 1, What: history.FaultInject, Text: "hold", Nodes: []string{"n2"}, Traffic: true})
		h.Stand("n1", 2)
		pass(h, 1, history.Sent, "n1", "n2", "vote", false)
		pass(h, 1, history.HeldBack, "n1", "n2", "vote", false)
		pass(h, 1, history.Delivered, "n1", "n2", "vote", false)
		h.Grant("n2", "n1", 2)
		pass(h, 2, history.Sent, "n2", "n1", "vote-response", true)
		if stage != "" {
			pass(h, 2, stage, "n2", "n1", "vote-response", true)
		}
		h.Lead("n1", 2)
		s := of(t, h, 100, last(h))
		got := edges(h, s)
		counts := "n1 leader2 <- n2>n1 vote-response delivered: a vote that can have counted"
		if stage != history.Delivered {
			require.NotContains(t, strings.Join(got, "\n"), "n2", "a vote that did not come counts for nobody")
			continue
		}
		for _, want := range []string{
			counts,
			"n2>n1 vote-response delivered <- n2>n1 vote-response sent: the message on its way",
			"n2>n1 vote-response sent <- n2 vote2 n1: the decision that it tells",
			"n2 vote2 n1 <- n1>n2 vote delivered: it was asked",
			"n1>n2 vote delivered <- n1>n2 vote held: the message on its way",
			"n1>n2 vote held <- fault inject: a fault in force",
			"n1>n2 vote sent <- n1 candidate2: earlier in the same process",
		} {
			require.Contains(t, got, want)
		}
	}
}

// A vote that only the wire tells of answers the request that came.
func TestVotesOnTheWireAnswerMessages(t *testing.T) {
	t.Parallel()
	for _, came := range []bool{true, false} {
		h := tape.Started("n1", "n2", "n3")
		wire := func(what history.RaftWhat, node, peer string) {
			h.Add(history.Event{Raft: &history.Raft{Source: history.Tap, What: what, Stage: history.Sent, Node: node, Peer: peer, Term: 2, Granted: peer != ""}})
		}
		wire(history.RaftCandidate, "n1", "")
		pass(h, 1, history.Sent, "n1", "n2", "vote", false)
		if came {
			pass(h, 1, history.Delivered, "n1", "n2", "vote", false)
		}
		wire(history.RaftVote, "n2", "n1")
		got := edges(h, of(t, h, 100, last(h)))
		if !came {
			require.Equal(t, []string{"n2 vote2 n1 <- n1 candidate2: it was asked"}, got)
			continue
		}
		require.Equal(t, []string{
			"n1>n2 vote sent <- n1 candidate2: earlier in the same process",
			"n1>n2 vote delivered <- n1>n2 vote sent: the message on its way",
			"n2 vote2 n1 <- n1>n2 vote delivered: it was asked",
		}, got)
	}
}

// A vote in one Raft counts for no leader of another, whose term has the same number.
func TestGroupsAreApart(t *testing.T) {
	t.Parallel()
	for _, group := range []string{"", "another"} {
		h := tape.Tapped("n1", "n2", "n3")
		for _, stage := range []history.Stage{history.Sent, history.Delivered} {
			h.Add(history.Event{Raft: &history.Raft{Source: history.Tap, What: history.RaftVote, Stage: stage, Node: "n2", Peer: "n1", Term: 2, Granted: true, Group: group}})
		}
		h.Add(history.Event{Raft: &history.Raft{Source: history.Tap, What: history.RaftLeader, Stage: history.Sent, Node: "n1", Term: 2}})
		s := of(t, h, 100, last(h))
		require.Equal(t, group != "", len(s.Edges) == 0, s.Edges)
	}
}
