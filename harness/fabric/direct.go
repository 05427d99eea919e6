package fabric

import (
	"errors"
	"syscall"
)

// runFast moves bytes from src to dst while no rule is in force.
func (s *stream) runFast() outcome {
	if s.frames != nil {
		return s.runDecoded()
	}
	if s.conn.tape != nil { // which needs to see the bytes
		return s.runCopy()
	}
	if s.splice == nil {
		s.splice = newSplicer()
	}
	if s.splice.usable() {
		return s.runSplice()
	}
	return s.runCopy()
}

// runDecoded forwards whole frames as they come, all of a read in one write.
// The beginning of a frame waits for its end, so that a rule never finds half a
// frame gone.
func (s *stream) runDecoded() outcome {
	for {
		b := s.frames.space()
		n, err := s.in.Read(b)
		if n > 0 {
			s.entered(b[:n])
			s.frames.grown(n)
			if more, out := s.forward(); !more {
				return out
			}
		}
		if err != nil {
			return s.sourceEnded(err)
		}
	}
}

// forward writes the whole frames among the pending bytes and tells whether
// there may be more, or else how the stretch ended.
func (s *stream) forward() (more bool, out outcome) {
	marks, bad := s.split()
	more, out = true, again
	if len(marks) > 0 {
		more, out = s.forwardFrames(marks)
	}
	if bad != nil && out == again {
		s.undecodable(bad)
		more = false
	}
	return more, out
}

func (s *stream) forwardFrames(marks []mark) (more bool, out outcome) {
	b := s.frames.pending()[:marks[len(marks)-1].end]
	s.observeMarks(Sent, marks, b)
	s.scheduleMarks(marks, b)
	n, err := s.out.Write(b)
	s.passed(n)
	whole := 0
	for whole < len(marks) && marks[whole].end <= n {
		whole++
	}
	s.link.frames.Add(int64(whole))
	s.observeMarks(Delivered, marks[:whole], b)
	if err == nil {
		s.frames.discard(len(b))
		return true, again
	}
	start := 0
	if whole > 0 {
		start = marks[whole-1].end
	}
	s.keep(marks[whole:], start, n-start)
	return false, s.writeFailed(err)
}

// keep moves the marked frames, which are past every rule that acts on what
// enters, to the head of the queue. The first begins at start and sent bytes of
// it are written.
func (s *stream) keep(marks []mark, start, sent int) {
	for i := range marks {
		marks[i].end -= start
	}
	s.frames.discard(start)
	items := s.items(marks)
	if len(items) > 0 {
		items[0].sent = sent
	}
	s.keepItems(items)
}

func (s *stream) keepItems(items []*item) {
	s.mu.Lock()
	for _, it := range items {
		s.queue.size += it.size()
		s.queue.picked = append(s.queue.picked, it)
		s.queue.blocked(it, s.rules)
	}
	held := s.queue.takeHeld()
	s.mu.Unlock()
	s.observeHeld(held)
}

// keepBytes does the same for plain bytes.
func (s *stream) keepBytes(b []byte) {
	if len(b) > 0 {
		s.keepItems([]*item{{bytes: b, arrived: s.conn.fabric.now()}})
	}
}

// runSplice moves bytes inside the kernel. Those in the pipe when it is
// interrupted go to the queue.
func (s *stream) runSplice() outcome {
	src, err := s.src.SyscallConn()
	if err != nil {
		return s.sourceEnded(err)
	}
	dst, err := s.dst.SyscallConn()
	if err != nil {
		return s.writeFailed(err)
	}
	for {
		n, err := s.splice.fill(src)
		if errors.Is(err, syscall.EINVAL) { // not between these sockets
			s.splice.close()
			return again
		}
		if err != nil {
			return s.sourceEnded(err)
		}
		err = s.splice.flush(dst)
		s.passed(n - s.splice.held)
		if err != nil {
			rest, lost := s.splice.take()
			if lost != nil {
				s.conn.fabric.opts.Logf("fabric: %s: %v; closing the connection", s.link.name, lost)
				s.conn.kill()
				return killed
			}
			s.keepBytes(rest)
			return s.writeFailed(err)
		}
	}
}

// runCopy does the same in user space.
func (s *stream) runCopy() outcome {
	p := buffers.Get().(*[]byte)
	defer buffers.Put(p)
	for {
		n, err := s.in.Read(*p)
		if n > 0 {
			s.entered((*p)[:n])
			m, werr := s.out.Write((*p)[:n])
			s.passed(m)
			if werr != nil {
				s.keepBytes(append([]byte(nil), (*p)[m:n]...))
				return s.writeFailed(werr)
			}
		}
		if err != nil {
			return s.sourceEnded(err)
		}
	}
}

// scheduleMarks tells the scheduler of frames that leave as they enter.
func (s *stream) scheduleMarks(marks []mark, b []byte) {
	c := s.conn.fabric.scheduler
	if c == nil {
		return
	}
	from := 0
	for _, m := range marks {
		c.leave(c.enter(s.link.name, m.class, b[from:m.end], s.wake))
		from = m.end
	}
}

func (s *stream) observeMarks(stage Stage, marks []mark, b []byte) {
	o := s.conn.fabric.opts.Observer
	if o == nil {
		return
	}
	from := 0
	for _, m := range marks {
		o.Frame(stage, Frame{m.id, s.link.name, m.class, b[from:m.end], m.meaning})
		from = m.end
	}
}
