package capture_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/fabric"
)

// written is a capture that write fills.
func written(t *testing.T, o capture.Options, write func(w *capture.Writer)) (path string, w *capture.Writer) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "capture.pcapng")
	if o.Nodes == nil {
		o.Nodes = []string{"n1", "n2", "n3"}
	}
	w, err := capture.Create(path, o)
	require.NoError(t, err)
	write(w)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close(), "a second one does nothing")
	return path, w
}

// carried is what a capture holds: bytes by connection and direction, and comments.
type carried struct {
	sent     map[string]string
	comments []string
	stats    capture.Stats
	pieces   int
}

func readFile(t *testing.T, path string, members ...capture.Member) carried {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	c := carried{sent: make(map[string]string)}
	c.stats, err = capture.Read(bytes.NewReader(b), members, func(p capture.Piece) error {
		if p.Comment != "" {
			c.comments = append(c.comments, p.Comment)
			return nil
		}
		require.Zero(t, p.Missing)
		c.pieces++
		name := string(rune('0'+p.Conn.Number)) + " " + p.Conn.Link(p.Forward).String()
		c.sent[name] += string(p.Bytes)
		return nil
	})
	require.NoError(t, err)
	return c
}

// What was sent on each connection comes back, each direction and each connection of a
// link by itself, whatever its size.
func TestReadsWhatWasWritten(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcde"), 20_000) // more than a packet holds
	path, w := written(t, capture.Options{About: "usurper run --seed 7"}, func(w *capture.Writer) {
		a := w.Open(fabric.Link{From: "n1", To: "n2"})
		b := w.Open(fabric.Link{From: "n1", To: "n2"})
		c := w.Open(fabric.Link{From: "n2", To: "n1"})
		require.Nil(t, w.Open(fabric.Link{From: "clients", To: "n2"}), "no member")
		a.Sent(true, []byte("hello"))
		b.Sent(true, []byte("other"))
		a.Sent(false, []byte("answer"))
		c.Sent(true, large)
		w.Say("fault 1: partition n1 | n2")
		a.Ended(true, false)
		a.Sent(false, []byte(" late"))
		a.Ended(false, true)
		a.Closed()
		b.Closed()
		c.Closed()
	})
	require.False(t, w.Full())
	got := readFile(t, path)
	require.Equal(t, map[string]string{
		"1 n1 > n2": "hello", "1 n2 > n1": "answer late", "2 n1 > n2": "other", "3 n2 > n1": string(large),
	}, got.sent)
	require.Equal(t, []string{"usurper run --seed 7", "fault 1: partition n1 | n2"}, got.comments)
	require.Equal(t, 3, got.stats.Conns)
	require.Empty(t, got.stats.CutShort)
	require.Zero(t, got.stats.Short)
}

// A port is used again once all were; connections stay apart.
func TestManyConnections(t *testing.T) {
	path, _ := written(t, capture.Options{}, func(w *capture.Writer) {
		for range 60_000 {
			tape := w.Open(fabric.Link{From: "n1", To: "n2"})
			tape.Sent(true, []byte("x"))
			tape.Closed()
		}
	})
	got := readFile(t, path)
	require.Equal(t, 60_000, got.stats.Conns)
	require.Equal(t, 60_000, got.pieces)
}

// A capture ends at its limit, says so, and can be read.
func TestLimit(t *testing.T) {
	const limit = 100_000
	path, w := written(t, capture.Options{Limit: limit}, func(w *capture.Writer) {
		tape := w.Open(fabric.Link{From: "n1", To: "n2"})
		for range 1000 {
			tape.Sent(true, make([]byte, 1000))
		}
		tape.Closed()
		w.Say("nobody hears this")
	})
	require.True(t, w.Full())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(limit))
	require.Greater(t, info.Size(), int64(limit*9/10))
	got := readFile(t, path)
	require.Len(t, got.comments, 1)
	require.Contains(t, got.comments[0], "reached its limit of 100000 bytes")
	require.Empty(t, got.stats.CutShort)
}

// A comment longer than Wireshark shows is cut.
func TestLongComment(t *testing.T) {
	path, _ := written(t, capture.Options{About: strings.Repeat("é", 40_000)}, func(*capture.Writer) {})
	got := readFile(t, path)
	require.Len(t, got.comments, 1)
	require.LessOrEqual(t, len(got.comments[0]), 32<<10)
	require.True(t, strings.HasSuffix(got.comments[0], "é…"))
}

// What a killed harness leaves is read as far as it goes, wherever it ends.
func TestCutShort(t *testing.T) {
	path, _ := written(t, capture.Options{About: "about"}, func(w *capture.Writer) {
		tape := w.Open(fabric.Link{From: "n1", To: "n2"})
		tape.Sent(true, []byte("hello"))
		tape.Sent(true, []byte("world"))
		tape.Closed()
	})
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	var most int
	for n := range whole {
		var got int
		_, err := capture.Read(bytes.NewReader(whole[:n]), nil, func(p capture.Piece) error {
			got += len(p.Bytes)
			return nil
		})
		if err != nil {
			require.Zero(t, got, "what is no capture has no bytes")
			require.ErrorContains(t, err, "read capture: ")
		}
		require.GreaterOrEqual(t, got, most)
		most = got
	}
	require.Equal(t, len("helloworld"), most)
}

// What gzip compressed is read as it is.
func TestCompressed(t *testing.T) {
	path, _ := written(t, capture.Options{About: "about"}, func(*capture.Writer) {})
	plain, err := os.ReadFile(path)
	require.NoError(t, err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	none := func(capture.Piece) error { return nil }
	want, err := capture.Read(bytes.NewReader(plain), nil, none)
	require.NoError(t, err)
	got, err := capture.Read(bytes.NewReader(packed.Bytes()), nil, none)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestNoCapture(t *testing.T) {
	none := func(capture.Piece) error { return nil }
	_, err := capture.Read(strings.NewReader("what is no capture at all, however long it may be"), nil, none)
	require.ErrorContains(t, err, "neither a pcapng nor a pcap file")
	_, err = capture.Read(strings.NewReader(""), nil, none)
	require.ErrorContains(t, err, "no capture file")
	_, err = capture.Read(strings.NewReader("\x28\xb5\x2f\xfd\x00"), nil, none)
	require.ErrorContains(t, err, "zstd -dc FILE | usurper decode -")
	_, err = capture.Create(filepath.Join(t.TempDir(), "none", "x"), capture.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)
	// Who takes pieces may end the reading.
	path, _ := written(t, capture.Options{About: "about"}, func(*capture.Writer) {})
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	enough := errors.New("enough")
	_, err = capture.Read(bytes.NewReader(b), nil, func(capture.Piece) error { return enough })
	require.ErrorIs(t, err, enough)
}

func TestParseMember(t *testing.T) {
	m, err := capture.ParseMember("n1=127.0.0.1:7001")
	require.NoError(t, err)
	require.Equal(t, "n1", m.Name)
	require.Equal(t, "127.0.0.1:7001", m.Addr.String())
	for _, bad := range []string{"", "n1", "=127.0.0.1:7001", "n1=localhost", "n1=127.0.0.1"} {
		_, err := capture.ParseMember(bad)
		require.ErrorContains(t, err, "such as n1=127.0.0.1:7001", bad)
	}
}

// What a capture costs a connection, for frames of heartbeats and for full reads.
func BenchmarkSent(b *testing.B) {
	for _, size := range []int{100, 64 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w, err := capture.Create(os.DevNull, capture.Options{Nodes: []string{"n1", "n2"}, Limit: 1 << 50})
			require.NoError(b, err)
			tape := w.Open(fabric.Link{From: "n1", To: "n2"})
			sent := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				tape.Sent(true, sent)
			}
			require.NoError(b, w.Close())
		})
	}
}
