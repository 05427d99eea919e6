package tap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// A member that has come back as a new one owes nothing to the one before it.
func TestNewMemberOfAnOldName(t *testing.T) {
	r := record("n1", "n2", "n3")
	r.sent(appends("n1", 4, pos(4, 10), pos(4, 15), 0))
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 4})
	r.sent(acks("n2", 4, pos(4, 15)))
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", FromNew: 1, To: "n1", Term: 4})
	r.sent(tap.Message{Kind: tap.AppendResponse, From: "n2", FromNew: 1, To: "n1", Term: 4, Log: history.Pos{Term: 4, Index: 3}})
	r.Flush()
	seen := map[uint64][]history.RaftWhat{}
	seq := map[uint64]uint64{}
	for _, e := range r.events {
		if e.Node == "n2" {
			require.Greater(t, e.Seq, seq[e.Inc])
			seq[e.Inc] = e.Seq
			seen[e.Inc] = append(seen[e.Inc], e.What)
		}
	}
	require.Equal(t, []history.RaftWhat{history.RaftVote, history.RaftAck}, seen[0])
	require.Equal(t, []history.RaftWhat{history.RaftVote, history.RaftAck}, seen[1])
}

func TestAcknowledgementsCommitNothingOnceTheVotersChange(t *testing.T) {
	for _, changed := range []bool{false, true} {
		r := record("n1", "n2", "n3")
		if changed {
			r.Reconfigured("")
		}
		r.sent(appends("n1", 4, pos(4, 10), pos(4, 15), 0))
		r.sent(tap.Message{Kind: tap.AppendResponse, From: "n2", To: "n1", Term: 4, Log: pos(4, 15)})
		r.sent(tap.Message{Kind: tap.AppendResponse, From: "n3", To: "n1", Term: 4, Log: pos(4, 15)})
		r.Flush()
		require.Equal(t, changed, len(r.take(history.RaftCommit)) == 0)
		r.sent(tap.Message{Kind: tap.Heartbeat, From: "n1", To: "n2", Term: 4, Commit: 15})
		r.Flush()
		require.Equal(t, changed, len(r.take(history.RaftCommit)) == 1, "what the leader says still counts")
	}
}
