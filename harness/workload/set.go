package workload

import (
	"math/rand/v2"

	"github.com/usurper/usurper/harness/history"
)

// setReads is how many of a hundred operations of the set workload read. Half
// of the reads go back to one of the last setBack sets, so that a set that is
// full is looked at long before the final reads.
const (
	setReads = 2
	setBack  = 32
)

// Set adds values, each once, to sets, and reads the sets now and then and in
// the end: nothing acknowledged may be missing, nothing may be there twice.
type Set struct {
	keys *rotation
}

// NewSet returns the set workload: about 300 values to a set.
func NewSet() *Set {
	return &Set{newRotation("s", bounds{operations: 300, final: 5000})}
}

// Name returns "set".
func (*Set) Name() string { return "set" }

// Next draws an add, seldom a read.
func (s *Set) Next(client int, r *rand.Rand) history.Op {
	isRead, back := r.IntN(100) < setReads, r.IntN(2)*r.IntN(setBack)
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if key, ok := s.keys.recentLocked(back); isRead && ok {
		return history.Op{F: history.FRead, Key: key}
	}
	k := s.keys.takeLocked(client)
	return history.Op{F: history.FAdd, Key: k.name, Arg: s.keys.valueLocked(client)}
}

// Done counts the add as ended.
func (s *Set) Done(_ int, op history.Op) {
	if op.F != history.FAdd {
		return // reads take no key
	}
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	s.keys.doneLocked(&op)
}

// Final reads every recent set.
func (s *Set) Final() []history.Op { return s.keys.final(history.FRead) }
