package hashicorp_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/dialect/hashicorp"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// pack writes values as the library's codec does: strings and bytes alike, numbers as
// short as they can be, the keys of a table in the order given.
func pack(b []byte, values ...any) []byte {
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 0xc0)
		case bool:
			b = append(b, 0xc2)
			if v {
				b[len(b)-1] = 0xc3
			}
		case string:
			switch n := len(v); {
			case n < 32:
				b = append(b, 0xa0|byte(n))
			case n <= math.MaxUint16:
				b = binary.BigEndian.AppendUint16(append(b, 0xda), uint16(n))
			default:
				b = binary.BigEndian.AppendUint32(append(b, 0xdb), uint32(n))
			}
			b = append(b, v...)
		case int: // signed, as sizes of snapshots are
			switch {
			case v < 0x80:
				b = append(b, byte(v))
			case v <= math.MaxInt16:
				b = binary.BigEndian.AppendUint16(append(b, 0xd1), uint16(v))
			default:
				b = binary.BigEndian.AppendUint32(append(b, 0xd2), uint32(v))
			}
		case uint64:
			switch {
			case v < 0x80:
				b = append(b, byte(v))
			case v <= math.MaxUint8:
				b = append(b, 0xcc, byte(v))
			case v <= math.MaxUint16:
				b = binary.BigEndian.AppendUint16(append(b, 0xcd), uint16(v))
			case v <= math.MaxUint32:
				b = binary.BigEndian.AppendUint32(append(b, 0xce), uint32(v))
			default:
				b = binary.BigEndian.AppendUint64(append(b, 0xcf), v)
			}
		case table:
			b = pack(append(b, 0x80|byte(len(v)/2)), v...)
		case list:
			b = pack(append(b, 0xdc, byte(len(v)>>8), byte(len(v))), v...)
		default:
			panic(fmt.Sprintf("%T", v))
		}
	}
	return b
}

// table is keys and values in turn, at most 15 pairs.
type table []any

type list []any

// by is how every message of a member begins.
func by(id string, rest ...any) table {
	return append(table{"Addr", "127.0.0.1:710" + id[1:], "ID", id, "ProtocolVersion", uint64(3)}, rest...)
}

func asks(what byte, t table) []byte { return pack([]byte{what}, t) }

func answers(t any) []byte { return pack(nil, "", t) }

const (
	appendEntries = iota
	requestVote
	installSnapshot
	timeoutNow
	requestPreVote
)

func entryOf(index, term, what uint64) table {
	return table{
		"AppendedAt", "\x01\x00\x00\x00\x0e\xdd\x3a\x11\x00\x1d\xcd\x65\x00\xff\xff", "Data", "a value", "Extensions", nil,
		"Index", index, "Term", term, "Type", what,
	}
}

func appends(id string, term, prev, prevTerm, commit uint64, entries any) []byte {
	return asks(appendEntries, by(id, "Leader", "127.0.0.1:7101", "Term", term, "PrevLogEntry", prev, "PrevLogTerm", prevTerm,
		"Entries", entries, "LeaderCommitIndex", commit))
}

func appended(id string, term uint64, ok bool) []byte {
	return answers(by(id, "LastLog", uint64(9), "NoRetryBackoff", false, "Success", ok, "Term", term))
}

func stands(id string, what byte, term uint64) []byte {
	t := by(id, "LastLogIndex", uint64(40), "LastLogTerm", uint64(6), "Term", term)
	if what == requestVote {
		t = append(t, "Candidate", "127.0.0.1:7101", "LeadershipTransfer", false)
	}
	return asks(what, t)
}

func votes(id string, term uint64, granted bool) []byte {
	return answers(by(id, "Granted", granted, "Peers", nil, "Term", term))
}

func installs(id string, term uint64, data string) []byte {
	return append(asks(installSnapshot, by(id, "Configuration", "\x81\xa7Servers\x90", "ConfigurationIndex", uint64(1),
		"LastLogIndex", uint64(300), "LastLogTerm", uint64(5), "Leader", "127.0.0.1:7101", "Peers", "\x90", "Size", len(data),
		"SnapshotVersion", uint64(1), "Term", term)), data...)
}

// connect is a connection of which nothing was said yet.
func connect() *golden.Wire { return golden.Connect(hashicorp.Dialect(), "snapshot-data") }

// talk is what is said on a connection in turn, what n1 says at even places.
type talk [][]byte

// decode decodes it, all at once and cut at every byte: the same comes of it.
func (words talk) decode(t *testing.T) *golden.Wire {
	t.Helper()
	whole := connect()
	for i, b := range words {
		whole.Take(i%2, b)
	}
	for i, b := range words {
		for cut := range b {
			w := connect()
			for j, other := range words {
				if j != i {
					w.Take(j%2, other)
					continue
				}
				w.Take(j%2, b[:cut])
				w.Take(j%2, b[cut:])
			}
			require.Equal(t, whole.Frames, w.Frames, "cut at byte %d of the %d. message", cut, i+1)
			require.Equal(t, whole.Watch.Strange(), w.Watch.Strange())
		}
	}
	single := connect()
	for i, b := range words {
		for _, c := range b {
			single.Take(i%2, []byte{c})
		}
	}
	require.Equal(t, whole.Frames, single.Frames, "byte by byte")
	return whole
}

func pos(term, index uint64) history.Pos { return history.Pos{Term: term, Index: index} }

func TestMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		words talk
		want  []tap.Message
	}{
		"a heartbeat tells its term and nothing else": {
			talk{appends("n1", 300, 0, 0, 0, nil), appended("n2", 300, true)},
			[]tap.Message{{Kind: tap.Heartbeat, Term: 300}, {Kind: tap.HeartbeatResponse, Term: 300}},
		},
		"an append without entries": {
			talk{appends("n1", 3, 9, 2, 9, list{}), appended("n2", 3, true)},
			[]tap.Message{
				{Kind: tap.Append, Term: 3, Log: pos(2, 9), Last: pos(2, 9), Commit: 9},
				{Kind: tap.AppendResponse, Term: 3, Log: pos(2, 9)},
			},
		},
		"an append with entries": {
			talk{appends("n1", 3, 9, 2, 8, list{entryOf(10, 2, 0), entryOf(11, 3, 1), entryOf(12, 3, 4)}), appended("n2", 3, true)},
			[]tap.Message{
				{Kind: tap.Append, Term: 3, Log: pos(2, 9), Last: pos(3, 12), Commit: 8},
				{Kind: tap.AppendResponse, Term: 3, Log: pos(3, 12)},
			},
		},
		"an append that is refused": {
			talk{appends("n1", 3, 9, 2, 9, list{}), appended("n2", 4, false)},
			[]tap.Message{
				{Kind: tap.Append, Term: 3, Log: pos(2, 9), Last: pos(2, 9), Commit: 9},
				{Kind: tap.AppendResponse, Term: 4, Reject: true},
			},
		},
		"a success told in the term before": {
			talk{appends("n1", 5, 9, 2, 9, list{}), appended("n2", 4, true)},
			[]tap.Message{
				{Kind: tap.Append, Term: 5, Log: pos(2, 9), Last: pos(2, 9), Commit: 9},
				{Kind: tap.AppendResponse, Term: 5, Log: pos(2, 9)},
			},
		},
		"appends are pipelined": {
			talk{
				append(appends("n1", 3, 9, 2, 9, list{entryOf(10, 3, 0)}), appends("n1", 3, 10, 3, 9, list{entryOf(11, 3, 0)})...),
				append(appended("n2", 3, true), appended("n2", 3, true)...),
			},
			[]tap.Message{
				{Kind: tap.Append, Term: 3, Log: pos(2, 9), Last: pos(3, 10), Commit: 9},
				{Kind: tap.Append, Term: 3, Log: pos(3, 10), Last: pos(3, 11), Commit: 9},
				{Kind: tap.AppendResponse, Term: 3, Log: pos(3, 10)},
				{Kind: tap.AppendResponse, Term: 3, Log: pos(3, 11)},
			},
		},
		"a vote": {
			talk{stands("n1", requestVote, 7), votes("n2", 7, true)},
			[]tap.Message{{Kind: tap.Vote, Term: 7, Log: pos(6, 40)}, {Kind: tap.VoteResponse, Term: 7, Asked: 7}},
		},
		"a vote refused in the voter's own term": {
			talk{stands("n1", requestVote, 7), votes("n2", 6, false)},
			[]tap.Message{{Kind: tap.Vote, Term: 7, Log: pos(6, 40)}, {Kind: tap.VoteResponse, Term: 6, Asked: 7, Reject: true}},
		},
		"a pre-vote of a term that nobody has entered": {
			talk{stands("n1", requestPreVote, 7), votes("n2", 7, true)},
			[]tap.Message{{Kind: tap.PreVote, Term: 7, Log: pos(6, 40)}, {Kind: tap.PreVoteResponse, Term: 7, Asked: 7}},
		},
		"an answer that is an error": {
			talk{stands("n1", requestVote, 7), pack(nil, "unexpected command", nil)},
			[]tap.Message{{Kind: tap.Vote, Term: 7, Log: pos(6, 40)}, {Kind: tap.VoteResponse, Asked: 7, Reject: true}},
		},
		"a leader's word to stand is of its term": {
			talk{
				appends("n1", 7, 0, 0, 0, nil), appended("n2", 7, true),
				asks(timeoutNow, by("n1")), answers(table{"Addr", nil, "ID", nil, "ProtocolVersion", uint64(0)}),
			},
			[]tap.Message{
				{Kind: tap.Heartbeat, Term: 7}, {Kind: tap.HeartbeatResponse, Term: 7}, {Kind: tap.TimeoutNow, Term: 7}, {},
			},
		},
		"a snapshot and its bytes": {
			talk{
				installs("n1", 7, string(make([]byte, 300))),
				answers(table{"Addr", nil, "ID", nil, "ProtocolVersion", uint64(0), "Success", true, "Term", uint64(7)}),
				stands("n1", requestPreVote, 9), votes("n2", 7, false),
			},
			[]tap.Message{
				{Kind: tap.Snapshot, Term: 7, Log: pos(5, 300)}, {}, {Kind: tap.SnapshotResponse, Term: 7, Log: pos(5, 300)},
				{Kind: tap.PreVote, Term: 9, Log: pos(6, 40)}, {Kind: tap.PreVoteResponse, Term: 7, Asked: 9, Reject: true},
			},
		},
		"an empty snapshot": {
			talk{installs("n1", 7, ""), answers(table{"Success", false, "Term", uint64(8)})},
			[]tap.Message{{Kind: tap.Snapshot, Term: 7, Log: pos(5, 300)}, {Kind: tap.SnapshotResponse, Term: 8, Reject: true}},
		},
		"keys in another order": {
			talk{asks(requestVote, table{"Term", uint64(1 << 40), "LastLogTerm", uint64(300), "LastLogIndex", uint64(1 << 20), "ID", "n1"})},
			[]tap.Message{{Kind: tap.Vote, Term: 1 << 40, Log: pos(300, 1<<20)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := tc.words.decode(t)
			require.NoError(t, w.Err)
			require.Empty(t, w.Pending[0])
			require.Empty(t, w.Pending[1])
			require.Empty(t, w.Watch.Strange())
			var got []tap.Message
			for _, f := range w.Frames {
				got = append(got, f.Message)
			}
			require.Equal(t, tc.want, got)
		})
	}
}

// What was never seen is counted, and not guessed.
func TestStrange(t *testing.T) {
	for name, tc := range map[string]struct {
		words talk
		want  string
	}{
		"a type":           {talk{asks(9, by("n1", "Term", uint64(4))), answers(table{})}, "a request of type 9"},
		"a field":          {talk{asks(requestVote, by("n1", "Term", uint64(4), "Mood", list{table{"a", uint64(1)}, nil}))}, `a field "Mood"`},
		"an answer's":      {talk{stands("n1", requestVote, 7), answers(by("n2", "Term", uint64(7), "Granted", true, "Why", "so"))}, `a field "Why"`},
		"a field of a log": {talk{appends("n1", 3, 9, 2, 9, list{append(entryOf(10, 3, 0), "Hash", table{"x", "y"})})}, `a field "Hash" of an entry`},
		"an entry":         {talk{appends("n1", 3, 9, 2, 9, list{entryOf(10, 3, 6)})}, "an entry of type 6"},
		"no term":          {talk{asks(requestVote, by("n1"))}, "a request of type 1 without a term"},
	} {
		t.Run(name, func(t *testing.T) {
			w := tc.words.decode(t)
			require.NoError(t, w.Err)
			require.Equal(t, map[string]uint64{tc.want: 1}, w.Watch.Strange())
		})
	}
}

// What is not the protocol is said soon, and in words that help.
func TestNotTheProtocol(t *testing.T) {
	for name, tc := range map[string]struct {
		words talk
		want  string
	}{
		"TLS":             {talk{{0x16, 3, 1, 2, 0, 1, 0}}, "TLS"},
		"TLS behind":      {talk{{3, 0x16, 3, 1, 2, 0, 1, 0}}, "TLS"},
		"HTTP":            {talk{[]byte("GET /raft/stream")}, "no request, nor one behind a byte of a multiplexer: it begins with bytes 47 45 54"},
		"zeros":           {talk{make([]byte, 64)}, "it begins with bytes 00 00 00"},
		"unasked":         {talk{nil, votes("n2", 1, true)}, "an answer to no request"},
		"a word as term":  {talk{asks(requestVote, by("n1", "Term", "7"))}, "Term is no number"},
		"another's name":  {talk{stands("n1", requestVote, 7), votes("n1", 7, true)}, `n2 introduces itself as "n1", which is n1`},
		"a negative size": {talk{asks(installSnapshot, table{"Size", uint64(math.MaxUint64)})}, "a snapshot of"},
		"endless":         {talk{append([]byte{appendEntries}, 0x81, 0xa1, 'x', 0xdd, 0xff, 0xff, 0xff, 0xff)}, "values"},
		"a huge value":    {talk{append([]byte{appendEntries}, 0x81, 0xa1, 'x', 0xdb, 0xff, 0xff, 0xff, 0xff)}, "a value of"},
	} {
		t.Run(name, func(t *testing.T) {
			w := connect()
			for i, b := range tc.words {
				w.Take(i%2, b)
			}
			require.ErrorContains(t, w.Err, tc.want)
		})
	}
	w := connect()
	for range 1 << 13 {
		w.Take(0, stands("n1", requestVote, 7))
	}
	require.ErrorContains(t, w.Err, "requests without an answer")
}

// From the first entry on that changes the members, nobody counts acknowledgements.
func TestMembersChange(t *testing.T) {
	commits := func(e table) (n int) {
		w := hashicorp.Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) {
			if e.What == history.RaftCommit {
				n++
			}
		})
		for _, to := range []string{"n2", "n3"} {
			f, b := w.Open("n1", to)
			_, _, err := f.Next(appends("n1", 3, 9, 2, 0, list{e}))
			require.NoError(t, err)
			_, _, err = b.Next(appended(to, 3, true))
			require.NoError(t, err)
		}
		w.Flush()
		return n
	}
	require.Equal(t, 1, commits(entryOf(10, 3, 0)))
	require.Equal(t, 0, commits(entryOf(10, 3, 5)))
	require.Equal(t, 1, commits(entryOf(1, 3, 5)), "the first entry says who the members are")
}

func TestHello(t *testing.T) {
	d := hashicorp.Dialect()
	for name, first := range map[string][]byte{
		"an append": appends("n1", 3, 9, 2, 8, list{entryOf(10, 2, 0)}), "a pre-vote": stands("n1", requestPreVote, 7), "a word": asks(timeoutNow, by("n1")),
	} {
		addr, more, err := d.Hello(first)
		require.NoError(t, err, name)
		require.False(t, more, name)
		require.Equal(t, "127.0.0.1:7101", addr, name)
		require.True(t, d.Begins(first), name)
		for n := range 22 {
			addr, more, err := d.Hello(first[:n])
			require.True(t, more && err == nil && addr == "", "%s of %d bytes", name, n)
		}
		behind := append([]byte{1}, first...)
		addr, more, err = d.Hello(behind)
		require.True(t, addr == "127.0.0.1:7101" && !more && err == nil && d.Begins(behind), "%s behind a byte: %v", name, err)
	}
	require.True(t, d.Begins(votes("n2", 7, true)), "an answer")
	for name, first := range map[string][]byte{
		"TLS": {0x16, 3, 1, 2, 0, 1, 0, 1}, "HTTP": []byte("GET / HTTP/1.1"), "no address": asks(requestVote, table{"Term", uint64(1)}),
		"entries first": asks(appendEntries, table{"Entries", list{}, "Addr", "x"}), "an empty one": asks(requestVote, table{"Addr", nil}),
	} {
		_, more, err := d.Hello(first)
		require.True(t, err != nil && !more, name)
	}
}

// A byte of a multiplexer before a connection says what is spoken on it, and is no part
// of the first request.
func TestBehindAMultiplexer(t *testing.T) {
	words := func(mux string) talk {
		return talk{
			append([]byte(mux), stands("n1", requestPreVote, 7)...), votes("n2", 7, true),
			installs("n1", 7, "data"), answers(by("n2", "Success", true, "Term", uint64(7))), appends("n1", 7, 9, 2, 8, list{entryOf(10, 2, 0)}),
		}
	}
	plain := words("").decode(t)
	require.NoError(t, plain.Err)
	for _, mux := range []string{"\x01", "\x02", "\x00", "\x16", "\xf0"} {
		w := words(mux).decode(t)
		require.NoError(t, w.Err, "%x", mux)
		require.Equal(t, plain.Frames, w.Frames, "%x", mux)
		require.True(t, w.Watch.Shares())
	}
	require.False(t, plain.Watch.Shares())
}

// Behind the other bytes is no Raft, whatever it looks like; behind the same there is.
func TestAnotherProtocolBehindAMultiplexer(t *testing.T) {
	yamux := "\x04\x00\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00"
	raft := "\x01" + string(stands("n1", requestVote, 7))
	for name, tc := range map[string]struct {
		first string
		aside bool
		says  string
	}{
		"yamux":              {yamux, true, "bytes 04 00 01"},
		"gRPC":               {"\x08PRI * HTTP/2.0\r\n", true, "bytes 08 50 52"},
		"a table":            {string(pack([]byte{0}, table{"ServiceMethod", "Status.Ping", "Seq", uint64(1)})), true, "it begins with byte 00, others with 01"},
		"the same byte":      {"\x01\x00\x01\x00", false, "bytes 01 00 01"},
		"the byte is a type": {string(stands("n1", requestVote, 7)), false, "nothing stands behind byte 01"},
		"another Raft":       {"\x02" + string(stands("n1", requestVote, 7)), false, "several Rafts"},
		"TLS":                {"\x03\x16\x03\x01\x00\xf8\x01", false, "TLS"},
	} {
		w := hashicorp.Dialect().Watch([]string{"n1", "n2"}, func(history.Raft) {})
		say := func(first string) error {
			forward, _ := w.Open("n1", "n2")
			for n := range first {
				if _, _, err := forward.Next([]byte(first[:n+1])); err != nil {
					return err
				}
			}
			return nil
		}
		require.NoError(t, say(raft))
		err := say(tc.first)
		require.ErrorContains(t, err, tc.says, name)
		require.Equal(t, tc.aside, errors.Is(err, fabric.ErrAside), "%s: %v", name, err)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(appends("n1", 3, 9, 2, 8, list{entryOf(10, 2, 0)}), appended("n2", 3, true), uint8(7))
	f.Add(installs("n1", 7, "data"), votes("n2", 7, false), uint8(90))
	f.Add(stands("n1", requestPreVote, 7), pack(nil, "no", nil), uint8(1))
	f.Add(append([]byte{2}, stands("n1", requestPreVote, 7)...), votes("n2", 7, true), uint8(1))
	f.Add([]byte("\x04\x00\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00"), []byte("\x00\x01"), uint8(2))
	f.Fuzz(func(t *testing.T, forward, backward []byte, step uint8) {
		whole, parts := connect(), connect()
		whole.Take(0, forward)
		whole.Take(1, backward)
		each := func(direction int, b []byte) {
			for n := int(step%16) + 1; len(b) > 0; b = b[min(n, len(b)):] {
				parts.Take(direction, b[:min(n, len(b))])
			}
		}
		each(0, forward)
		each(1, backward)
		require.Equal(t, whole.Frames, parts.Frames)
		require.Equal(t, whole.Err, parts.Err)
	})
}

func BenchmarkDecoder(b *testing.B) {
	big := make(list, 64)
	for i := range big {
		big[i] = entryOf(uint64(i+10), 3, 0)
	}
	for _, bc := range []struct {
		name    string
		ask, re []byte
	}{
		{"heartbeat", appends("n1", 3, 0, 0, 0, nil), appended("n2", 3, true)},
		{"append-64", appends("n1", 3, 9, 3, 9, big), appended("n2", 3, true)},
	} {
		b.Run(bc.name, func(b *testing.B) {
			w := connect()
			var m tap.Message
			b.SetBytes(int64(len(bc.ask) + len(bc.re)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.Decoders[0].Next(bc.ask, &m); err != nil {
					b.Fatal(err)
				}
				if _, _, err := w.Decoders[1].Next(bc.re, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
