package reference

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

func frame(t testing.TB, m raft.Message) []byte {
	t.Helper()
	b, err := wire.AppendFrame(nil, &m)
	require.NoError(t, err)
	return b
}

func TestSplitter(t *testing.T) {
	vote := frame(t, raft.Message{Kind: raft.KindVote, From: 1, To: 2, Term: 3})
	entries := frame(t, raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Term: 3,
		Entries: []raft.Entry{{Term: 3, Index: 1, Data: []byte("hello")}}})
	stream := append(append([]byte{}, entries...), vote...)

	s, _ := protocol{}.Open("n1", "n2")
	for n := range len(entries) {
		got, _, err := s.Next(stream[:n])
		require.NoError(t, err)
		require.Zero(t, got, "%d bytes are no frame of %d", n, len(entries))
	}
	n, class, err := s.Next(stream)
	require.NoError(t, err)
	require.Equal(t, len(entries), n)
	require.Equal(t, "append", class)
	n, class, err = s.Next(stream[n:])
	require.NoError(t, err)
	require.Equal(t, len(vote), n)
	require.Equal(t, "vote", class)

	_, _, err = s.Next(make([]byte, wire.HeaderSize))
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestEveryClassIsKnown(t *testing.T) {
	kinds := []tap.Kind{
		tap.Append, tap.AppendResponse, tap.Heartbeat, tap.HeartbeatResponse, tap.Vote, tap.VoteResponse,
		tap.PreVote, tap.PreVoteResponse, tap.Snapshot, tap.SnapshotResponse,
	}
	var p protocol
	require.Len(t, p.Classes(), len(kinds))
	for k, class := range p.Classes() {
		require.True(t, p.Lossy(class), class)
		require.Equal(t, class, wire.ClassOf(raft.Kind(k+1)))
		require.Equal(t, kinds[k], tap.Kind(class), "the tap's word for it")
	}
	require.False(t, p.Lossy("snap"))
	require.Zero(t, wire.ClassOf(99))
	require.Contains(t, p.Classes(), voteResponse)
	require.Contains(t, p.Classes(), preVoteResponse)
}

func TestIdentify(t *testing.T) {
	for k, class := range (protocol{}).Classes() {
		m := raft.Message{Kind: raft.Kind(k + 1), From: 1, To: 2, Term: 7, Reject: true}
		if m.Kind == raft.KindSnapshot {
			m.Snapshot = &raft.Snapshot{}
		}
		id, ok := protocol{}.Identify(class, frame(t, m))
		named := !strings.Contains(class, "heartbeat") && !strings.Contains(class, "snapshot")
		require.Equal(t, named, ok, class)
		if named {
			require.Equal(t, fabric.ID{Class: class, Term: 7, Reject: true}, id)
		}
		require.Equal(t, class == "vote", protocol{}.Opens(class), class)
	}
	_, ok := protocol{}.Identify("vote", make([]byte, wire.HeaderSize))
	require.False(t, ok)
}

func BenchmarkIdentify(b *testing.B) {
	f := frame(b, raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Term: 7})
	for b.Loop() {
		protocol{}.Identify("append", f)
	}
}

func TestTap(t *testing.T) {
	target, err := New(Options{Binary: "usurper"})
	require.NoError(t, err)
	var events []history.Raft
	o := target.Tap([]string{"n1", "n2", "n3"}, func(e history.Raft) { events = append(events, e) })
	pass := func(stage fabric.Stage, link fabric.Link, id uint64, m raft.Message) {
		b := frame(t, m)
		o.Frame(stage, fabric.Frame{ID: id, Link: link, Class: wire.ClassOf(m.Kind), Bytes: b})
		clear(b) // the fabric reuses it
	}
	there, back := fabric.Link{From: "n1", To: "n2"}, fabric.Link{From: "n2", To: "n1"}
	pass(fabric.Sent, there, 7, raft.Message{Kind: raft.KindVote, From: 1, To: 2, Term: 2, Log: raft.Pos{Term: 1, Index: 4}})
	pass(fabric.Delivered, there, 7, raft.Message{Kind: raft.KindVote, From: 1, To: 2, Term: 2, Log: raft.Pos{Term: 1, Index: 4}})
	answer := raft.Message{Kind: raft.KindVoteResponse, From: 2, To: 1, Term: 2, Last: raft.Pos{Term: 1, Index: 3}}
	pass(fabric.Sent, back, 8, answer)
	o.Frame(fabric.Held, fabric.Frame{ID: 8, Link: back, Class: "vote-response"})
	pass(fabric.Dropped, back, 8, answer)
	o.Frame(fabric.Sent, fabric.Frame{ID: 9, Link: back, Class: "vote", Bytes: []byte("garbage")})

	vote := history.Raft{
		Source: history.Tap, Node: "n2", Seq: 1, What: history.RaftVote, Stage: history.Sent, Term: 2, Peer: "n1",
		PeerTerm: 2, Last: history.Pos{Term: 1, Index: 3}, PeerLast: history.Pos{Term: 1, Index: 4},
		Granted: true, Reason: history.ReasonUnspecified,
	}
	dropped := vote
	dropped.Seq, dropped.Stage = 2, history.Dropped
	require.Equal(t, []history.Raft{
		{Source: history.Tap, Node: "n1", Seq: 1, What: history.RaftCandidate, Stage: history.Sent, Term: 2, Last: history.Pos{Term: 1, Index: 4}},
		message(7, "n1", "n2", history.Raft{Class: "vote", Last: history.Pos{Term: 1, Index: 4}}),
		vote, message(8, "n2", "n1", history.Raft{Class: "vote-response", Granted: true}), dropped,
	}, events)
}

// message is one of term 2 that enters the fabric.
func message(id uint64, from, to string, r history.Raft) history.Raft {
	r.Source, r.Node, r.What, r.Stage, r.Term, r.Peer, r.ID = history.Fabric, from, history.RaftMessage, history.Sent, 2, to, id
	return r
}

func BenchmarkFrame(b *testing.B) {
	o := newObserver(func(history.Raft) {}, []string{"n1", "n2", "n3", "n4", "n5"})
	f := frame(b, raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Term: 3, Log: raft.Pos{Term: 3, Index: 1}, Last: raft.Pos{Term: 3, Index: 1}})
	link := fabric.Link{From: "n1", To: "n2"}
	b.ReportAllocs()
	for b.Loop() {
		o.Frame(fabric.Sent, fabric.Frame{ID: 1, Link: link, Class: "append", Bytes: f})
		o.Frame(fabric.Delivered, fabric.Frame{ID: 1, Link: link, Class: "append", Bytes: f})
	}
}
