package golden

import (
	"runtime/metrics"
	"testing"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

const (
	// seedSize bounds a stream that a fuzz test starts from.
	seedSize = 16 << 10
	// spare is what a decoder may allocate however little it is shown, and perByte for
	// each byte: a length that it reads is not to be believed.
	spare, perByte = 4 << 20, 256
)

// Fuzz lets both ends of a connection say anything, beginning with what they say in
// captures. A decoder must not panic, find no frame beyond what it is shown, and take no
// memory at the word of a length.
func Fuzz(f *testing.F, d tap.Dialect, paths ...string) {
	for _, path := range paths {
		for _, s := range Streams(f, path) {
			f.Add(s.Forward[:min(len(s.Forward), seedSize)], s.Backward[:min(len(s.Backward), seedSize)], uint16(7))
		}
	}
	f.Fuzz(func(t *testing.T, forward, backward []byte, step uint16) {
		before := allocated()
		talk(t, d.Watch([]string{"n1", "n2"}, func(history.Raft) {}), forward, backward, int(step)+1)
		if d.Begins != nil {
			d.Begins(forward)
		}
		if d.Hello != nil {
			d.Hello(forward)
		}
		if took, size := allocated()-before, uint64(len(forward)+len(backward)); took > spare+perByte*size {
			t.Errorf("%d bytes made the decoder allocate %d", size, took)
		}
	})
}

// talk lets the ends send in turns, some bytes at a time.
func talk(t *testing.T, w *tap.Watch, forward, backward []byte, step int) {
	f, b := w.Open("n1", "n2")
	sent := [2][]byte{forward, backward}
	var pending [2][]byte
	for len(sent[0])+len(sent[1]) > 0 {
		for i, s := range []fabric.Splitter{f, b} {
			n := min(step, len(sent[i]))
			pending[i] = append(pending[i], sent[i][:n]...)
			sent[i] = sent[i][n:]
			for len(pending[i]) > 0 {
				n, _, err := s.Next(pending[i])
				if n < 0 || n > len(pending[i]) {
					t.Fatalf("a frame of %d bytes in %d", n, len(pending[i]))
				}
				if err != nil {
					return
				}
				if n == 0 {
					break
				}
				pending[i] = pending[i][n:]
			}
		}
	}
	w.Flush()
}

// allocated is how many bytes were allocated on the heap so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Stream is all that both ends of one connection of a capture sent.
type Stream struct {
	Conn              *capture.Conn
	Forward, Backward []byte
}

// Streams reads the connections of a capture, in order of appearance.
func Streams(t testing.TB, path string, members ...string) []Stream {
	t.Helper()
	var all []Stream
	at := make(map[*capture.Conn]int)
	for _, p := range pieces(t, path, parse(t, members)) {
		if p.Conn == nil || p.Comment != "" {
			continue
		}
		i, ok := at[p.Conn]
		if !ok {
			i = len(all)
			at[p.Conn] = i
			all = append(all, Stream{Conn: p.Conn})
		}
		if p.Forward {
			all[i].Forward = append(all[i].Forward, p.Bytes...)
		} else {
			all[i].Backward = append(all[i].Backward, p.Bytes...)
		}
	}
	return all
}

// Benchmark decodes what a capture carries, piece by piece as it was sent, and tells
// how many bytes a second that is.
func Benchmark(b *testing.B, d tap.Dialect, path string, members ...string) {
	all := pieces(b, path, parse(b, members))
	var size int64
	for _, p := range all {
		size += int64(len(p.Bytes))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		w := d.Watch([]string{"n1", "n2", "n3"}, func(history.Raft) {})
		conns := make(map[*capture.Conn]*[2]half)
		for _, p := range all {
			if p.Conn == nil || p.Comment != "" {
				continue
			}
			c := conns[p.Conn]
			if c == nil {
				c = new([2]half)
				c[0].splitter, c[1].splitter = w.Open(p.Conn.Dialler, p.Conn.Accepter)
				conns[p.Conn] = c
			}
			h := &c[1]
			if p.Forward {
				h = &c[0]
			}
			if err := h.take(p.Bytes); err != nil {
				b.Fatal(err)
			}
		}
		w.Flush()
	}
}

// half is one direction of a connection.
type half struct {
	splitter fabric.Splitter
	pending  []byte
}

func (h *half) take(b []byte) error {
	if len(h.pending) > 0 {
		h.pending = append(h.pending, b...)
		b = h.pending
	}
	for len(b) > 0 {
		n, _, err := h.splitter.Next(b)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		b = b[n:]
	}
	h.pending = append(h.pending[:0], b...)
	return nil
}
