package history

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/usurper/usurper/rawio"
)

// FlushEvery bounds how much of a history a harness that dies can lose: what
// was recorded in this time. Faults, process and run events are never lost.
const FlushEvery = 10 * time.Millisecond

// Recorder writes a history. Its methods may be called from any goroutine.
type Recorder struct {
	start  time.Time
	failed chan struct{} // closed on the first write error
	done   chan struct{} // closed by Close, ends the flusher
	gone   sync.WaitGroup

	mu       sync.Mutex
	out      io.WriteCloser
	buf      *bufio.Writer
	flush    *time.Timer // goes off while there is something in buf
	flushing bool        // it will
	line     []byte
	seq      uint64
	err      error
	closed   bool
	spoilt   bool // what follows proves nothing, and is left out
	watchers map[*watcher]struct{}
}

type watcher struct {
	want func(*Event) bool
	ch   chan Event
}

// Create makes a new history at path and starts its clock. The file must not
// exist yet: a history is never overwritten.
func Create(path string) (*Recorder, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("create history: %w", err)
	}
	return NewRecorder(file{rawio.New(f), f}), nil
}

// file is written to without waking the scheduler.
type file struct {
	*rawio.Conn
	io.Closer
}

// NewRecorder records to out, which Close closes, and starts the run's clock.
func NewRecorder(out io.WriteCloser) *Recorder {
	r := &Recorder{
		start:    time.Now(),
		failed:   make(chan struct{}),
		done:     make(chan struct{}),
		out:      out,
		buf:      bufio.NewWriterSize(out, 64<<10),
		flush:    time.NewTimer(FlushEvery),
		watchers: make(map[*watcher]struct{}),
	}
	r.gone.Add(1)
	go r.flushLoop()
	return r
}

// Now is the time since the run began, on the clock that stamps events.
func (r *Recorder) Now() time.Duration { return time.Since(r.start) }

// Record appends the event, stamped with its sequence number and the time. A
// fault, process or run event has reached the operating system when Record
// returns: evidence precedes effect. A write that fails is reported by Failed
// and Err, not here; later events are then discarded, as are those after RunSpoilt.
func (r *Recorder) Record(e Event) {
	payload, err := encodePayload(&e)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || r.closed || r.spoilt {
		return
	}
	r.spoilt = e.Run != nil && e.Run.What == RunSpoilt
	if err != nil {
		r.failLocked(err)
		return
	}
	e.Seq, e.At = r.seq, time.Since(r.start)
	r.seq++
	line := append(r.line[:0], `{"n":`...)
	line = strconv.AppendUint(line, e.Seq, 10)
	line = append(line, `,"t":`...)
	line = strconv.AppendInt(line, int64(e.At), 10)
	line = append(line, `,"`...)
	line = append(line, e.Kind()...)
	line = append(line, `":`...)
	line = append(line, payload...)
	line = append(line, "}\n"...)
	r.line = line
	if _, err := r.buf.Write(line); err != nil {
		r.failLocked(err)
		return
	}
	if e.Op == nil && e.Raft == nil {
		r.flushLocked()
	} else if !r.flushing {
		r.flushing = true
		r.flush.Reset(FlushEvery)
	}
	for w := range r.watchers {
		w.offer(e)
	}
}

// Watch delivers the events that want accepts, as they are recorded, until
// cancel is called, which closes the channel. A watcher that lags more than
// size events behind loses the oldest ones; the file has them all.
func (r *Recorder) Watch(size int, want func(*Event) bool) (<-chan Event, func()) {
	w := &watcher{want: want, ch: make(chan Event, size)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[w] = struct{}{}
	cancel := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, ok := r.watchers[w]; ok {
			delete(r.watchers, w)
			close(w.ch)
		}
	}
	return w.ch, cancel
}

// Failed is closed when the history could not be written: the run is lost.
func (r *Recorder) Failed() <-chan struct{} { return r.failed }

// Err returns why the history could not be written, or nil.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Len returns how many events were recorded.
func (r *Recorder) Len() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// Close flushes and closes the history. A second Close does nothing.
func (r *Recorder) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return r.Err()
	}
	r.flushLocked()
	r.closed = true
	if err := r.out.Close(); err != nil {
		r.failLocked(err)
	}
	err := r.err
	r.mu.Unlock()
	close(r.done)
	r.gone.Wait()
	return err
}

func (r *Recorder) flushLoop() {
	defer r.gone.Done()
	defer r.flush.Stop()
	for {
		select {
		case <-r.done:
			return
		case <-r.flush.C:
			r.mu.Lock()
			r.flushing = false
			r.flushLocked()
			r.mu.Unlock()
		}
	}
}

func (r *Recorder) flushLocked() {
	if r.err != nil || r.closed {
		return
	}
	if err := r.buf.Flush(); err != nil {
		r.failLocked(err)
	}
}

func (r *Recorder) failLocked(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("write history: %w", err)
		close(r.failed)
	}
}

func (w *watcher) offer(e Event) {
	if !w.want(&e) {
		return
	}
	for {
		select {
		case w.ch <- e:
			return
		default:
		}
		select {
		case <-w.ch: // the oldest makes room
		default:
		}
	}
}

func encodePayload(e *Event) ([]byte, error) {
	switch {
	case e.Op != nil:
		return json.Marshal(e.Op.told())
	case e.Raft != nil:
		return json.Marshal(e.Raft)
	case e.Fault != nil:
		return json.Marshal(e.Fault)
	case e.Proc != nil:
		return json.Marshal(e.Proc)
	case e.Run != nil:
		return json.Marshal(e.Run)
	case e.State != nil:
		return json.Marshal(e.State)
	case e.Claim != nil:
		return json.Marshal(e.Claim)
	}
	return nil, fmt.Errorf("event without a payload")
}
