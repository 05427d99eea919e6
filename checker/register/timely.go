package register

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// timely looks for an order of a passage's operations by walking over their ends, and
// lets nothing happen before it must (Lowe, Testing for linearizability, 2017: just in
// time). Of a register that leaves little to try:
//
//   - A read happens as soon as its value is there: that disturbs nobody.
//   - A write that nobody saw is hidden just before another write, or beside one of its
//     own value. So once there was such a moment while it was open, it need not happen
//     any more, but still may until it ends, so that somebody sees it later.
//   - Operations that differ in nothing but their time are as good as each other; the one
//     that ends first goes first. Those without an answer never end: of each kind only
//     their number counts, and having used fewer of them is never worse.
//   - A write of which nothing sees the value, neither an open read nor a cas that comes
//     next, is not tried unless it is the one that must happen: it would be hidden.
//
// What is tried is not tried again: at the same end, with the same value, the same
// operations open and hidden, and no fewer of those without an answer used.
type timely struct {
	items  []item
	ends   []end
	slots  []uint8    // of each item that has an end, its bit while it is open
	kinds  []openKind // of the items without an end
	kind   []int32    // of each of them, its kind
	asked  []uint16   // of each kind, how many have begun so far
	open   [maxOpen]int32
	purse  *verdict.Purse
	failed map[trial][]usage
	usages [][]uint16       // how many of each kind were used
	known  map[string]usage // their numbers
	far    int              // the ends that some order reached
}

// maxOpen is how many operations that have an end may be open at once.
const maxOpen = 128

// end is where an item begins or ends.
type end struct {
	at     position
	item   int32
	begins bool
}

// openKind is what items without an end have in common.
type openKind struct {
	want, arg uint32
	cas       bool
}

// usage is how many items of each kind were used, by number.
type usage = uint32

type slotSet [maxOpen / 64]uint64

func (s *slotSet) has(i uint8) bool { return s[i/64]>>(i%64)&1 != 0 }
func (s *slotSet) add(i uint8)      { s[i/64] |= 1 << (i % 64) }
func (s *slotSet) drop(i uint8)     { s[i/64] &^= 1 << (i % 64) }

// state is what an order has come to: the value, which items are open and have not
// happened, and which of these are writes that need not.
type state struct {
	value        uint32
	used         usage
	open, hidden slotSet
}

// trial is a state at an end, but for what it used.
type trial struct {
	end          int32
	value        uint32
	open, hidden slotSet
}

// newTimely prepares a search. It reports false if too many operations are open at once.
func newTimely(items []item) (*timely, bool) {
	t := &timely{
		items: items, slots: make([]uint8, len(items)), kind: make([]int32, len(items)),
		failed: make(map[trial][]usage), usages: [][]uint16{nil}, known: map[string]usage{"": 0},
	}
	kinds := make(map[openKind]int32)
	for i := range items {
		it := &items[i]
		t.ends = append(t.ends, end{it.call, int32(i), true})
		if it.ret != never {
			t.ends = append(t.ends, end{it.ret, int32(i), false})
			continue
		}
		k := openKind{it.want, it.arg, it.conditional || it.reads}
		if !k.cas {
			k.want = 0
		}
		n, ok := kinds[k]
		if !ok {
			n = int32(len(t.kinds))
			kinds[k] = n
			t.kinds = append(t.kinds, k)
		}
		t.kind[i] = n
	}
	t.asked = make([]uint16, len(t.kinds))
	slices.SortStableFunc(t.ends, func(a, b end) int {
		if a.at != b.at || a.begins == b.begins {
			return cmp.Compare(a.at, b.at)
		}
		if a.begins {
			return -1
		}
		return 1
	})
	return t, t.place()
}

// place gives each item a slot for the time in which it is open.
func (t *timely) place() bool {
	var taken slotSet
	for _, e := range t.ends {
		switch {
		case t.items[e.item].ret == never:
		case !e.begins:
			taken.drop(t.slots[e.item])
		default:
			free := -1
			for w, word := range taken {
				if word != ^uint64(0) {
					free = w*64 + bits.TrailingZeros64(^word)
					break
				}
			}
			if free < 0 {
				return false
			}
			t.slots[e.item] = uint8(free)
			taken.add(uint8(free))
		}
	}
	return true
}

// from tells whether there is an order from the n-th end on.
func (t *timely) from(n int, s state) bool {
	begun := n
	ok := false
	for ; n < len(t.ends); n++ {
		if !t.purse.Spend() {
			break
		}
		e := t.ends[n]
		it := &t.items[e.item]
		slot := t.slots[e.item]
		switch {
		case it.ret == never:
			t.asked[t.kind[e.item]]++
			continue
		case e.begins:
			t.open[slot] = e.item
			t.begin(&s, it, slot)
			continue
		case !s.open.has(slot):
			continue
		case !it.reads && it.arg == s.value: // it can write what is there once more
			t.hide(&s)
		}
		t.far = max(t.far, n)
		ok = t.must(n, slot, s)
		break
	}
	if n == len(t.ends) {
		t.far, ok = n, true
	}
	t.undo(begun, n)
	return ok
}

// undo takes back what the ends from one to another have changed, but for slots, which are
// those of the items that are open there.
func (t *timely) undo(from, to int) {
	for n := min(to, len(t.ends)) - 1; n >= from; n-- {
		e := t.ends[n]
		switch {
		case t.items[e.item].ret == never:
			t.asked[t.kind[e.item]]--
		case !e.begins:
			t.open[t.slots[e.item]] = e.item
		}
	}
}

// begin lets an operation with an end begin.
func (t *timely) begin(s *state, it *item, slot uint8) {
	switch {
	case it.reads && !it.writes:
		if it.want != s.value {
			s.open.add(slot)
		}
	default:
		s.open.add(slot)
		if !it.reads && it.arg == s.value {
			s.hidden.add(slot)
		}
	}
}

// hide lets all open writes happen unseen, before one that is about to happen.
func (t *timely) hide(s *state) {
	for i, word := range s.open {
		for ; word != 0; word &= word - 1 {
			slot := uint8(i*64 + bits.TrailingZeros64(word))
			if it := &t.items[t.open[slot]]; !it.reads {
				s.hidden.add(slot)
			}
		}
	}
}

// exposed tells whether a write is open that is not hidden.
func (t *timely) exposed(s *state) bool {
	for i, word := range s.open {
		for word &^= s.hidden[i]; word != 0; word &= word - 1 {
			if !t.items[t.open[i*64+bits.TrailingZeros64(word)]].reads {
				return true
			}
		}
	}
	return false
}

// must tries every way for the operation in a slot, which ends at the n-th end, to have
// happened by then.
func (t *timely) must(n int, slot uint8, s state) bool {
	key := trial{int32(n), s.value, s.open, s.hidden}
	for _, u := range t.failed[key] {
		if t.noMore(u, s.used) {
			return false
		}
	}
	ways := t.ways(slot, s)
	for {
		next, ok := ways.next()
		if !ok {
			break
		}
		next.open.drop(slot)
		next.hidden.drop(slot)
		if t.from(n+1, next) {
			return true
		}
		t.open[slot] = t.ends[n].item // another may have had the slot since
	}
	t.failed[key] = append(t.failed[key], s.used)
	t.purse.Remember(0)
	return false
}

// noMore tells whether u used no more of any kind than v.
func (t *timely) noMore(u, v usage) bool {
	if u == v || u == 0 {
		return true
	}
	a, b := t.usages[u], t.usages[v]
	for i, n := range a {
		if n > 0 && (i >= len(b) || n > b[i]) {
			return false
		}
	}
	return true
}

// use returns the usage with one more of a kind.
func (t *timely) use(u usage, kind int) usage {
	counts := make([]uint16, max(len(t.usages[u]), kind+1))
	copy(counts, t.usages[u])
	counts[kind]++
	key := make([]byte, 0, 2*len(counts))
	for _, n := range counts {
		key = binary.LittleEndian.AppendUint16(key, n)
	}
	n, ok := t.known[string(key)]
	if !ok {
		n = usage(len(t.usages))
		t.usages = append(t.usages, counts)
		t.known[string(key)] = n
		t.purse.Remember(int64(4 * len(key)))
	}
	return n
}

// left returns how many items of a kind may still be used.
func (t *timely) left(u usage, kind int) int {
	used := 0
	if counts := t.usages[u]; kind < len(counts) {
		used = int(counts[kind])
	}
	return int(t.asked[kind]) - used
}
