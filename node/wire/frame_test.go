package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

// allKinds has one message of each kind.
func allKinds() []raft.Message {
	var messages []raft.Message
	for k := raft.KindAppend; wire.ClassOf(k) != ""; k++ {
		m := raft.Message{Kind: k, From: 1, To: 2, Term: 7, Log: raft.Pos{Term: 6, Index: 40}, Last: raft.Pos{Term: 7, Index: 42}, Commit: 39, Context: 5}
		switch k {
		case raft.KindAppend:
			m.Entries = []raft.Entry{{Term: 6, Index: 41, Data: []byte("x=1")}, {Term: 7, Index: 42}}
		case raft.KindSnapshot:
			m.Snapshot = &raft.Snapshot{Pos: m.Log, Hash: 11, Digest: 12, Data: []byte("state")}
		case raft.KindVoteResponse:
			m.Reject = true
		}
		messages = append(messages, m)
	}
	return messages
}

func encode(t testing.TB, messages ...raft.Message) []byte {
	t.Helper()
	var b []byte
	for i := range messages {
		var err error
		b, err = wire.AppendFrame(b, &messages[i])
		require.NoError(t, err)
	}
	return b
}

// The layout that the package comment promises, byte by byte.
func TestFrameGolden(t *testing.T) {
	m := raft.Message{
		Kind: raft.KindAppend, From: 0x0102, To: 0x0304, Term: 7, Reject: true,
		Log: raft.Pos{Term: 6, Index: 40}, Last: raft.Pos{Term: 7, Index: 42}, Commit: 39, Context: 5,
		Entries: []raft.Entry{{Term: 6, Index: 41, Data: []byte("x=1")}, {Term: 7, Index: 42}},
	}
	want := strings.Join(strings.Fields(`
		55535250 01 01 01 00 1b000000 02000000
		0201000000000000 0403000000000000 0700000000000000
		0600000000000000 2800000000000000
		0700000000000000 2a00000000000000
		2700000000000000 0500000000000000
		44da821e 3fc74c65
		0600000000000000 03000000 783d31
		0700000000000000 00000000`), "")
	require.Equal(t, want, hex.EncodeToString(encode(t, m)))
}

func TestFrameRoundTrip(t *testing.T) {
	messages := allKinds()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		messages = append(messages, randomMessage(rng))
	}
	stream := encode(t, messages...)
	for name, r := range map[string]io.Reader{
		"whole":    bytes.NewReader(stream),
		"bytewise": iotest.OneByteReader(bytes.NewReader(stream)),
	} {
		d := wire.NewDecoder(r)
		for i, want := range messages {
			got, err := d.Next()
			require.NoError(t, err, "%s: message %d", name, i)
			require.Equal(t, want, got, "%s: message %d", name, i)
		}
		_, err := d.Next()
		require.Equal(t, io.EOF, err, name)
	}
}

func randomMessage(rng *rand.Rand) raft.Message {
	pos := func() raft.Pos { return raft.Pos{Term: rng.Uint64(), Index: rng.Uint64N(1 << 60)} }
	data := func() []byte {
		b := make([]byte, rng.IntN(200)*rng.IntN(100))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if len(b) == 0 {
			return nil
		}
		return b
	}
	m := raft.Message{
		Kind: raft.Kind(1 + rng.IntN(len(wire.Classes()))), From: raft.ID(rng.Uint64()), To: raft.ID(rng.Uint64()),
		Term: rng.Uint64(), Reject: rng.IntN(2) == 0, Log: pos(), Last: pos(), Commit: rng.Uint64(), Context: rng.Uint64(),
	}
	switch m.Kind {
	case raft.KindAppend:
		for i := range rng.IntN(5) {
			m.Entries = append(m.Entries, raft.Entry{Term: rng.Uint64(), Index: m.Log.Index + 1 + uint64(i), Data: data()})
		}
	case raft.KindSnapshot:
		m.Snapshot = &raft.Snapshot{Pos: m.Log, Hash: rng.Uint64(), Digest: rng.Uint64(), Data: data()}
	}
	return m
}

// The header alone tells everything but the payload.
func TestParseHeader(t *testing.T) {
	for _, m := range allKinds() {
		b := encode(t, m)
		h, err := wire.ParseHeader(b[:wire.HeaderSize])
		require.NoError(t, err)
		require.Equal(t, len(b), h.Length)
		m.Entries, m.Snapshot = nil, nil
		require.Equal(t, m, h.Message)
	}
	_, err := wire.ParseHeader(make([]byte, wire.HeaderSize-1))
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestAppendFrameRefuses(t *testing.T) {
	entry := raft.Entry{Index: 1}
	for name, m := range map[string]raft.Message{
		"kind 0":             {},
		"unknown kind":       {Kind: 200},
		"entries in a vote":  {Kind: raft.KindVote, Entries: []raft.Entry{entry}},
		"snapshot in a vote": {Kind: raft.KindVote, Snapshot: &raft.Snapshot{}},
		"no snapshot":        {Kind: raft.KindSnapshot},
		"other position":     {Kind: raft.KindSnapshot, Snapshot: &raft.Snapshot{Pos: raft.Pos{Term: 1, Index: 1}}},
		"gap":                {Kind: raft.KindAppend, Log: raft.Pos{Index: 1}, Entries: []raft.Entry{entry}},
		"too large":          {Kind: raft.KindSnapshot, Snapshot: &raft.Snapshot{Data: make([]byte, wire.MaxPayload)}},
	} {
		b, err := wire.AppendFrame([]byte("before"), &m)
		require.Error(t, err, name)
		require.Equal(t, "before", string(b), name)
	}
}

// One changed bit anywhere in a frame is found, whatever it hits.
func TestDecoderFindsEveryFlippedBit(t *testing.T) {
	for _, m := range allKinds() {
		frame := encode(t, m)
		for bit := range 8 * len(frame) {
			b := bytes.Clone(frame)
			b[bit/8] ^= 1 << (bit % 8)
			_, err := wire.NewDecoder(bytes.NewReader(b)).Next()
			require.ErrorIs(t, err, wire.ErrMalformed, "%s, bit %d", wire.ClassOf(m.Kind), bit)
		}
	}
}

func TestDecoderFindsEveryCut(t *testing.T) {
	for _, m := range allKinds() {
		frame := encode(t, m)
		for n := 1; n < len(frame); n++ {
			_, err := wire.NewDecoder(bytes.NewReader(frame[:n])).Next()
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s, %d bytes", wire.ClassOf(m.Kind), n)
		}
	}
}

// forge rewrites a frame's fields and makes its checksums right again, as an
// attacker would.
func forge(frame []byte, change func(b []byte)) []byte {
	b := bytes.Clone(frame)
	change(b)
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[88:], crc32.Checksum(b[96:], table))
	binary.LittleEndian.PutUint32(b[92:], crc32.Checksum(b[:92], table))
	return b
}

func TestDecoderRefusesForgeries(t *testing.T) {
	le := binary.LittleEndian
	appendFrame, vote := encode(t, allKinds()[0]), encode(t, allKinds()[4])
	for name, b := range map[string][]byte{
		"version":               forge(appendFrame, func(b []byte) { b[4] = 2 }),
		"kind":                  forge(appendFrame, func(b []byte) { b[5] = 99 }),
		"flags":                 forge(appendFrame, func(b []byte) { b[6] = 2 }),
		"reserved":              forge(appendFrame, func(b []byte) { b[7] = 1 }),
		"payload over limit":    forge(appendFrame, func(b []byte) { le.PutUint32(b[8:], wire.MaxPayload+1) }),
		"entries over payload":  forge(appendFrame, func(b []byte) { le.PutUint32(b[12:], 1<<31) }),
		"one entry too few":     forge(appendFrame, func(b []byte) { le.PutUint32(b[12:], 1) }),
		"no entry":              forge(appendFrame, func(b []byte) { le.PutUint32(b[12:], 0) }),
		"index overflow":        forge(appendFrame, func(b []byte) { le.PutUint64(b[48:], ^uint64(0)) }),
		"data over payload":     forge(appendFrame, func(b []byte) { le.PutUint32(b[104:], 1<<31) }),
		"data ends in an entry": forge(appendFrame, func(b []byte) { le.PutUint32(b[104:], 4) }),
		"vote with entries":     forge(vote, func(b []byte) { le.PutUint32(b[12:], 1) }),
		"snapshot of nothing":   forge(vote, func(b []byte) { b[5] = byte(raft.KindSnapshot) }),
	} {
		_, err := wire.NewDecoder(bytes.NewReader(b)).Next()
		require.ErrorIs(t, err, wire.ErrMalformed, name)
	}
}

// A header that claims 64 MiB costs nothing until they come.
func TestDecoderAllocatesWhatArrives(t *testing.T) {
	m := raft.Message{Kind: raft.KindSnapshot, Snapshot: &raft.Snapshot{Data: []byte("state")}}
	b := forge(encode(t, m), func(b []byte) { binary.LittleEndian.PutUint32(b[8:], wire.MaxPayload) })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := wire.NewDecoder(bytes.NewReader(b)).Next()
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestDecoderReadsLargePayloads(t *testing.T) {
	data := make([]byte, 3<<20+17)
	for i := range data {
		data[i] = byte(i * 7)
	}
	m := raft.Message{Kind: raft.KindSnapshot, Snapshot: &raft.Snapshot{Data: data}}
	got, err := wire.NewDecoder(bytes.NewReader(encode(t, m))).Next()
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got.Snapshot.Data))
}

func TestClasses(t *testing.T) {
	require.Equal(t, []string{
		"append", "append-response", "heartbeat", "heartbeat-response", "vote", "vote-response",
		"prevote", "prevote-response", "snapshot", "snapshot-response",
	}, wire.Classes())
	require.Empty(t, wire.ClassOf(0))
	require.Empty(t, wire.ClassOf(raft.KindSnapshotResponse+1))
}

// Whatever decodes is exactly what its encoding says.
func FuzzDecoder(f *testing.F) {
	for _, m := range allKinds() {
		f.Add(encode(f, m))
	}
	f.Add(encode(f, allKinds()...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > wire.HeaderSize { // let the fuzzer past the checksums
			b = forge(b, func([]byte) {})
		}
		d := wire.NewDecoder(bytes.NewReader(b))
		var again []byte
		for {
			m, err := d.Next()
			if err != nil {
				ok := errors.Is(err, wire.ErrMalformed) || errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF
				require.True(t, ok, "%v", err)
				break
			}
			again = encode(t, m)
			require.True(t, bytes.HasPrefix(b, again))
			b = b[len(again):]
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	benchmark(b, func(m *raft.Message, buf, _ []byte) { wire.AppendFrame(buf, m) })
}

func BenchmarkParseHeader(b *testing.B) {
	benchmark(b, func(_ *raft.Message, _, frame []byte) { wire.ParseHeader(frame) })
}

func BenchmarkDecode(b *testing.B) {
	for _, entries := range []int{0, 1, 64} {
		frame := encode(b, appendOf(entries))
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			d := wire.NewDecoder(&endless{frame: frame})
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmark(b *testing.B, f func(m *raft.Message, buf, frame []byte)) {
	for _, entries := range []int{0, 1, 64} {
		m := appendOf(entries)
		frame := encode(b, m)
		buf := make([]byte, 0, len(frame))
		b.Run(fmt.Sprintf("entries=%d", entries), func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				f(&m, buf, frame)
			}
		})
	}
}

func appendOf(entries int) raft.Message {
	m := raft.Message{Kind: raft.KindAppend, From: 1, To: 2, Term: 3}
	for i := range entries {
		m.Entries = append(m.Entries, raft.Entry{Term: 3, Index: uint64(i) + 1, Data: make([]byte, 256)})
	}
	return m
}

// endless repeats a frame.
type endless struct {
	frame []byte
	off   int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.frame[e.off:])
	e.off = (e.off + n) % len(e.frame)
	return n, nil
}
