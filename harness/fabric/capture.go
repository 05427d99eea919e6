package fabric

// Capture is shown what members send, as it enters the fabric. It is called by
// several goroutines and must not call the Fabric.
type Capture interface {
	// Open is called once a connection stands, before a byte of it moves, and returns
	// who takes what enters it; nil: nobody does.
	Open(pair Link) Tape
}

// Tape takes what enters one connection. Calls for one direction come one by one; those
// for the two directions may come at the same time. What a byte leads to, such as an
// answer, is told of after it. It should be quick: the traffic waits.
type Tape interface {
	// Sent takes bytes that one end has sent, the dialler if forward is true. It must not
	// keep b.
	Sent(forward bool, b []byte)
	// Ended tells that one end sends no more: it closed its direction, or is gone, with a
	// RST. A dead process is either.
	Ended(forward, reset bool)
	// Closed is called last. A direction that did not end was broken by the fabric.
	Closed()
}

// entered shows bytes that came from the source to who keeps them.
func (s *stream) entered(b []byte) {
	if t := s.conn.tape; t != nil && len(b) > 0 {
		t.Sent(s == s.conn.forward, b)
	}
}

// sourceGone does the same with the end of the source.
func (s *stream) sourceGone(k kind) {
	if t := s.conn.tape; t != nil {
		t.Ended(s == s.conn.forward, k == rst)
	}
}
