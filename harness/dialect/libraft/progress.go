package libraft

import "sync"

// progress is how far leaders have sent their logs. Appends and their answers go by
// different connections.
type progress struct {
	mu    sync.Mutex
	links map[link]*sent
}

func (p *progress) of(from, to string) *sent {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links == nil {
		p.links = make(map[link]*sent)
	}
	l := link{from, to}
	if p.links[l] == nil {
		p.links[l] = new(sent)
	}
	return p.links[l]
}

type link struct{ from, to string }

// sent is how far one leader has sent its log to one follower, in its latest term.
type sent struct {
	mu          sync.Mutex
	term, index uint64
}

// add notes that the log is sent up to index, in a term.
func (s *sent) add(term, index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if term > s.term {
		s.term, s.index = term, 0
	}
	if term == s.term {
		s.index = max(s.index, index)
	}
}

// acknowledged returns how far a follower's log that ends at last is the leader's, as the
// leader takes it: 0 for a term in which nothing was sent.
func (s *sent) acknowledged(term, last uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if term != s.term {
		return 0
	}
	return min(last, s.index)
}
