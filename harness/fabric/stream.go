package fabric

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/fabric/clock"
	"github.com/usurper/usurper/rawio"
)

// outcome is how a stretch of a stream's work ended.
type outcome uint8

const (
	again    outcome = iota // look at the rules anew
	closed                  // the source has ended; its end is in the queue
	finished                // what was to be delivered last (dial, FIN, RST) is delivered
	failed                  // the destination is gone
	killed                  // the connection is being killed
)

// past is a deadline that interrupts whatever waits for a socket.
var past = time.Unix(1, 0)

// stream carries one direction of a connection.
//
// While no rule is in force, one goroutine moves bytes straight from src to dst
// and looks at nothing shared. A change of rules interrupts it through the
// deadlines of its sockets; what it has in hand goes to the queue. While rules
// are in force, it reads into the queue and a second goroutine writes from it.
// Apply waits for the acknowledgement of each stream that may be writing.
type stream struct {
	conn   *conn
	link   *link
	frames *framer // nil: plain bytes; belongs to the reading goroutine
	splice *splicer
	gone   atomic.Bool // src was found gone by the other stream's write
	stage  []byte      // small items on their way out, together

	observing sync.Mutex   // keeps calls to the Observer apart
	alarm     *clock.Alarm // wakes the writer

	wake  chan struct{} // one token: the writer looks again
	space chan struct{} // one token: the reader looks again

	mu       sync.Mutex
	src, dst *net.TCPConn
	in, out  *rawio.Conn // the same: each byte passes them
	rules    *ruleSet
	queue    queue
	fast     bool     // no queue: src to dst
	writing  *ruleSet // in force when the write or dial under way began; nil: none is
	leaving  bool     // the writer has left because nothing is in the queue or in force
	broken   bool     // the writer has left because dst is gone
	stopDial context.CancelFunc
	acks     []chan struct{}
	ended    bool
}

func newStream(c *conn, l *link) *stream {
	s := &stream{conn: c, link: l, rules: noRules, wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
	s.alarm = clock.NewAlarm(func() { nudge(s.wake) })
	return s
}

func (s *stream) attach(src, dst *net.TCPConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src != nil {
		s.src, s.in = src, rawio.New(src)
	}
	if dst != nil {
		s.dst, s.out = dst, rawio.New(dst)
	}
}

// setRules puts other rules in force. If a write of older rules may be under
// way, it interrupts it and returns a channel that closes once it has ended.
func (s *stream) setRules(rs *ruleSet) <-chan struct{} {
	s.mu.Lock()
	ack := s.setRulesLocked(rs)
	held := s.queue.takeHeld()
	s.mu.Unlock()
	s.observeHeld(held)
	return ack
}

func (s *stream) setRulesLocked(rs *ruleSet) <-chan struct{} {
	if s.ended {
		return nil
	}
	s.queue.replace(s.rules, rs)
	if s.writing == nil {
		s.queue.stranded(s.rules, rs)
	}
	s.rules = rs
	nudge(s.wake)
	if !s.fast && s.writing == nil {
		return nil
	}
	if s.stopDial != nil {
		s.stopDial()
	}
	s.interrupt()
	ack := make(chan struct{})
	s.acks = append(s.acks, ack)
	return ack
}

// interrupt makes a wait for the sockets end at once. It needs mu. A deadline
// fails only on a closed socket, where nobody waits.
func (s *stream) interrupt() {
	if s.fast {
		_ = s.src.SetReadDeadline(past)
	}
	if s.dst != nil {
		_ = s.dst.SetWriteDeadline(past)
	}
}

// resumeLocked undoes interrupt and acknowledges the rules now in force.
func (s *stream) resumeLocked() {
	if s.dst != nil {
		_ = s.dst.SetWriteDeadline(time.Time{})
	}
	for _, ack := range s.acks {
		close(ack)
	}
	s.acks = nil
}

// run carries bytes until the stream has ended on one side or the other.
func (s *stream) run() outcome {
	defer func() { s.splice.close() }()
	for {
		var out outcome
		if s.settle() {
			out = s.runFast()
		} else {
			out = s.runQueued()
		}
		if out == closed {
			out = s.drain(false)
		}
		switch out {
		case again:
			continue
		case failed:
			s.conn.other(s).gone.Store(true)
		}
		s.lose()
		return out
	}
}

// settle makes the stream ready for another stretch and tells which kind.
func (s *stream) settle() (fast bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rereadLocked()
	s.leaving = false
	s.fast = s.rules.empty() && s.queue.empty()
	s.resumeLocked()
	return s.fast
}

// runQueued reads into the queue while a second goroutine writes from it. With
// no rule in force any more, it only empties the queue.
func (s *stream) runQueued() outcome {
	s.mu.Lock()
	emptying := s.rules.empty()
	s.mu.Unlock()
	if emptying {
		return s.drain(false)
	}
	written := make(chan outcome, 1)
	go func() { written <- s.drain(true) }()
	read := s.fill()
	out := <-written
	if out == again && read == closed {
		return closed
	}
	return out
}

// pass sends a dial, FIN or RST on its way behind everything else, under the
// rules, and waits until it has left.
func (s *stream) pass(k kind) outcome {
	s.mu.Lock()
	s.queue.admit(&item{kind: k, arrived: s.conn.fabric.now()}, s.rules)
	s.mu.Unlock()
	return s.drain(false)
}

// sourceEnded turns the error of a read into an outcome, and the end of the
// source into traffic.
func (s *stream) sourceEnded(err error) outcome {
	k := rst
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return again
	case errors.Is(err, net.ErrClosed):
		return killed
	case errors.Is(err, io.EOF) && !s.gone.Load():
		k = fin
	}
	s.sourceGone(k)
	s.mu.Lock()
	if s.fast {
		s.fast = false
		s.resumeLocked()
	}
	s.flattenLocked() // a frame cut short by the end
	s.queue.admit(&item{kind: k, arrived: s.conn.fabric.now()}, s.rules)
	s.mu.Unlock()
	nudge(s.wake)
	return closed
}

// writeFailed turns the error of a write into an outcome.
func (s *stream) writeFailed(err error) outcome {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return again
	case errors.Is(err, net.ErrClosed):
		return killed
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.ENOTCONN):
		return failed
	}
	s.conn.fabric.opts.Logf("fabric: %s: write: %v", s.link.name, err)
	return failed
}

// lose reports the frames that will never be delivered, unless the run ends.
func (s *stream) lose() {
	s.mu.Lock()
	s.fast = false
	s.resumeLocked()
	var frames []*item
	lost := func(it *item) {
		s.conn.fabric.scheduler.lose(it.turn)
		if it.frame {
			frames = append(frames, it)
		}
	}
	for _, it := range s.queue.picked {
		lost(it)
	}
	s.queue.waiting(lost)
	s.queue = queue{}
	s.mu.Unlock()
	if !s.conn.fabric.stopping() {
		s.observe(Dropped, frames)
	}
}

// end makes the stream deaf to rules.
func (s *stream) end() {
	s.mu.Lock()
	s.ended = true
	s.resumeLocked()
	s.mu.Unlock()
	s.conn.fabric.clock.Stop(s.alarm)
}

// observe tells the Observer about frames among the items.
func (s *stream) observe(stage Stage, items []*item) {
	o := s.conn.fabric.opts.Observer
	if stage == Delivered {
		n := int64(0)
		for _, it := range items {
			if it.frame {
				n++
			}
		}
		if n > 0 {
			s.link.frames.Add(n)
		}
	}
	if o == nil || len(items) == 0 {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	for _, it := range items {
		if it.frame {
			o.Frame(stage, Frame{it.id, s.link.name, it.class, it.bytes, it.means})
		}
	}
}

// observeHeld tells the Observer about frames that are held.
func (s *stream) observeHeld(frames []Frame) {
	o := s.conn.fabric.opts.Observer
	if o == nil || len(frames) == 0 {
		return
	}
	s.observing.Lock()
	defer s.observing.Unlock()
	for _, f := range frames {
		f.Link = s.link.name
		o.Frame(Held, f)
	}
}

// nudge leaves a token; one that is already there will do.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
