// Package trace writes a member's evidence: what its Raft did, one JSON object
// a line, in the order in which it happened.
//
// The caller keeps the order that makes the evidence sound: an event is flushed
// once what it claims is durable, and before any message or reply that depends
// on it. An event with its What written is a fact; no deliberate bug of the
// node changes what is written or when.
//
// The lines are the harness's raft events with "src":"trace". Numbers are
// decimal, durations nanoseconds, hashes base64 of 8 bytes little endian each,
// members "n" and their number; a field that is zero is left out.
package trace

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/rawio"
)

// Source is who writes a trace.
type Source struct {
	Node raft.ID
	// Inc counts the member's processes from 1.
	Inc uint64
	// Tick is the length of a tick of the raft, in which its events count time.
	Tick time.Duration
}

// Writer writes one process's events. Events are collected and written by
// Flush, in one write. It is not safe for concurrent use.
//
// A nil Writer takes everything and writes nothing.
type Writer struct {
	src  Source
	file *os.File
	out  *rawio.Conn // file
	seq  uint64
	head []byte // what all lines begin with, up to the seq
	buf  []byte
	mono int64 // nanoseconds; taken once a batch
}

// Create returns a writer that appends to the file at path, which is made if it
// is missing. It is the caller's to Close.
func Create(path string, src Source) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	head := fmt.Appendf(nil, `{"src":"trace","node":"n%d","inc":%d,"seq":`, src.Node, src.Inc)
	return &Writer{src: src, file: f, out: rawio.New(f), head: head}, nil
}

// Flush writes the collected events in one write. After an error the trace has
// a hole and the node must stop.
func (w *Writer) Flush() error {
	if w == nil || len(w.buf) == 0 {
		return nil
	}
	_, err := w.out.Write(w.buf)
	w.buf, w.mono = w.buf[:0], 0
	if err != nil {
		return fmt.Errorf("write trace: %w", err)
	}
	return nil
}

// Close closes the file. What was not flushed is not written.
func (w *Writer) Close() error {
	if w == nil {
		return nil
	}
	if err := w.file.Close(); err != nil {
		return fmt.Errorf("close trace: %w", err)
	}
	return nil
}

// begin starts a line: all that events have in common.
func (w *Writer) begin(what string, term uint64) line {
	if w.mono == 0 {
		w.mono = monotonic()
	}
	w.seq++
	l := line{b: append(w.buf, w.head...)}
	l.b = appendUint(l.b, w.seq)
	l.number("mono", uint64(w.mono))
	l.text("what", what)
	l.number("term", term)
	return l
}

func (w *Writer) end(l line) { w.buf = append(l.b, '}', '\n') }

// monotonic returns CLOCK_MONOTONIC, which all processes of a machine share.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return ts.Nano()
}
