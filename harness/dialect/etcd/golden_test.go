package etcd

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// What clusters of several versions said while their leader was killed and came
// back. Record one with: go test ./harness/target/etcd -run TestLiveCluster -capture v3.6.16
func TestRecordings(t *testing.T) {
	for _, c := range []struct {
		version  string
		leaders  map[uint64][]string
		votes    int // sent
		snapshot int
	}{
		{"3.5.2", map[uint64][]string{2: {"n2"}, 3: {"n3"}}, 5, 0},
		{"3.6.16", map[uint64][]string{2: {"n1"}, 3: {"n3"}}, 3, 1},
		{"3.7.3", map[uint64][]string{2: {"n1"}, 3: {"n2"}}, 3, 1},
	} {
		t.Run(c.version, func(t *testing.T) {
			pieces := load(t, filepath.Join("testdata", c.version+".jsonl.gz"))
			d := replay(pieces, 0)
			require.Empty(t, d.errors)
			require.Equal(t, c.leaders, d.leaders())
			require.Equal(t, c.votes, d.classes[classVoteResponse])
			require.Equal(t, c.snapshot, d.classes[classSnapshot])
			for _, class := range []string{classAppend, classAppendResponse, classHeartbeat, classHeartbeatResponse} {
				require.Greater(t, d.classes[class], 100, class)
			}
			requireConsistent(t, d.events)
			told := map[string]int{}
			for _, e := range d.events {
				if e.What == history.RaftMessage {
					require.Equal(t, history.Sent, e.Stage)
					told[e.Class]++
				}
			}
			require.Equal(t, c.votes, told[classVote])
			for _, class := range []string{classVote, classVoteResponse, classPreVote, classPreVoteResponse} {
				require.Equal(t, d.classes[class], told[class], class)
			}

			small := replay(pieces, 1)
			require.Empty(t, small.errors)
			require.Equal(t, d.events, small.events, "however the bytes arrive, they say the same")
			require.Equal(t, messages(d.frames), messages(small.frames))
		})
	}
}

// messages drops the frames whose ends depend on how much was there.
func messages(frames []framed) []framed {
	var m []framed
	for _, f := range frames {
		if f.class != classOther && f.class != classSnapshotData {
			m = append(m, f)
		}
	}
	return m
}

// requireConsistent checks that the events tell a story of Raft.
func requireConsistent(t *testing.T, events []history.Raft) {
	t.Helper()
	commit := map[string]uint64{}
	granted, delivered, told := map[uint64]int{}, 0, map[history.RaftWhat]int{}
	for _, e := range events {
		told[e.What]++
		switch e.What {
		case history.RaftVote:
			require.NotZero(t, e.PeerLast, "the candidate's request was seen")
			if e.Stage == history.Delivered {
				delivered++
			} else if e.Granted {
				granted[e.Term]++
			}
		case history.RaftLeader:
			require.NotZero(t, granted[e.Term], "somebody voted for the leader of term %d", e.Term)
			require.NotZero(t, e.Last)
		case history.RaftCommit:
			require.Greater(t, e.Index, commit[e.Node])
			commit[e.Node] = e.Index
		}
	}
	require.NotZero(t, delivered)
	for _, what := range []history.RaftWhat{history.RaftCandidate, history.RaftPreVote, history.RaftAck, history.RaftCommit} {
		require.NotZero(t, told[what], what)
	}
}

func BenchmarkReplay(b *testing.B) {
	pieces := load(b, filepath.Join("testdata", "3.6.16.jsonl.gz"))
	var size int64
	for _, p := range pieces {
		size += int64(len(p.Data))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		replay(pieces, 0)
	}
}
