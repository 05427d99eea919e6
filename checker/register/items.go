package register

import (
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// item is an operation as the register's history needs it: what it observed
// and what it wrote, and between which positions it took effect.
type item struct {
	call, ret   position
	want, arg   uint32
	op          int32 // in register.ops
	reads       bool  // it observed want
	writes      bool  // it wrote arg
	conditional bool  // it wrote arg only if the value was want: an unresolved cas
}

// items turns the operations into a history that is linearizable if and only if
// theirs is, in the order of their calls:
//
//   - A get, and a failed cas that tells what it saw, observe a value. A get
//     without an answer says nothing; neither does any other operation that
//     failed, nor a cas that failed without telling what it saw: that the value
//     was another at some moment is nearly always true, and is not held against it.
//     One that saw what it expected contradicts itself: it is told apart, and left out.
//   - A cas from a value to itself changes nothing: it is a read if it succeeded.
//   - A write without an answer may take effect at any later time, or never.
//
// Of the latter, most are then settled. Let v be a value that one write only
// can have written. If some operation observed v, the write took effect, and
// before the first such operation returned: its return is set to that. If none
// did, it is dropped: appended at the very end of a linearization it disturbs
// nobody, and taken out of one it is missed by nobody, because between it and the
// next write nothing observed the value (an unresolved cas in between is dropped
// or can be moved to the end as well). The same holds for a delete after whose call nothing
// observed the empty value. What cannot be settled stays open to the end.
//
// They are in memory of s, and good until it is used again.
func (r *register) items(s *space) []item {
	s.reset(r.ops.Len(), r.values.Len())
	s.values[0].writers = 1 // the initial value
	open := false
	for i := range r.ops.Len() {
		it, ok := r.item(r.ops.At(i))
		if !ok {
			continue
		}
		it.op = int32(i)
		if it.writes {
			v := &s.values[it.arg]
			v.writers++
			v.item = int32(len(s.items))
		}
		if it.reads {
			s.values[it.want].note(it.ret)
		}
		open = open || it.ret == never
		s.items = append(s.items, it)
	}
	s.settle()
	if !open {
		return s.items
	}
	for i := range s.items {
		if it := &s.items[i]; it.conditional && s.values[it.arg].writers != 1 {
			s.try(it.want)
		}
	}
	return slices.DeleteFunc(s.items, func(it item) bool { return it.ret == never && s.droppable(&it) })
}

// space is the memory that the items of one key after the other take.
type space struct {
	items   []item
	values  []held
	pending []int32 // of each value, the cas from it whose own value is not settled yet
}

// held is what became of a value.
type held struct {
	writers int32    // operations, and the initial value
	item    int32    // the last of them
	first   position // the least return of an operation that observed it
	last    position // the greatest; 0 if nobody did
	tried   bool     // an unresolved cas that cannot be settled or dropped expects it
}

func (s *space) reset(items, values int) {
	if s.items = s.items[:0]; cap(s.items) < items {
		s.items = make([]item, 0, items)
	}
	s.values, s.pending = zeros(s.values, values), zeros(s.pending, values)
}

// zeros returns n zeros, in the memory of s if that is enough.
func zeros[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// try notes that a cas which cannot be settled expects v. If v was made by another
// unresolved cas, that one cannot be dropped either, and so on.
func (s *space) try(v uint32) {
	for !s.values[v].tried {
		s.values[v].tried = true
		w := s.sole(v)
		if w == nil || !w.conditional {
			return
		}
		v = w.want
	}
}

// item is what counts of an operation, if anything does.
func (r *register) item(op *operation) (item, bool) {
	it := item{call: op.call, ret: never}
	if op.outcome != verdict.Open {
		it.ret = op.done
	}
	if op.outcome == verdict.Failed {
		if op.f == kindCas {
			it.want, it.reads = r.cases[op.value].got, true
		}
		return it, op.f == kindCas && op.saw && it.want != r.cases[op.value].old
	}
	switch op.f {
	case kindGet:
		it.want, it.reads = op.value, true
		return it, op.outcome == verdict.OK && (op.saw || op.value != 0)
	case kindCas:
		v := r.cases[op.value]
		it.want, it.reads = v.old, op.outcome == verdict.OK
		if v.old == v.arg {
			return it, it.reads
		}
		it.arg, it.writes, it.conditional = v.arg, true, !it.reads
		return it, true
	}
	it.arg, it.writes = op.value, true // a delete writes the empty value
	return it, true
}

// note notes that an operation observed the value.
func (h *held) note(ret position) {
	if h.last == 0 || ret < h.first {
		h.first = ret
	}
	h.last = max(h.last, ret)
}

// sole returns the one write of v, if there is one.
func (s *space) sole(v uint32) *item {
	if h := &s.values[v]; v != 0 && h.writers == 1 {
		return &s.items[h.item]
	}
	return nil
}

// settle bounds writes without an answer by the first operation that observed
// their value. A cas so settled has itself observed the value it expected. Values
// are therefore taken in the order of their cas from the last back to the first,
// each once; only values that replaced each other in a circle, which no register
// allows, are left as they are.
func (s *space) settle() {
	for i := range s.items {
		it := &s.items[i]
		if it.writes && (it.reads || it.conditional) && s.sole(it.arg) != nil {
			s.pending[it.want]++
		}
	}
	var next uint32
	for start := range s.values {
		v := uint32(start)
		// A value is taken when the last cas from it has been, or right away.
		for ok := s.pending[v] == 0; ok; v, ok = next, s.pending[next] == 0 {
			s.pending[v] = -1 // taken
			w := s.sole(v)
			if w == nil {
				break
			}
			w.settle(&s.values[v])
			if !w.reads && !w.conditional {
				break
			}
			next = w.want
			if w.reads {
				s.values[next].note(w.ret)
			}
			s.pending[next]--
		}
	}
}

// settle takes into account how the value that only it writes was observed.
func (it *item) settle(h *held) {
	if h.last == 0 {
		return
	}
	if h.first >= it.call { // an earlier read proves nothing but itself wrong
		it.ret = min(it.ret, h.first)
	}
	if it.conditional {
		it.conditional, it.reads = false, true
	}
}

func (s *space) droppable(it *item) bool {
	h := &s.values[it.arg]
	switch {
	case h.tried:
		return false
	case it.arg == 0:
		return !it.conditional && h.last < it.call
	}
	return h.writers == 1 && h.last == 0
}
