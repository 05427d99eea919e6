package register

import (
	"cmp"
	"slices"
)

// board decides the history of a register without a search, as far as its values
// are plain: written by one operation that may have taken effect, or by none
// and there from the start. It is the zone method of Gibbons and Korach (Testing
// shared memories, 1997), extended by cas.
//
// Blocks. A plain value is in force once, without interruption: from its write
// to the next one. All operations that observed it lie in that time. A cas from a
// to b ends the time of a and begins that of b. So the operations on values that
// cas tie together, a block, follow each other without any other in
// between, in layers: the write of the first value; its reads; the cas to the
// second value; its reads; and so on. Two cas from one value contradict this, as
// does an operation that returned before one of an earlier layer was called.
//
// Order. Let f be the earliest return in a block and s the latest call. Since
// blocks do not mix, A is before B if f(A) < s(B); the block of the value at the
// start is before all others, as if its f were minus infinity. If these relations form no
// circle, and no block contradicts itself, the history is linearizable: write
// the blocks in an order that agrees with the relations, each in layers, and within
// a layer of reads by call. Reads return what was written last, and of two
// operations of which one returned before the other was called, the order is right
// inside a block because of the layers, and otherwise because of the relation.
//
// Pairs. If there is a circle, there are two blocks that must precede each other.
// Call a block forward if f < s, and backward otherwise. A shortest circle of
// three or more has no backward block B: from A to B to C we have
// f(A) < s(B) <= f(B) < s(C), and could go from A to C at once. So all in it are
// forward, and no two of them are a pair: as intervals f..s they do not overlap.
// Then a relation leads only from left to right, and there is no way back.
//
// Two forward blocks are a pair if they overlap, and then, sorted by f, some
// neighbours do. A backward block and a forward one are a pair if s..f of the one
// lies within f..s of the other; two backward ones never are. This takes
// O(n log n) for n operations.
//
// A value that was written more than once is plain enough as long as nobody
// observed it, for its writes might as well have had different values. The same
// goes for the value at the start, if all who observed it had returned before
// any other write of it, such as a delete, was called. An operation on a value that
// is not plain must still lie outside of every forward block.
type board struct {
	r       *register
	groups  []group  // by value
	touched []uint32 // the values that the passage has
	items   []item
	from    uint32
	first   int32 // the operation that left it there, -1 for none

	blocks  []block // once they are paired, the forward ones first, sorted
	inexact bool
	bad     *conflict
}

// group is what a history has on one value. Items are named by their place plus
// one, so that the zero group is empty.
type group struct {
	writers int32 // that may have taken effect, and the start
	writer  int32 // the last of them
	next    int32 // the cas that replaced the value
	early   int32 // the read that returned first
	late    int32 // the read that was called last
	touched bool
	seen    bool // by anybody
	walked  bool
	shared  bool     // several writes, and observed: not plain
	write   position // the earliest call of a write
	read    position // the latest return of an operation that observed it
}

// block is values that cas tie together, or a single operation on a value that
// is not plain.
type block struct {
	first, last position // f and s; the block of the value at the start has 0
	early, late int32    // the items that return at f and are called at s, plus one
	head        uint32
}

// begin makes the board one for the passages of a register.
func (b *board) begin(r *register) {
	b.r, b.groups, b.touched = r, zeros(b.groups, r.values.Len()), b.touched[:0]
}

// judge decides a passage. It reports whether the passage was decided: if so, bad
// is nil or a proof that it is not linearizable. If not, bad may still be one.
func (b *board) judge(p passage) (exact bool, bad *conflict) {
	b.clear(p)
	b.sort()
	b.tie()
	if b.bad == nil {
		b.walk()
	}
	if b.bad == nil {
		b.pair()
	}
	return !b.inexact || b.bad != nil, b.bad
}

func (b *board) clear(p passage) {
	for _, v := range b.touched {
		b.groups[v] = group{}
	}
	b.items, b.from, b.first = p.items, p.from, p.after
	most := min(len(b.groups), 2*len(p.items)+1)
	if cap(b.touched) < most {
		b.touched, b.blocks = make([]uint32, 0, most), make([]block, 0, most)
	}
	b.touched, b.blocks = b.touched[:0], b.blocks[:0]
	b.inexact, b.bad = false, nil
	start := b.touch(p.from)
	start.writers, start.write = 1, never
}

func (b *board) touch(v uint32) *group {
	g := &b.groups[v]
	if !g.touched {
		g.touched, g.write = true, never
		b.touched = append(b.touched, v)
	}
	return g
}

// sort finds out which values are plain.
func (b *board) sort() {
	for i := range b.items {
		it := &b.items[i]
		if it.writes {
			g := b.touch(it.arg)
			g.writers++
			if it.conditional {
				g.writers++ // or none: whether it took effect is not known
			}
			g.writer, g.write = int32(i)+1, min(g.write, it.call)
		}
		if it.reads || it.conditional {
			g := b.touch(it.want)
			g.seen, g.read = true, max(g.read, it.ret)
		}
		// Whether a cas without an answer took effect matters to nobody only if
		// nobody observed its value, and then it has been dropped.
		b.inexact = b.inexact || it.conditional
	}
	for _, v := range b.touched {
		g := &b.groups[v]
		if g.writers < 2 || !g.seen {
			continue
		}
		g.shared = v != b.from || g.read >= g.write
		b.inexact = b.inexact || g.shared
	}
}

// plain tells whether the write of v that the history shows is the one that was
// observed. Of a value that is there from the start and observed, it is none.
func (b *board) plain(v uint32) bool {
	g := &b.groups[v]
	return g.writers < 2 || v == b.from && g.seen && !g.shared
}

// tie puts every operation into the group of its value, and sets those aside
// that have none.
func (b *board) tie() {
	for i := range b.items {
		it, n := &b.items[i], int32(i)+1
		if it.conditional {
			continue
		}
		placed := false
		if it.reads && b.plain(it.want) {
			placed = true
			if g := &b.groups[it.want]; it.writes {
				if g.next != 0 {
					b.replacedTwice(g.next, n)
					return
				}
				g.next = n
			} else {
				b.read(g, n)
			}
		}
		if it.writes && b.plain(it.arg) && it.arg != b.from {
			placed = true
		}
		if !placed && it.ret != never {
			b.blocks = append(b.blocks, block{first: it.ret, last: it.call, early: n, late: n})
		}
	}
}

func (b *board) read(g *group, n int32) {
	it := &b.items[n-1]
	if g.early == 0 || it.ret < b.items[g.early-1].ret {
		g.early = n
	}
	if g.late == 0 || it.call > b.items[g.late-1].call {
		g.late = n
	}
}

// walk makes a block of every chain of values, from its first.
func (b *board) walk() {
	b.chain(b.from)
	for i := range b.items {
		it := &b.items[i]
		if it.writes && !it.conditional && b.plain(it.arg) && it.arg != b.from && !(it.reads && b.plain(it.want)) {
			b.chain(it.arg)
		}
		if b.bad != nil {
			return
		}
	}
	for i := range b.items {
		it := &b.items[i]
		if it.reads && b.plain(it.want) && !b.groups[it.want].walked {
			b.unwritten(int32(i) + 1)
			return
		}
	}
}

// chain walks the layers of the block that begins with the value head.
func (b *board) chain(head uint32) {
	block := block{head: head, first: never}
	if !b.plain(head) {
		return
	}
	if head == b.from {
		block.first = 0
	} else {
		b.layer(&block, b.groups[head].writer, b.groups[head].writer)
	}
	for v := head; b.bad == nil; {
		g := &b.groups[v]
		g.walked = true
		b.layer(&block, g.early, g.late)
		if g.next == 0 {
			break
		}
		b.layer(&block, g.next, g.next)
		if v = b.items[g.next-1].arg; !b.plain(v) || v == b.from {
			break
		}
	}
	if b.bad == nil && block.late != 0 {
		b.blocks = append(b.blocks, block)
	}
}

// layer adds operations that are behind all that the block has: of one kind, of
// which early returned first and late was called last.
func (b *board) layer(block *block, early, late int32) {
	if early == 0 {
		return
	}
	if ret := b.items[early-1].ret; ret < block.last {
		b.disordered(block, early)
		return
	} else if ret < block.first {
		block.first, block.early = ret, early
	}
	if call := b.items[late-1].call; call > block.last {
		block.last, block.late = call, late
	}
}

// pair looks for two blocks that must precede each other.
func (b *board) pair() {
	n := 0
	for i, x := range b.blocks {
		if x.first < x.last {
			b.blocks[i], b.blocks[n] = b.blocks[n], x
			n++
		}
	}
	forward, backward := b.blocks[:n], b.blocks[n:]
	slices.SortFunc(forward, func(a, c block) int {
		return cmp.Or(cmp.Compare(a.first, c.first), cmp.Compare(a.early, c.early))
	})
	for i := 1; i < len(forward); i++ {
		if forward[i].first < forward[i-1].last {
			b.contradict(forward[i-1], forward[i])
			return
		}
	}
	if len(forward) == 0 {
		return
	}
	at := 0
	for i := range backward {
		x := &backward[i]
		// The one forward block that may hold x is the last that begins before it.
		at = before(forward, at, x.last)
		if y := &forward[at]; y.first < x.last && x.first < y.last {
			b.contradict(*y, *x)
			return
		}
	}
}

// before returns the place of the last block that begins before t, 0 if there is
// none. It looks from a place onward, since one block is mostly near the next.
func before(sorted []block, from int, t position) int {
	low, high, step := from, from, 1
	for low > 0 && sorted[low].first >= t {
		high = low
		low, step = max(low-step, 0), 2*step
	}
	for step = 1; high < len(sorted) && sorted[high].first < t; step *= 2 {
		low = high
		high += step
	}
	high = min(high, len(sorted))
	for low+1 < high {
		if mid := (low + high) / 2; sorted[mid].first < t {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
