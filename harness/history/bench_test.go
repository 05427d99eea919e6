package history_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/usurper/usurper/harness/history"
)

func BenchmarkRecord(b *testing.B) {
	rec := history.NewRecorder(discard{})
	defer rec.Close()
	op := history.Op{Process: 3, Type: history.Invoke, F: history.FCas, Key: "k1", Old: "c1-1", Arg: "c1-2", Node: "n1"}
	for b.Loop() {
		rec.Record(history.Event{Op: &op})
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

// lines is a history of operations and raft events, as a run at full load has
// them: two raft events to an operation's half.
func lines(n int) []byte {
	var out closer
	rec := history.NewRecorder(&out)
	rec.Record(begin())
	for i := range n - 1 {
		e := history.Event{Raft: &history.Raft{
			Source: history.Trace, Node: "n3", Inc: 1, Seq: uint64(i), Mono: 12450620415833, What: history.RaftAppend,
			Term: 3, Peer: "n1", From: uint64(i), To: uint64(i), EntryTerm: 3, Hashes: binary.LittleEndian.AppendUint64(nil, uint64(i)<<30),
		}}
		if i%3 == 0 {
			value := fmt.Sprintf("c%d-%d", i%10, i/20)
			e = history.Event{Op: &history.Op{
				Process: i % 10, Type: history.OK, F: history.FPut, Key: fmt.Sprint("r0-", i/200), Arg: value, Node: "n1", Request: value,
			}}
		}
		rec.Record(e)
	}
	rec.Close()
	return out.Bytes()
}

// batches reads a history of n events by batches, as a check does.
func batches(b *testing.B, in io.Reader, n int) {
	for batch, err := range history.NewReader("h", in).Batches() {
		if err != nil {
			b.Fatal(err)
		}
		n -= len(batch.Events)
		batch.Release()
	}
	if n != 0 {
		b.Fatal(n, "events are missing")
	}
}

// oneByOne reads a history of n events by Next.
func oneByOne(b *testing.B, in io.Reader, n int) {
	for _, err := range history.NewReader("h", in).Events() {
		if err != nil {
			b.Fatal(err)
		}
		n--
	}
	if n != 0 {
		b.Fatal(n, "events are missing")
	}
}

// fromPipe reads what another goroutine writes into a pipe of the system.
func fromPipe(read func(*testing.B, io.Reader, int)) func(*testing.B, io.Reader, int) {
	return func(b *testing.B, in io.Reader, n int) {
		out, pipe, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		defer out.Close()
		done := make(chan error, 1)
		go func() {
			_, err := io.Copy(pipe, in)
			pipe.Close()
			done <- err
		}()
		read(b, out, n)
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func reading(b *testing.B, read func(*testing.B, io.Reader, int)) {
	const n = 200_000
	in := lines(n)
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		read(b, bytes.NewReader(in), n)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRead(b *testing.B)                 { reading(b, batches) }
func BenchmarkReadOneByOne(b *testing.B)         { reading(b, oneByOne) }
func BenchmarkReadFromPipe(b *testing.B)         { reading(b, fromPipe(batches)) }
func BenchmarkReadFromPipeOneByOne(b *testing.B) { reading(b, fromPipe(oneByOne)) }
