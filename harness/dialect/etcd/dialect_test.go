package etcd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/history"
)

// postBy is post by a member other than n2.
func postBy(t *testing.T, id uint64, m raftpb.Message) string {
	return strings.Replace(post(t, m), "X-Server-From: 2", fmt.Sprintf("X-Server-From: %x", id), 1)
}

// A member that was removed and added again has a new id: it is another one under
// its old name, whichever end says so first.
func TestNewIDOfAnOldName(t *testing.T) {
	k := newTalk(t)
	say := func(m raftpb.Message) {
		require.NotEmpty(t, k.classesOf(k.forward, post(t, m)))
		k.classesOf(k.backward, "HTTP/1.1 204 No Content\r\n\r\n")
	}
	say(raftpb.Message{Type: raftpb.MsgVoteResp, From: 2, To: 1, Term: 5})
	say(raftpb.Message{Type: raftpb.MsgVoteResp, From: 77, To: 1, Term: 5}) // a request that introduces nobody
	say(raftpb.Message{Type: raftpb.MsgVoteResp, From: 2, To: 1, Term: 6})  // the old one's, late
	say(raftpb.Message{Type: raftpb.MsgVoteResp, From: 78, To: 1, Term: 6})
	var who []uint64
	for _, e := range k.events {
		require.Equal(t, "n2", e.Node)
		who = append(who, e.Inc)
	}
	require.Equal(t, []uint64{0, 1, 0, 2}, who)

	other, _ := k.o.Open("n3", "n1")
	_, _, err := splitAll(other, []byte(postBy(t, 3, raftpb.Message{Type: raftpb.MsgVoteResp, From: 77, To: 1, Term: 7})), 1000)
	require.ErrorContains(t, err, `n3 introduces itself as "4d", which is n2`)
}

// Who decides is not known once an entry that changes the members is on its way,
// in whichever form: from then on acknowledgements commit nothing.
func TestEntriesThatChangeTheMembers(t *testing.T) {
	change := entry(5, 43)
	change.Type = raftpb.EntryConfChange
	head := func(e raftpb.Entry) raftpb.Message {
		return raftpb.Message{Type: raftpb.MsgApp, From: 1, To: 2, Term: 5, LogTerm: 5, Index: e.Index - 1, Entries: []raftpb.Entry{e}}
	}
	for name, c := range map[string]struct {
		payload []byte
		commits int
	}{
		"none":                {append(whole(t, head(entry(5, 42))), continued(t, 0, entry(5, 43))...), 1},
		"in a whole message":  {whole(t, head(change)), 0},
		"in a continued form": {append(whole(t, head(entry(5, 42))), continued(t, 0, change)...), 0},
	} {
		k := newTalk(t)
		k.classesOf(k.forward, getAppends)
		require.NotEmpty(t, k.classesOf(k.backward, okChunked+chunks(c.payload, 1000)))
		for _, follower := range []string{"n2", "n3"} {
			answers, _ := k.o.Open(follower, "n1")
			id := uint64(follower[1] - '0')
			_, _, err := splitAll(answers, []byte(postBy(t, id, raftpb.Message{Type: raftpb.MsgAppResp, From: id, To: 1, Term: 5, Index: 43})), 1000)
			require.NoError(t, err)
		}
		k.o.Flush()
		commits := 0
		for _, e := range k.events {
			if e.What == history.RaftCommit {
				commits++
			}
		}
		require.Equal(t, c.commits, commits, name)
	}
}
