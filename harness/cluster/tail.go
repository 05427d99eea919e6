package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
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

// tail follows the trace file of one process and hands on its events.
type tail struct {
	path  string
	parse func([]byte) (history.Raft, error)
	emit  func(history.Raft)
	hole  func(error) // called once, for a line that cannot be read; the rest is left out

	stop  chan struct{}
	asked chan chan<- struct{} // to be told that all there is now has been read
	gone  sync.WaitGroup

	file   *os.File
	rest   []byte
	line   int
	broken bool
}

// start follows the file in the background until finish.
func (t *tail) start() {
	t.stop, t.asked = make(chan struct{}), make(chan chan<- struct{})
	t.gone.Add(1)
	go func() {
		defer t.gone.Done()
		wait := tailEvery
		next := time.NewTimer(wait)
		defer next.Stop()
		buf := make([]byte, 64<<10)
		for {
			select {
			case <-t.stop:
				t.drain(buf)
				if t.file != nil {
					t.file.Close()
				}
				return
			case read := <-t.asked:
				t.drain(buf)
				close(read)
			case <-next.C:
				if wait = min(2*wait, tailRarely); t.drain(buf) {
					wait = tailEvery
				}
				next.Reset(wait)
			}
		}
	}()
}

// finish reads what the process, which has ended, still left. A last line cut
// short by a kill claims nothing: what depended on it was never sent.
func (t *tail) finish() {
	close(t.stop)
	t.gone.Wait()
}

// drain takes what the file has by now, and tells whether that is more than before.
func (t *tail) drain(buf []byte) (grown bool) {
	if t.broken {
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
		t.file = f
	}
	for !t.broken {
		n, err := t.file.Read(buf)
		grown = grown || n > 0
		t.take(buf[:n])
		if err != nil && !errors.Is(err, io.EOF) {
			t.fail(err)
		}
		if n < len(buf) || err != nil {
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
		e, err := t.parse(t.rest[from : from+n])
		if err != nil {
			t.fail(fmt.Errorf("%s:%d: %w", t.path, t.line, err))
			break
		}
		t.emit(e)
		from += n + 1
	}
	t.rest = append(t.rest[:0], t.rest[from:]...)
}

func (t *tail) fail(err error) {
	t.broken = true
	t.hole(fmt.Errorf("read trace: %w", err))
}
