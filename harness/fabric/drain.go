package fabric

import (
	"context"
	"errors"
	"sync"
	"time"
)

// batch is how many bytes are gathered for one write.
const batch = 64 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, readSize); return &b }}

// step is what the writer does next: write bytes, act on a dial or close, wait,
// or leave.
type step struct {
	bytes []byte
	item  *item // a dial, FIN or RST
	ctx   context.Context
	until time.Duration // wait: 0 means until woken
	leave bool
}

// drain writes what is in the queue, when it is due, until the queue is empty
// and no rule is in force (again), a dial, FIN or RST has left (finished), or
// the destination or connection is gone. With reading, another goroutine reads
// into the queue meanwhile and is told to stop too; without, drain also gives
// up when rules come into force, unless the source has ended.
func (s *stream) drain(reading bool) outcome {
	var done []*item
	for {
		st := s.next(reading)
		var n int
		var err error
		switch {
		case st.leave:
			return again
		case st.item != nil:
			err = s.act(st)
		case st.bytes != nil:
			n, err = s.out.Write(st.bytes)
			s.passed(n)
		default:
			if !s.await(st.until) {
				return killed
			}
			continue
		}
		done = s.wrote(n, st.item, err, done[:0])
		s.observe(Delivered, done)
		recycle(done)
		if err == nil && st.item == nil {
			continue
		}
		if out := s.acted(st.item, err); out != again {
			if reading && out == failed {
				s.stopReader(&s.broken)
			}
			return out
		}
	}
}

// next decides the writer's next step and, if it is one, marks a write as under
// way.
func (s *stream) next(reading bool) step {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.queue
	if q.empty() && s.rules.empty() {
		if reading {
			s.leaving = true
			s.stopReaderLocked()
		}
		return step{leave: true}
	}
	if !reading && !s.rules.empty() && !q.closing() {
		return step{leave: true}
	}
	if s.rules.cut {
		return step{}
	}
	now := s.conn.fabric.now()
	until := q.turned(s.conn.fabric.scheduler, now)
	until = sooner(until, q.pick(now, batch))
	if len(q.picked) == 0 {
		return step{until: until}
	}
	if it := q.picked[0]; it.kind != data {
		s.writing = s.rules
		st := step{item: it}
		if it.kind == dial {
			st.ctx, s.stopDial = context.WithCancel(s.conn.ctx)
		}
		return st
	}
	b := s.gather(batch)
	if s.rules.limited {
		n, at := s.rules.allowance(len(b), now)
		if at > 0 {
			q.picked[0].throttle(s.rules)
			return step{until: sooner(at, until)}
		}
		b = b[:n]
	}
	s.writing = s.rules
	s.leaveLocked(len(b))
	return step{bytes: b}
}

// leaveLocked tells the scheduler of the frames that begin in the next n bytes.
func (s *stream) leaveLocked(n int) {
	c := s.conn.fabric.scheduler
	if c == nil {
		return
	}
	for _, it := range s.queue.picked {
		if n <= 0 {
			return
		}
		c.leave(it.turn)
		n -= len(it.bytes) - it.sent
	}
}

// throttle counts the item once for each throttle that makes it wait.
func (it *item) throttle(rs *ruleSet) {
	if it.slowed {
		return
	}
	it.slowed = true
	for _, e := range rs.effects {
		if e.limits() {
			e.of.tally.add(BytesThrottled, int64(len(it.bytes)-it.sent))
		}
	}
}

// gather returns the bytes of the picked items as one slice.
func (s *stream) gather(limit int) []byte {
	picked := s.queue.picked
	if len(picked) == 1 || len(picked[0].bytes)-picked[0].sent >= limit/2 {
		return picked[0].bytes[picked[0].sent:]
	}
	s.stage = s.stage[:0]
	for _, it := range picked {
		if len(s.stage) > 0 && len(s.stage)+len(it.bytes) > limit {
			break
		}
		s.stage = append(s.stage, it.bytes[it.sent:]...)
	}
	return s.stage
}

// wrote takes what a step has done off the queue and appends what has left
// whole to done.
func (s *stream) wrote(n int, it *item, err error, done []*item) []*item {
	s.mu.Lock()
	done = s.wroteLocked(n, it, err, done)
	held := s.queue.takeHeld()
	s.mu.Unlock()
	s.observeHeld(held)
	return done
}

func (s *stream) wroteLocked(n int, it *item, err error, done []*item) []*item {
	if s.stopDial != nil {
		s.stopDial()
		s.stopDial = nil
	}
	if len(s.acks) > 0 || err != nil {
		s.resumeLocked()
	}
	if it == nil {
		done = s.queue.written(n, done)
	} else if err == nil {
		s.queue.written(0, nil)
	}
	s.queue.stranded(s.writing, s.rules)
	s.writing = nil
	if int64(s.queue.size) < s.conn.fabric.opts.MaxHeld {
		nudge(s.space)
	}
	return done
}

// act carries out a dial, FIN or RST.
func (s *stream) act(st step) error {
	switch st.item.kind {
	case dial:
		return s.conn.connect(st.ctx)
	case fin:
		return s.dst.CloseWrite()
	}
	// The sender is gone, and with the RST the receiver's connection too.
	s.conn.kill()
	return nil
}

// acted turns the result of a step into an outcome.
func (s *stream) acted(it *item, err error) outcome {
	switch {
	case err == nil:
		return finished
	case it != nil && it.kind == dial && s.conn.ctx.Err() != nil:
		return killed
	case it != nil && it.kind == dial && errors.Is(err, context.Canceled):
		return again // rules have changed
	case it != nil && it.kind == dial:
		s.mu.Lock()
		s.queue.written(0, nil)
		s.mu.Unlock()
		return failed
	}
	return s.writeFailed(err)
}

// await sleeps until something changes or the time comes; false means that the
// connection is being killed.
func (s *stream) await(until time.Duration) bool {
	if until > 0 {
		s.conn.fabric.clock.Set(s.alarm, until)
	}
	select {
	case <-s.wake:
		return true
	case <-s.conn.done:
		return false
	}
}

// stopReader sets a reason to stop and interrupts the reading goroutine.
func (s *stream) stopReader(reason *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*reason = true
	s.stopReaderLocked()
}

func (s *stream) stopReaderLocked() {
	_ = s.src.SetReadDeadline(past)
	nudge(s.space)
}

// closing tells whether the queue will see nothing new from its source.
func (q *queue) closing() bool {
	if len(q.picked) > 0 && q.picked[0].kind != data {
		return true
	}
	return q.head < len(q.line) && q.line[len(q.line)-1].kind != data
}

// recycle keeps read buffers for later; those of frames may have a twin.
func recycle(items []*item) {
	for _, it := range items {
		if !it.frame && cap(it.bytes) == readSize {
			b := it.bytes[:readSize]
			buffers.Put(&b)
		}
		it.bytes = nil
	}
}
