package register

import "math/bits"

// ways are the ways in which one operation can have happened: those that use the fewest
// operations without an answer first, and of these the shortest.
type ways struct {
	t    *timely
	must uint8 // its slot
	seen map[way]struct{}
	todo [][]way // by how many operations without an answer they use
	done []state // ways that end
}

// way is a state on the way. One that is bare ends with a write that nobody has seen, so
// that only a cas makes sense of it.
type way struct {
	state
	bare bool
}

func (t *timely) ways(slot uint8, s state) *ways {
	w := &ways{t: t, must: slot, seen: make(map[way]struct{})}
	w.add(0, way{s, false})
	if s.hidden.has(slot) {
		w.done = append(w.done, s)
	}
	return w
}

func (w *ways) add(used int, next way) {
	if _, again := w.seen[next]; again {
		return
	}
	w.seen[next] = struct{}{}
	for len(w.todo) <= used {
		w.todo = append(w.todo, nil)
	}
	w.todo[used] = append(w.todo[used], next)
}

// next returns the state that the next way leads to.
func (w *ways) next() (state, bool) {
	for {
		if len(w.done) > 0 {
			s := w.done[0]
			w.done = w.done[1:]
			return s, true
		}
		used := 0
		for used < len(w.todo) && len(w.todo[used]) == 0 {
			used++
		}
		if used == len(w.todo) {
			return state{}, false
		}
		at := w.todo[used][0]
		w.todo[used] = w.todo[used][1:]
		w.expand(used, at)
	}
}

// expand goes one step further, in every way that makes sense.
func (w *ways) expand(used int, at way) {
	t := w.t
	exposed := t.exposed(&at.state)  // so that another write of what is there has a use
	best := make(map[openKind]uint8) // of the same, the one that ends first
	for i, word := range at.open {
		for ; word != 0; word &= word - 1 {
			slot := uint8(i*64 + bits.TrailingZeros64(word))
			it := &t.items[t.open[slot]]
			k := openKind{it.want, it.arg, it.reads}
			switch {
			case !it.writes, it.reads && it.want != at.value, !it.reads && (at.bare || it.arg == at.value && !exposed):
				continue
			case !it.reads:
				k.want = 0
			}
			if b, ok := best[k]; !ok || it.ret < t.items[t.open[b]].ret {
				best[k] = slot
			}
		}
	}
	for i, word := range at.open { // in the order of slots, so that each run is the same
		for ; word != 0; word &= word - 1 {
			slot := uint8(i*64 + bits.TrailingZeros64(word))
			it := &t.items[t.open[slot]]
			k := openKind{it.want, it.arg, it.reads}
			if !it.reads {
				k.want = 0
			}
			if b, ok := best[k]; !ok || b != slot {
				continue
			}
			next := at.state
			next.open.drop(slot)
			next.hidden.drop(slot)
			w.step(used, next, k, slot == w.must, it.reads)
		}
	}
	for n, k := range t.kinds {
		if t.left(at.used, n) <= 0 || k.cas && k.want != at.value || !k.cas && (at.bare || k.arg == at.value && !exposed) {
			continue
		}
		next := at.state
		next.used = t.use(at.used, n)
		w.step(used+1, next, k, false, false)
	}
}

// step lets an operation of a kind happen. It is sure if it must happen anyway, and it is
// the one if it is what the ways are for.
func (w *ways) step(used int, s state, k openKind, isIt, sure bool) {
	t := w.t
	if !t.purse.Spend() {
		return
	}
	s.value = k.arg
	seen := sure
	for i, word := range s.open {
		for ; word != 0; word &= word - 1 {
			slot := uint8(i*64 + bits.TrailingZeros64(word))
			switch it := &t.items[t.open[slot]]; {
			case it.reads && !it.writes && it.want == s.value:
				s.open.drop(slot)
				seen = true
			case it.writes && !it.reads && (!k.cas || it.arg == s.value):
				s.hidden.add(slot)
			}
		}
	}
	if isIt || !s.open.has(w.must) || s.hidden.has(w.must) {
		w.done = append(w.done, s)
	}
	if isIt || !s.open.has(w.must) {
		return
	}
	w.add(used, way{s, !seen})
}
