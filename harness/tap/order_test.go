package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

func TestTermsGivenBackOnOneConnection(t *testing.T) {
	of := func(kind tap.Kind, term uint64) tap.Message {
		return tap.Message{Kind: kind, From: "n1", To: "n2", Term: term}
	}
	for name, tc := range map[string]struct {
		messages []tap.Message
		back     bool
	}{
		"terms rise":                         {[]tap.Message{of(tap.Vote, 2), of(tap.Append, 2), of(tap.Heartbeat, 2), of(tap.Vote, 5)}, false},
		"an append of an earlier term":       {[]tap.Message{of(tap.Append, 5), of(tap.Append, 4)}, true},
		"a heartbeat after a later vote":     {[]tap.Message{of(tap.Vote, 5), of(tap.Heartbeat, 4)}, true},
		"an answer of an earlier term":       {[]tap.Message{of(tap.VoteResponse, 5), of(tap.AppendResponse, 4)}, true},
		"an answer that waited for the disk": {[]tap.Message{of(tap.HeartbeatResponse, 5), of(tap.VoteResponse, 4), of(tap.AppendResponse, 5)}, false},
		"a pre-vote for a term to come":      {[]tap.Message{of(tap.PreVote, 6), of(tap.Append, 5)}, false},
		"a granted pre-vote":                 {[]tap.Message{of(tap.PreVoteResponse, 6), of(tap.AppendResponse, 5)}, false},
		"a snapshot sent anew":               {[]tap.Message{of(tap.Append, 5), of(tap.Snapshot, 4)}, false},
		"a message without a term":           {[]tap.Message{of(tap.Append, 5), of(tap.Heartbeat, 0)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := record()
			var o tap.Order
			for i := range tc.messages {
				o.Sent(r.Assembler, &tc.messages[i])
				o.Sent(r.Assembler, &tc.messages[i])
			}
			if !tc.back {
				require.Empty(t, r.events)
				return
			}
			require.Len(t, r.events, 1, "once a connection")
			e := r.events[0]
			require.Equal(t, history.Raft{
				Source: history.Tap, Node: "n1", Seq: 1, What: history.RaftRegress, Stage: history.Sent, Term: 4, PeerTerm: 5, Peer: "n2",
			}, e)
		})
	}
}

// Another connection is that of another process, or was queued apart.
func TestTermsOfTwoConnections(t *testing.T) {
	r := record()
	var first, second tap.Order
	first.Sent(r.Assembler, &tap.Message{Kind: tap.Append, From: "n1", To: "n2", Term: 5})
	second.Sent(r.Assembler, &tap.Message{Kind: tap.Append, From: "n1", To: "n2", Term: 4})
	require.Empty(t, r.events)
}

func TestCandidaciesAtALeadersWord(t *testing.T) {
	reasons := func(messages ...tap.Message) (out []history.Reason) {
		r := record()
		for _, m := range messages {
			r.sent(m)
		}
		for _, e := range r.events {
			if e.What == history.RaftCandidate {
				out = append(out, e.Reason)
			}
		}
		return out
	}
	word := tap.Message{Kind: tap.TimeoutNow, From: "n1", To: "n2", Term: 4}
	stands := func(node string, term uint64) tap.Message {
		return tap.Message{Kind: tap.Vote, From: node, To: "n3", Term: term}
	}
	require.Equal(t, []history.Reason{history.ReasonTransfer}, reasons(word, stands("n2", 5)))
	require.Equal(t, []history.Reason{""}, reasons(stands("n2", 5), word), "the word came later")
	require.Equal(t, []history.Reason{""}, reasons(word, stands("n3", 5)), "another was told to")
	require.Equal(t, []history.Reason{""}, reasons(word, stands("n2", 6)), "for another term")
}
