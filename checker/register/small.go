package register

import (
	"math/bits"

	"github.com/usurper/usurper/checker/verdict"
)

// maxSmall is how many operations a passage may have to be searched here rather
// than by porcupine, whose preparations take longer than most searches: passages are
// mostly short.
const maxSmall = 16

// small looks for an order of a short passage's operations, by trying them (Wing and
// Gong, Testing and verifying concurrent objects, 1993) and never twice the same:
// which are left, and the value (Lowe, Testing for linearizability, 2017).
func (s *search) small(h passage) (v verdict.Verdict, why string) {
	return s.Search(len(h.items), func(p *verdict.Purse) bool {
		tries := smallSearch{items: h.items, tried: make(map[smallState]struct{}), purse: p}
		return tries.from(smallState{left: 1<<len(h.items) - 1, value: h.from})
	})
}

type smallSearch struct {
	items []item
	tried map[smallState]struct{}
	purse *verdict.Purse
}

// smallState is what is left to order, a bit for each item, and the value.
type smallState struct{ left, value uint32 }

// from tells whether there is an order from here on.
func (s *smallSearch) from(state smallState) bool {
	if state.left == 0 {
		return true
	}
	if _, again := s.tried[state]; again {
		return false
	}
	s.tried[state] = struct{}{}
	s.purse.Remember(0)
	first := never // what is called after this return cannot be next
	for left := state.left; left != 0; left &= left - 1 {
		first = min(first, s.items[bits.TrailingZeros32(left)].ret)
	}
	for left := state.left; left != 0; left &= left - 1 {
		i := bits.TrailingZeros32(left)
		it := &s.items[i]
		if it.call > first || !s.purse.Spend() {
			return false // whatever follows was called even later
		}
		if ok, value := it.step(state.value); ok && s.from(smallState{state.left &^ (1 << i), value}) {
			return true
		}
	}
	return false
}
