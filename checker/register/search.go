package register

import (
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/verdict"
)

// passage is a part of a register's history that can be checked by itself,
// because the value at its start is certain.
type passage struct {
	items []item // by call
	from  uint32 // the value at its start
	after int32  // the operation in register.ops that left it there, -1 for none
}

// passages cuts a history, sorted by call, after every operation that is alone:
// called when all before it have returned, and returned before the next one's
// call. What it read or wrote is then the register's value, so what follows can
// be judged without what came before. Short passages keep the search and its
// memory small on keys with many operations.
func passages(items []item) []passage {
	var out []passage
	next := passage{after: -1}
	latest := position(0)
	begin := 0
	for i := range items {
		it := &items[i]
		alone := latest < it.call && (i+1 == len(items) || it.ret < items[i+1].call)
		latest = max(latest, it.ret)
		if !alone || it.conditional || it.ret == never {
			continue
		}
		next.items = items[begin : i+1]
		out = append(out, next)
		begin, next = i+1, passage{from: it.want, after: it.op}
		if it.writes {
			next.from = it.arg
		}
	}
	if begin < len(items) {
		next.items = items[begin:]
		out = append(out, next)
	}
	return out
}

// search looks for linearizations within a budget.
type search struct {
	*verdict.Budget

	// The memory of one key after the other.
	space space
	board board
	// reached is the end of an operation that no order of the passage last checked was
	// found to reach, 0 if that is not known.
	reached position
}

// check decides one passage. Unknown comes with the budget that ran out. A short passage
// is tried in the simplest way for a little while, since most take no more than that.
func (s *search) check(h passage) (v verdict.Verdict, why string) {
	s.reached = 0
	if len(h.items) <= maxSmall {
		all := s.Budget
		s.Budget = all.Part(100)
		v, why = s.small(h)
		all.Total += s.Total
		s.Budget = all
		if v != verdict.Unknown {
			return v, why
		}
	}
	if t, ok := newTimely(h.items); ok {
		v, why = s.Search(len(h.items), func(p *verdict.Purse) bool {
			t.purse = p
			return t.from(0, state{value: h.from})
		})
		if v != verdict.Valid && t.far > 0 {
			s.reached = t.ends[t.far].at
		}
		return v, why
	}
	operations := make([]porcupine.Operation, len(h.items))
	for i := range h.items {
		it := &h.items[i]
		operations[i] = porcupine.Operation{Input: it, Call: int64(it.call), Return: int64(it.ret)}
	}
	return s.Decide(operations, h.model)
}

// model is the register; a state is the number of its value.
func (h passage) model(p *verdict.Purse) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return h.from },
		Step: func(state, input, _ any) (bool, any) {
			if !p.Spend() {
				return false, state
			}
			ok, next := input.(*item).step(state.(uint32))
			if ok {
				p.Remember(0)
			}
			if !ok || next == state.(uint32) {
				return ok, state // no new memory
			}
			return true, next
		},
		Hash: func(state any) uint64 { return uint64(state.(uint32)) * 0x9e3779b97f4a7c15 },
	}
}

// step is the register: what the operation makes of a value, and whether it
// could have observed what it did.
func (it *item) step(value uint32) (ok bool, next uint32) {
	switch {
	case it.reads && it.want != value:
		return false, value
	case it.conditional && it.want != value:
		return true, value
	case it.writes:
		return true, it.arg
	}
	return true, value
}

// shrink returns a small part of a passage that is not linearizable either.
// Every trial has less to spend than the search, and so have all of them together.
func (s *search) shrink(h passage) passage {
	if s.reached > 0 {
		h = h.Until(int64(s.reached))
	}
	all := s.Budget
	less := all.Part(16)
	s.Budget = less
	defer func() {
		all.Total += less.Total
		s.Budget = all
	}()
	return verdict.Shrink(h, func(h passage) bool {
		if less.Total > all.Steps/4 {
			return false // small enough: time is for other keys
		}
		v, _ := s.check(h)
		return v == verdict.Invalid
	})
}

// Size is how many operations there are.
func (h passage) Size() int { return len(h.items) }

// Ends lists when the operations ended that did.
func (h passage) Ends() []int64 {
	var ends []int64
	for i := range h.items {
		if h.items[i].ret != never {
			ends = append(ends, int64(h.items[i].ret))
		}
	}
	return ends
}

// Without leaves out a read, or a write of a value that nothing left observes.
func (h passage) Without(i int) (passage, bool) {
	if h.observed(i) {
		return h, false
	}
	return passage{slices.Delete(slices.Clone(h.items), i, i+1), h.from, h.after}, true
}

// Until returns the history as it was at a time: later calls left out, and what
// had not returned by then open. Open reads say nothing.
func (h passage) Until(end int64) passage {
	var items []item
	for _, it := range h.items {
		if int64(it.call) > end {
			break
		}
		if int64(it.ret) > end {
			if !it.writes {
				continue
			}
			it.ret, it.conditional, it.reads = never, it.conditional || it.reads, false
		}
		items = append(items, it)
	}
	return passage{items, h.from, h.after}
}

// observed tells whether leaving out item i could make the rest illegal.
func (h passage) observed(i int) bool {
	it := &h.items[i]
	if !it.writes {
		return false
	}
	for j := range h.items {
		if other := &h.items[j]; j != i && (other.reads || other.conditional) && other.want == it.arg {
			return true
		}
	}
	return false
}
