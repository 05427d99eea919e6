package libraft_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/libraft"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// words are as they stand on the wire.
func words(w ...uint64) []byte {
	var b []byte
	for _, v := range w {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// message is one of a type, with what is in its head.
func message(kind uint64, w ...uint64) []byte {
	return words(append([]uint64{kind, uint64(8 * len(w))}, w...)...)
}

const connect = 0x0b

// introduces is how a member begins.
func introduces(id uint64, addr string) []byte {
	padded := addr + strings.Repeat("\x00", 8-len(addr)%8)
	return append(words(1, uint64(1+len(padded)/8)|connect<<32, id), padded...)
}

type entry struct{ term, what, size uint64 }

// appends is an append with its entries, and their data.
func appends(term, prev, prevTerm, commit uint64, entries ...entry) []byte {
	w := []uint64{term, prev, prevTerm, commit, uint64(len(entries))}
	data := uint64(0)
	for _, e := range entries {
		w = append(w, e.term, e.what|e.size<<32)
		data += e.size
	}
	return append(message(1, append(w, 0xdead)...), make([]byte, data)...)
}

// connected is a connection of which nothing was said yet.
func connected() *golden.Wire { return golden.Connect(libraft.Dialect(), "snapshot-data", "client") }

func pos(term, index uint64) history.Pos { return history.Pos{Term: term, Index: index} }

func TestMessages(t *testing.T) {
	snapshot := append(message(5, 7, 300, 5, 1, 16, 0xc0, 0xc1, 40, 0xdead), make([]byte, 40)...)
	for name, tc := range map[string]struct {
		sent  []byte
		class string
		want  tap.Message
	}{
		"a pre-vote":            {message(3, 2, 0xff97fb432fe84dd4, 7, 1, 2), "", tap.Message{Kind: tap.PreVote, Term: 2, Log: pos(1, 7)}},
		"a vote":                {message(3, 2, 0xcd71216c1d225fab, 7, 1, 0), "", tap.Message{Kind: tap.Vote, Term: 2, Log: pos(1, 7)}},
		"a vote that disrupts":  {message(3, 2, 9, 7, 1, 1), "", tap.Message{Kind: tap.Vote, Term: 2, Log: pos(1, 7)}},
		"a vote of old":         {message(3, 2, 9, 7, 1), "", tap.Message{Kind: tap.Vote, Term: 2, Log: pos(1, 7)}},
		"a granted pre-vote":    {message(4, 2, 1, 1), "", tap.Message{Kind: tap.PreVoteResponse, Term: 2}},
		"a refused pre-vote":    {message(4, 2, 0, 1), "", tap.Message{Kind: tap.PreVoteResponse, Term: 2, Reject: true}},
		"a granted vote":        {message(4, 2, 1, 0), "", tap.Message{Kind: tap.VoteResponse, Term: 2}},
		"a refused vote":        {message(4, 5, 0, 0), "", tap.Message{Kind: tap.VoteResponse, Term: 5, Reject: true}},
		"a heartbeat":           {appends(1, 4, 1, 4), "heartbeat", tap.Message{Kind: tap.Append, Term: 1, Log: pos(1, 4), Last: pos(1, 4), Commit: 4}},
		"an append with data":   {appends(3, 4, 1, 4, entry{1, 1, 8}, entry{3, 2, 16}), "", tap.Message{Kind: tap.Append, Term: 3, Log: pos(1, 4), Last: pos(3, 6), Commit: 4}},
		"an answer":             {message(2, 3, 0, 9), "", tap.Message{Kind: tap.AppendResponse, Term: 3}},
		"an append refused":     {message(2, 3, 4, 2), "", tap.Message{Kind: tap.AppendResponse, Term: 3, Reject: true}},
		"a leader's word":       {message(6, 3, 9, 3), "", tap.Message{Kind: tap.TimeoutNow, Term: 3}},
		"a snapshot":            {snapshot, "", tap.Message{Kind: tap.Snapshot, Term: 7, Log: pos(5, 300)}},
		"the first entry of it": {appends(1, 0, 0, 0, entry{1, 3, 40}), "", tap.Message{Kind: tap.Append, Term: 1, Last: pos(1, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			hello := introduces(1, "127.0.0.1:29003")
			stream := slices.Concat(hello, tc.sent, message(6, 4, 9, 3))
			whole := connected()
			whole.Take(0, stream)
			require.NoError(t, whole.Err)
			require.Empty(t, whole.Pending[0])
			require.Empty(t, whole.Watch.Strange())
			require.Equal(t, golden.Frame{Class: tc.class, Message: tc.want}, whole.Frames[2])
			require.Equal(t, tap.TimeoutNow, whole.Frames[len(whole.Frames)-1].Message.Kind, "what follows is found")
			for cut := range stream {
				w := connected()
				w.Take(0, stream[:cut])
				w.Take(0, stream[cut:])
				require.Equal(t, whole.Frames, w.Frames, "cut at byte %d", cut)
			}
		})
	}
}

// An answer of old may be to a vote or to a pre-vote, which binds nobody.
func TestAnswersOfOldVersions(t *testing.T) {
	w := connected()
	w.Take(0, slices.Concat(introduces(1, "127.0.0.1:29003"), message(4, 2, 1)))
	require.NoError(t, w.Err)
	require.Equal(t, golden.Frame{Class: "vote-response", Message: tap.Message{Term: 2}}, w.Frames[2])
	require.Equal(t, map[string]uint64{"an answer that does not say whether it is to a vote or a pre-vote": 1}, w.Watch.Strange())
}

// Nothing is read of clients, whatever they and their server say.
func TestClients(t *testing.T) {
	w := connected()
	w.Take(0, words(1, 1|0x12<<32, 0))
	w.Take(1, words(2, 3))
	w.Take(0, message(4, 2, 1, 0))
	require.NoError(t, w.Err)
	require.Equal(t, []golden.Frame{{Class: "hello"}, {Class: "client"}}, w.Frames)
}

// What is not the protocol is said soon, and in words that help.
func TestNotTheProtocol(t *testing.T) {
	hello := introduces(1, "127.0.0.1:29003")
	for name, tc := range map[string]struct {
		sent []byte
		want string
	}{
		"TLS":                 {[]byte{0x16, 3, 1, 2, 0, 1, 0, 1}, "TLS"},
		"HTTP":                {[]byte("GET / HTTP/1.1"), "a connection of version"},
		"a type":              {slices.Concat(hello, message(9, 1, 2, 3)), "a message of type 9"},
		"a short one":         {slices.Concat(hello, message(3, 1)), "a message of type 3 and 8 bytes"},
		"a long one":          {slices.Concat(hello, words(1, 1<<40)), "a message of type 1"},
		"too many entries":    {slices.Concat(hello, message(1, 1, 2, 1, 2, 1<<40, 0)), "an append of 1099511627776 entries"},
		"an entry":            {slices.Concat(hello, appends(1, 4, 1, 4, entry{1, 9, 8})), "an entry of type 9"},
		"a configuration":     {slices.Concat(hello, message(5, 7, 300, 5, 1, 1<<63, 0)), "a snapshot with a configuration"},
		"a hello of no words": {words(1, connect<<32), "introduces itself in 0 words"},
	} {
		t.Run(name, func(t *testing.T) {
			w := connected()
			w.Take(0, tc.sent)
			require.ErrorContains(t, w.Err, tc.want)
		})
	}
	w := connected()
	w.Take(0, hello)
	w.Take(1, words(1))
	require.ErrorContains(t, w.Err, "members give none")
}

// An answer acknowledges what the leader has sent in its term, and no more than the
// follower has.
func TestAcknowledgements(t *testing.T) {
	for name, tc := range map[string]struct {
		sent []byte
		last uint64
		want uint64
	}{
		"all":                             {appends(3, 4, 1, 4, entry{1, 1, 8}, entry{3, 1, 8}), 6, 6},
		"a part":                          {appends(3, 4, 1, 4, entry{1, 1, 8}, entry{3, 1, 8}), 5, 5},
		"a tail that is not the leader's": {appends(3, 4, 1, 4), 9, 4},
		"a snapshot":                      {append(message(5, 3, 300, 2, 1, 8, 0xc0, 8, 0), make([]byte, 8)...), 300, 300},
		"of another term":                 {appends(2, 4, 1, 4), 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var open func(dialler, accepter string) (tap.Decoder, tap.Decoder)
			d := libraft.Dialect()
			whole := d.Open
			d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
				open = whole(c)
				return open
			}
			d.Watch([]string{"n1", "n2", "n3"}, nil)
			leads, _ := open("n1", "n2")
			answers, _ := open("n2", "n1")
			var m tap.Message
			for _, step := range []struct {
				by    tap.Decoder
				bytes []byte
			}{
				{leads, introduces(1, "127.0.0.1:29001")}, {answers, introduces(2, "127.0.0.1:29002")}, {leads, tc.sent}, {answers, message(2, 3, 0, tc.last)},
			} {
				for b := step.bytes; len(b) > 0; {
					m = tap.Message{}
					n, _, err := step.by.Next(b, &m)
					require.NoError(t, err)
					require.NotZero(t, n)
					b = b[n:]
				}
			}
			require.Equal(t, tap.Message{Kind: tap.AppendResponse, Term: 3, Log: history.Pos{Index: tc.want}}, m)
		})
	}
}

func TestHello(t *testing.T) {
	d := libraft.Dialect()
	hello := introduces(7, "127.0.0.1:29003")
	for n := range hello {
		addr, more, err := d.Hello(hello[:n])
		require.True(t, more && err == nil && addr == "", "%d bytes", n)
	}
	addr, more, err := d.Hello(append(hello, 1, 2, 3))
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, "127.0.0.1:29003", addr)
	require.True(t, d.Begins(hello))
	_, _, err = d.Hello(words(1, 1|0x12<<32, 0))
	require.Error(t, err, "a client")
	require.False(t, d.Begins(words(1, 1|0x12<<32, 0)))
}

func TestStrangeFlags(t *testing.T) {
	w := connected()
	w.Take(0, append(introduces(1, "127.0.0.1:29003"), message(3, 2, 9, 7, 1, 4)...))
	require.NoError(t, w.Err)
	require.Equal(t, map[string]uint64{"a request for a vote with flags 0x4": 1}, w.Watch.Strange())
}

func FuzzDecoder(f *testing.F) {
	f.Add(append(introduces(1, "127.0.0.1:29003"), appends(3, 4, 1, 4, entry{1, 1, 8})...), uint8(7))
	f.Add(append(introduces(1, "127.0.0.1:29003"), message(5, 7, 300, 5, 1, 16, 0, 0, 40, 0)...), uint8(90))
	f.Add(words(1, 1|0x12<<32, 0), uint8(1))
	f.Fuzz(func(t *testing.T, sent []byte, step uint8) {
		whole, parts := connected(), connected()
		whole.Take(0, sent)
		for n := int(step%16) + 1; len(sent) > 0; sent = sent[min(n, len(sent)):] {
			parts.Take(0, sent[:min(n, len(sent))])
		}
		require.Equal(t, whole.Frames, parts.Frames)
	})
}

func BenchmarkDecoder(b *testing.B) {
	for name, sent := range map[string][]byte{
		"heartbeat": appends(1, 4, 1, 4),
		"append":    appends(3, 4, 1, 4, entry{3, 1, 4096}, entry{3, 1, 4096}),
	} {
		b.Run(name, func(b *testing.B) {
			w := connected()
			w.Take(0, introduces(1, "127.0.0.1:29003"))
			var m tap.Message
			b.SetBytes(int64(len(sent)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.Decoders[0].Next(sent, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
