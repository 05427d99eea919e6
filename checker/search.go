package checker

import (
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
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
	latest := int64(-1)
	begin := 0
	for i := range items {
		it := &items[i]
		alone := latest < it.call && (i+1 == len(items) || it.ret < items[i+1].call)
		latest = max(latest, it.ret)
		if !alone || it.conditional || it.ret == forever {
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

// search looks for linearizations within a budget. It is used by one goroutine.
type search struct {
	options  Options
	deadline time.Time
	total    int64 // steps of all searches
}

// check decides one passage. Unknown comes with the budget that ran out.
//
// The number of steps bounds the search, not the clock, so that the same history
// gets the same verdict on any machine; the memory that porcupine's cache takes
// grows with the steps that succeed and is bounded through them.
func (s *search) check(h passage) (verdict Verdict, why string) {
	perState := int64(len(h.items)/8 + 128)
	b := budget{steps: s.options.Steps, states: s.options.SearchMemory / perState, deadline: s.deadline}
	b.late = time.Now().After(s.deadline)
	operations := make([]porcupine.Operation, len(h.items))
	for i := range h.items {
		it := &h.items[i]
		operations[i] = porcupine.Operation{Input: it, Call: it.call, Return: it.ret}
	}
	ok := porcupine.CheckOperations(b.model(h.from), operations)
	s.total += s.options.Steps - b.steps
	switch {
	case ok:
		return Valid, ""
	case b.late:
		return Unknown, "the time for all searches was used up (" + s.options.Wall.String() + " of wall clock)"
	case b.steps < 0:
		return Unknown, "the search for an order exceeded its steps"
	case b.states < 0:
		return Unknown, "the search for an order exceeded its memory"
	}
	return Invalid, ""
}

// budget counts down what a search may still do. Once it is spent every step
// fails, which ends the search soon, without an answer. (The library's own
// timeout would return while the search goes on.)
type budget struct {
	steps, states int64
	deadline      time.Time
	late          bool
}

// spend takes one step and reports whether there was one left.
func (b *budget) spend() bool {
	if b.steps&0xfff == 0 && time.Now().After(b.deadline) {
		b.late = true
	}
	b.steps--
	return b.steps >= 0 && b.states >= 0 && !b.late
}

func (b *budget) model(from uint32) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return from },
		Step: func(state, input, _ any) (bool, any) {
			if !b.spend() {
				return false, state
			}
			ok, next := input.(*item).step(state.(uint32))
			if ok {
				b.states--
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

// shrink returns a small part of a passage that is not linearizable either. It
// first finds the shortest beginning that is illegal: in a beginning, what has not
// returned yet may still take effect or not. Then it leaves out what it can: reads,
// and writes of values that nothing left observes, neither of which can make a
// legal history illegal.
func (s *search) shrink(h passage) passage {
	returns := make([]int64, 0, len(h.items))
	for i := range h.items {
		if h.items[i].ret != forever {
			returns = append(returns, h.items[i].ret)
		}
	}
	slices.Sort(returns)
	n, _ := slices.BinarySearchFunc(returns, true, func(end int64, _ bool) int {
		if v, _ := s.check(h.until(end)); v == Invalid {
			return 0
		}
		return -1
	})
	if n < len(returns) {
		h = h.until(returns[n])
	}
	for trial, i := 0, len(h.items)-1; i >= 0 && trial < maxTrials; i-- {
		if h.observed(i) {
			continue
		}
		trial++
		less := passage{slices.Delete(slices.Clone(h.items), i, i+1), h.from, h.after}
		if v, _ := s.check(less); v == Invalid {
			h = less
		}
	}
	return h
}

// maxTrials bounds the searches that one explanation may take.
const maxTrials = 400

// until returns the history as it was at a time: later calls left out, and what
// had not returned by then open. Open reads say nothing.
func (h passage) until(end int64) passage {
	var items []item
	for _, it := range h.items {
		if it.call > end {
			break
		}
		if it.ret > end {
			if !it.writes {
				continue
			}
			it.ret, it.conditional, it.reads = forever, it.conditional || it.reads, false
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
