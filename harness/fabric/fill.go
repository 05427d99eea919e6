package fabric

import (
	"bytes"
	"time"
)

// fill reads from the source into the queue until the source ends (closed) or
// the writer has left (again).
func (s *stream) fill() outcome {
	for {
		if !s.room() {
			return killed
		}
		if s.stopped() {
			return again
		}
		n, err := s.read()
		if n > 0 {
			nudge(s.wake)
		}
		if err == nil {
			continue
		}
		if out := s.sourceEnded(err); out != again {
			return out
		}
		s.mu.Lock()
		if !s.leaving && !s.broken {
			s.rereadLocked()
		}
		s.mu.Unlock()
	}
}

// stopped tells whether the writer has left.
func (s *stream) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving || s.broken
}

// room waits until the queue may grow.
func (s *stream) room() bool {
	for {
		s.mu.Lock()
		full := int64(s.queue.size) >= s.conn.fabric.opts.MaxHeld && !s.leaving && !s.broken
		s.mu.Unlock()
		if !full {
			return true
		}
		select {
		case <-s.space:
		case <-s.conn.done:
			return false
		}
	}
}

// read moves bytes of one read to the queue.
func (s *stream) read() (int, error) {
	if s.frames == nil {
		return s.readPlain()
	}
	b := s.frames.space()
	n, err := s.in.Read(b)
	if n == 0 {
		return 0, err
	}
	s.entered(b[:n])
	s.frames.grown(n)
	marks, bad := s.split()
	items := s.items(marks)
	s.observe(Sent, items)
	scheduler := s.conn.fabric.scheduler
	s.mu.Lock()
	for _, it := range items {
		it.turn = scheduler.enter(s.link.name, it.class, it.bytes, s.wake)
		s.queue.admit(it, s.rules)
	}
	dropped := s.queue.dropped
	s.queue.dropped = nil
	held := s.queue.takeHeld()
	s.mu.Unlock()
	s.observeHeld(held)
	for _, it := range dropped {
		scheduler.lose(it.turn)
	}
	s.observe(Dropped, dropped)
	if bad != nil {
		s.undecodable(bad)
	}
	return n, err
}

func (s *stream) readPlain() (int, error) {
	p := buffers.Get().(*[]byte)
	n, err := s.in.Read(*p)
	s.entered((*p)[:max(n, 0)])
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < readSize/4 {
		s.admitPlainLocked((*p)[:n])
		buffers.Put(p)
		return n, err
	}
	s.queue.admit(&item{bytes: (*p)[:n], arrived: s.conn.fabric.now()}, s.rules)
	return n, err
}

// admitPlainLocked copies plain bytes to the queue.
func (s *stream) admitPlainLocked(b []byte) {
	if len(b) == 0 || s.queue.merge(b, s.rules) {
		return
	}
	room := len(b)
	if s.rules.cut {
		room = max(room, mergeRoom)
	}
	it := &item{bytes: append(make([]byte, 0, room), b...), arrived: s.conn.fabric.now()}
	s.queue.admit(it, s.rules)
}

// split marks the frames among the pending bytes.
func (s *stream) split() ([]mark, error) {
	s.conn.splitting.Lock()
	defer s.conn.splitting.Unlock()
	marks, err := s.frames.split()
	id := s.conn.fabric.frames.Add(uint64(len(marks))) - uint64(len(marks))
	for i := range marks {
		id++
		marks[i].id = id
	}
	return marks, err
}

// items copies the marked frames out of the framer.
func (s *stream) items(marks []mark) []*item {
	now := s.conn.fabric.now()
	items := make([]*item, 0, len(marks))
	b, from := s.frames.pending(), 0
	for _, m := range marks {
		items = append(items, &item{
			bytes: bytes.Clone(b[from:m.end]), class: m.class, id: m.id, means: m.meaning, frame: true, arrived: now,
			lossy: s.conn.fabric.opts.Protocol.Lossy(m.class),
		})
		from = m.end
	}
	s.frames.discard(from)
	return items
}

// passed counts bytes that went on.
func (s *stream) passed(n int) {
	s.link.bytes.Add(int64(n))
	if s.conn.lost.Load() {
		s.conn.fabric.undecoded.Add(uint64(n))
	}
}

// undecodable makes the whole connection plain; the other stream may wait for
// the rest of a frame and has to give up what it has of it.
func (s *stream) undecodable(err error) {
	s.conn.undecodable(s.link.name, err)
	s.mu.Lock()
	s.flattenLocked()
	s.mu.Unlock()
	o := s.conn.other(s)
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.src.SetReadDeadline(past)
}

// rereadLocked undoes an interrupt of the reading goroutine, which calls it. If
// the other stream has made the connection plain, here is where this one
// follows.
func (s *stream) rereadLocked() {
	_ = s.src.SetReadDeadline(time.Time{})
	if s.conn.plain.Load() {
		s.flattenLocked()
	}
}

// flattenLocked stops decoding: the bytes that are no whole frame go on their
// way as they are.
func (s *stream) flattenLocked() {
	if s.frames == nil {
		return
	}
	s.admitPlainLocked(s.frames.pending())
	s.frames = nil
	nudge(s.wake)
}
