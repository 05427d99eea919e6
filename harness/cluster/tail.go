package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/rawio"
)

// tailEvery is how often a trace file is looked at while it grows, and tailRarely
// while it does not: most of what a quiet run costs is to wake up. Triggers that need
// to be quicker come from the taps.
const (
	tailEvery  = 4 * time.Millisecond
	tailRarely = 16 * time.Millisecond
)

// maxTraceLine bounds a line of a trace, so that one that never ends does not
// fill the memory.
const maxTraceLine = 1 << 20

// tail follows a file that one process writes, and hands on its lines.
type tail struct {
	path  string
	parse func(line []byte) error
	hole  func(error) // called once, for a line that cannot be read; the rest is left out

	mu     sync.Mutex // held by who reads
	file   *os.File
	in     *rawio.Conn // file
	buf    []byte
	rest   []byte
	line   int
	broken bool
	ended  bool
}

// tails looks at all traces of a cluster at once: they grow together, and each look
// of its own would wake the harness once more.
type tails struct {
	mu   sync.Mutex
	all  map[*tail]struct{}
	stop func() // called when there is nothing to follow any more; it waits
}

// follow follows a trace in the background until finish.
func (ts *tails) follow(t *tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.all == nil {
		ts.all = make(map[*tail]struct{})
	}
	if ts.all[t] = struct{}{}; len(ts.all) == 1 {
		stop, gone := make(chan struct{}), make(chan struct{})
		ts.stop = func() { close(stop); <-gone }
		go func() {
			defer close(gone)
			ts.watch(stop)
		}()
	}
}

func (ts *tails) watch(stop <-chan struct{}) {
	wait := tailEvery
	next := time.NewTimer(wait)
	defer next.Stop()
	for {
		select {
		case <-stop:
			return
		case <-next.C:
		}
		wait = min(2*wait, tailRarely)
		for _, t := range ts.now() {
			if t.drain() {
				wait = tailEvery
			}
		}
		next.Reset(wait)
	}
}

func (ts *tails) now() []*tail {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return slices.Collect(maps.Keys(ts.all))
}

// finish reads what the process, which has ended, still left. A last line cut
// short by a kill claims nothing: what depended on it was never sent.
func (ts *tails) finish(t *tail) {
	ts.mu.Lock()
	delete(ts.all, t)
	stop := func() {}
	if len(ts.all) == 0 {
		stop = ts.stop
	}
	ts.mu.Unlock()
	stop()
	t.drain()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	if t.file != nil {
		t.file.Close()
	}
}

// drain takes what the file has by now, and tells whether that is more than before.
func (t *tail) drain() (grown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.broken || t.ended {
		return false
	}
	if t.file == nil {
		f, err := os.Open(t.path)
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		if err != nil {
			t.fail(err)
			return false
		}
		t.file, t.in, t.buf = f, rawio.New(f), make([]byte, 64<<10)
	}
	for !t.broken {
		n, err := t.in.Read(t.buf)
		grown = grown || n > 0
		t.take(t.buf[:n])
		if err != nil && !errors.Is(err, io.EOF) {
			t.fail(err)
		}
		if n < len(t.buf) || err != nil {
			break
		}
	}
	return grown
}

func (t *tail) take(b []byte) {
	t.rest = append(t.rest, b...)
	from := 0
	for !t.broken {
		n := bytes.IndexByte(t.rest[from:], '\n')
		if n < 0 {
			if len(t.rest)-from > maxTraceLine {
				t.fail(fmt.Errorf("%s:%d: longer than %d bytes", t.path, t.line+1, maxTraceLine))
			}
			break
		}
		t.line++
		if err := t.parse(t.rest[from : from+n]); err != nil {
			t.fail(fmt.Errorf("%s:%d: %w", t.path, t.line, err))
			break
		}
		from += n + 1
	}
	t.rest = append(t.rest[:0], t.rest[from:]...)
}

func (t *tail) fail(err error) {
	t.broken = true
	t.hole(err)
}
