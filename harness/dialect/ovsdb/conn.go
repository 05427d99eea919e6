package ovsdb

import (
	"bytes"
	"sync"

	"github.com/usurper/usurper/harness/tap"
)

// party is an end of a connection: its name, and by which id it goes.
type party struct {
	name    string
	id      []byte // as it was last seen, nil at first
	renewed uint64
}

// is takes the id by which a message calls the party.
func (p *party) is(id []byte, c *tap.Cluster) error {
	if bytes.Equal(p.id, id) {
		return nil
	}
	if err := c.Meet(string(id), p.name); err != nil {
		return err
	}
	p.id = bytes.Clone(id)
	_, p.renewed, _ = c.Member(string(id))
	return nil
}

// shared is what all connections of a cluster know: an answer need not come on the
// connection that the request went by.
type shared struct {
	cluster *tap.Cluster

	mu    sync.Mutex
	asked map[pair]*terms
}

// maxPairs bounds the members whose requests are remembered, two at a time.
const maxPairs = 1 << 12

type pair struct{ candidate, voter string }

// terms is a short memory of the terms in which somebody asked somebody for votes.
type terms struct {
	ring [16]uint64
	n    int
}

// asks notes a request for a vote.
func (s *shared) asks(p pair, term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.asked[p]
	if t == nil {
		if len(s.asked) >= maxPairs {
			s.cluster.Strange("a request for a vote between more members than are kept apart")
			return
		}
		t = &terms{}
		s.asked[p] = t
	}
	t.ring[t.n%len(t.ring)] = term
	t.n++
}

// answered returns the term of the request that an answer of this term is to: the same
// if it was asked for, else the one that was asked for last; 0 if there was none.
func (s *shared) answered(p pair, term uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.asked[p]
	if t == nil {
		return 0
	}
	for _, asked := range t.ring[:min(t.n, len(t.ring))] {
		if asked == term {
			return term
		}
	}
	return t.ring[(t.n-1)%len(t.ring)]
}
