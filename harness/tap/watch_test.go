package tap_test

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// toy is a dialect of frames of a kind, a term and whether it is a refusal.
func toy() tap.Dialect {
	kinds := []tap.Kind{tap.Vote, tap.VoteResponse, tap.Heartbeat}
	return tap.Dialect{
		Name: "toy", Kinds: kinds, Classes: []string{"other"}, Ordered: true,
		Open: func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
			return func(string, string) (tap.Decoder, tap.Decoder) { return toyDecoder{c, kinds}, toyDecoder{c, kinds} }
		},
	}
}

type toyDecoder struct {
	cluster *tap.Cluster
	kinds   []tap.Kind
}

func (d toyDecoder) Next(b []byte, m *tap.Message) (int, string, error) {
	switch {
	case len(b) < 6:
		return 0, "", nil
	case b[0] == 0xff:
		return 0, "", errors.New("not the toy's")
	case int(b[0]) >= len(d.kinds):
		d.cluster.Strange("a frame of a type of its own")
		return 6, "other", nil
	}
	m.Kind, m.Term, m.Reject = d.kinds[b[0]], uint64(binary.BigEndian.Uint32(b[1:])), b[5] == 1
	return 6, "", nil
}

func TestWatchThroughAFabric(t *testing.T) {
	var mu sync.Mutex
	var events []history.Raft
	w := toy().Watch([]string{"n1", "n2"}, func(e history.Raft) {
		mu.Lock()
		defer mu.Unlock()
		events = append(events, e)
	})
	require.Equal(t, []string{"vote", "vote-response", "heartbeat", "other"}, w.Classes())
	f, err := fabric.New(fabric.Options{Protocol: w, Observer: observed{w}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })

	backend, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer backend.Close()
	addr, err := f.Listen("n1", "n2", fabric.ListenOptions{Addr: "127.0.0.1:0", Backend: backend.Addr().String(), Decode: true})
	require.NoError(t, err)
	n1, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer n1.Close()
	n2, err := backend.Accept()
	require.NoError(t, err)
	defer n2.Close()

	hold, err := f.Apply(fabric.Rule{Action: fabric.Cut, Links: []fabric.Link{{From: "n2", To: "n1"}}})
	require.NoError(t, err)
	_, err = n1.Write([]byte{0, 0, 0, 0, 7, 0, 9, 9, 9, 9, 9, 9})
	require.NoError(t, err)
	got := make([]byte, 12)
	_, err = n2.Read(got)
	require.NoError(t, err)
	_, err = n2.Write([]byte{1, 0, 0, 0, 7, 0})
	require.NoError(t, err)
	saw := func(what history.RaftWhat, stage history.Stage) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				if e.What == what && e.Stage == stage {
					return true
				}
			}
			return false
		}
	}
	require.Eventually(t, saw(history.RaftVote, history.Sent), time.Minute, time.Millisecond)
	require.True(t, saw(history.RaftCandidate, history.Sent)())
	require.Eventually(t, saw(history.RaftMessage, history.Sent), time.Minute, time.Millisecond)
	require.False(t, saw(history.RaftVote, history.Delivered)(), "a held vote is no vote")
	hold.Remove()
	require.Eventually(t, saw(history.RaftVote, history.Delivered), time.Minute, time.Millisecond)
	w.Flush()
	require.Equal(t, map[string]uint64{"a frame of a type of its own": 1}, w.Strange())
}

type observed struct{ *tap.Watch }

func (observed) Undecodable(fabric.Link, error) {}

// A grant in another term than that of the request is none.
func TestGrantInAnotherTerm(t *testing.T) {
	r := record()
	ask := tap.Message{Kind: tap.Vote, From: "n1", To: "n2", Term: 7}
	r.sent(ask)
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 6, Asked: 7})
	r.sent(tap.Message{Kind: tap.VoteResponse, From: "n2", To: "n1", Term: 7, Asked: 7})
	var granted []bool
	for _, e := range r.events {
		if e.What == history.RaftVote {
			require.EqualValues(t, 7, e.PeerTerm)
			granted = append(granted, e.Granted)
		}
	}
	require.Equal(t, []bool{false, true}, granted)
}

func TestWhoIntroducesThemselves(t *testing.T) {
	var cluster *tap.Cluster
	d := toy()
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		cluster = c
		return open(c)
	}
	d.Watch([]string{"n1", "n2"}, nil)
	require.NoError(t, cluster.Meet("a", "n1"))
	require.NoError(t, cluster.Meet("a", "n1"))
	require.ErrorContains(t, cluster.Meet("a", "n2"), "n2 introduces itself as \"a\", which is n1")
	require.NoError(t, cluster.Meet("b", "n1"), "n1 was removed and came back")
	name, renewed, ok := cluster.Member("b")
	require.True(t, ok)
	require.Equal(t, "n1", name)
	require.EqualValues(t, 1, renewed)
	_, _, ok = cluster.Member("c")
	require.False(t, ok)
}

// A decoder that rewrites does so to what goes on, and what is told is of what came.
func TestWatchRewrites(t *testing.T) {
	d := toy()
	d.Redial = time.Second
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		return func(a, b string) (tap.Decoder, tap.Decoder) {
			forward, backward := open(c)(a, b)
			return rewriter{forward}, backward
		}
	}
	w := d.Watch([]string{"n1", "n2"}, func(history.Raft) {})
	require.Equal(t, time.Second, w.Redial())
	forward, backward := w.Open("n1", "n2")
	require.NotImplements(t, (*fabric.Rewriter)(nil), backward)
	frame := []byte{0, 0, 0, 0, 7, 0}
	n, _, err := forward.Next(frame)
	require.NoError(t, err)
	reach := func(backend string) (string, bool) { return "door of " + backend, true }
	require.Equal(t, "door of n1", string(forward.(fabric.Rewriter).Rewrite(frame[:n], reach)))
	require.EqualValues(t, 7, forward.(fabric.Teller).Told().(*tap.Message).Term)
}

type rewriter struct{ tap.Decoder }

func (rewriter) Rewrite(_ []byte, reach func(string) (string, bool)) []byte {
	addr, _ := reach("n1")
	return []byte(addr)
}

// What a dialect says of itself is there to be written down, and its main group has no
// name in events.
func TestWhatADialectSaysOfItself(t *testing.T) {
	d := toy()
	d.Main, d.Term = "_meta_", "an epoch"
	d.Unjudged = []history.Unjudged{{Rule: "two votes in one term", Why: "a vote may change"}}
	d.Rules = []history.Rule{history.AsksFirst}
	var cluster *tap.Cluster
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		cluster = c
		return func(a, b string) (tap.Decoder, tap.Decoder) {
			f, r := open(c)(a, b)
			return inMain{f}, inMain{r}
		}
	}
	var events []history.Raft
	w := d.Watch([]string{"n1", "n2"}, func(e history.Raft) { events = append(events, e) })
	require.Equal(t, &history.Wire{Dialect: "toy", Main: "_meta_", Term: "an epoch", Unjudged: d.Unjudged}, w.Wire())
	require.Equal(t, d.Rules, w.Rules())
	f, _ := w.Open("n1", "n2")
	for _, frame := range [][]byte{{2, 0, 0, 0, 7, 0}, {9, 0, 0, 0, 7, 0}} {
		n, _, err := f.Next(frame)
		require.NoError(t, err)
		require.Equal(t, 6, n)
	}
	cluster.Voters("_meta_", []string{"n2", "n1"})
	cluster.Reconfigured("_meta_")
	require.Len(t, events, 2, "that those of the start vote is no news")
	require.Equal(t, history.RaftLeader, events[0].What)
	require.Equal(t, history.RaftConfig, events[1].What)
	for _, e := range events {
		require.Empty(t, e.Group)
	}
	require.Equal(t, history.Heard{Messages: 1, Strange: map[string]uint64{"a frame of a type of its own": 1}}, w.Heard())
}

// inMain says of each message that it is of the main group.
type inMain struct{ tap.Decoder }

func (d inMain) Next(b []byte, m *tap.Message) (int, string, error) {
	n, class, err := d.Decoder.Next(b, m)
	if m.Kind != "" {
		m.Group = "_meta_"
	}
	return n, class, err
}
