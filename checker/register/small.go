package register

import (
	"math/bits"

	"github.com/usurper/usurper/checker/verdict"
)

// maxSmall is how many operations a passage may have to be searched here first rather
// than by timely.go, whose preparations take longer than most searches: passages are
// mostly short.
const maxSmall = 256

// small looks for an order of a short passage's operations, by trying them (Wing and
// Gong, Testing and verifying concurrent objects, 1993) and never twice the same:
// which are left, and the value (Lowe, Testing for linearizability, 2017).
func (s *search) small(h passage) (v verdict.Verdict, why string) {
	return s.Search(len(h.items), func(p *verdict.Purse) bool {
		tries := smallSearch{items: h.items, tried: make(map[smallState]struct{}), purse: p}
		all := smallState{value: h.from}
		for i := range h.items {
			all.left[i/64] |= 1 << (i % 64)
		}
		return tries.from(all)
	})
}

type smallSearch struct {
	items []item
	tried map[smallState]struct{}
	purse *verdict.Purse
}

// smallState is what is left to order, a bit for each item, and the value.
type smallState struct {
	left  [maxSmall / 64]uint64
	value uint32
}

// next returns the first item from i on that is left, or how many there are.
func (s *smallState) next(i, count int) int {
	for i < count {
		if word := s.left[i/64] >> (i % 64); word != 0 {
			return min(i+bits.TrailingZeros64(word), count)
		}
		i = (i/64 + 1) * 64
	}
	return count
}

// from tells whether there is an order from here on.
func (s *smallSearch) from(state smallState) bool {
	count := len(s.items)
	begin := state.next(0, count)
	if begin == count {
		return true
	}
	if _, again := s.tried[state]; again {
		return false
	}
	s.tried[state] = struct{}{}
	s.purse.Remember(0)
	first := never // what is called after this return cannot be next
	for i := begin; i < count && s.items[i].call <= first; i = state.next(i+1, count) {
		first = min(first, s.items[i].ret)
	}
	for i := begin; i < count && s.items[i].call <= first; i = state.next(i+1, count) {
		if !s.purse.Spend() {
			return false
		}
		if ok, value := s.items[i].step(state.value); ok {
			less := state
			less.left[i/64] &^= 1 << (i % 64)
			if less.value = value; s.from(less) {
				return true
			}
		}
	}
	return false
}
