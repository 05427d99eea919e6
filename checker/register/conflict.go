package register

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// conflict is a proof that a register's history is not linearizable: two blocks
// that cannot be ordered, or a block that contradicts itself. It takes at most four
// operations, the cas that tie their values, and of writes that took effect before
// their answer whoever saw that.
type conflict struct {
	rule, text string
	ops        []int32 // in register.ops
}

// Rules of values without an author.
const (
	nobodyWrote = "a value that nobody wrote"
	writeFailed = "a value whose write failed"
)

// maxTies is how many tying cas an explanation shows.
const maxTies = 8

// report makes the conflict out of items, counted from one; zeros are left out.
func (b *board) report(rule, text string, items ...int32) {
	c := &conflict{rule: rule, text: "key " + b.r.key + ": " + text}
	for _, n := range items {
		for ; n != 0; n = b.witness(n) {
			c.ops = append(c.ops, b.items[n-1].op)
			if b.held(n) == 0 && b.from != 0 && b.first >= 0 {
				c.ops = append(c.ops, b.first) // else nothing might still be what there was at the start
			}
		}
	}
	b.bad = c
}

// witness returns the item without which another proves less than is said of it, 0 if
// there is none.
func (b *board) witness(n int32) int32 { return int32(b.r.witness(b.items, &b.items[n-1])) + 1 }

// witness returns the place of the item without which another one proves less than is
// said of it: of a write that took effect before its answer came, or without one, that
// which observed its value first. It is -1 for any other.
func (r *register) witness(items []item, it *item) int {
	settled := it.reads && it.ret == never // a cas that was seen before it was asked for
	if !it.writes || it.ret == never && !settled || it.ret == r.ops.At(int(it.op)).done {
		return -1
	}
	return slices.IndexFunc(items, func(by item) bool {
		return by.reads && by.want == it.arg && (by.ret == it.ret || settled) && by.op != it.op
	})
}

// held is the value that the register had when an item had taken effect.
func (b *board) held(n int32) uint32 {
	if it := &b.items[n-1]; it.writes {
		return it.arg
	} else {
		return it.want
	}
}

func (b *board) value(v uint32) string { return verdict.Value(b.r.values.Get(v)) }

// time is the time at which the register had a value, in words that follow
// "before" or "after".
func (b *board) time(v uint32) string {
	if v == 0 {
		return "the key held nothing"
	}
	return b.value(v)
}

// there is the time at which the register had a value, as a sentence.
func (b *board) there(v uint32) string {
	if v == 0 {
		return "the key held nothing"
	}
	return b.value(v) + " was there"
}

// saw is what the item observed, as a sentence with the time of its answer.
func (b *board) saw(n int32) string {
	if v := b.items[n-1].want; v != 0 {
		return fmt.Sprintf("%s was read by %s", b.value(v), b.answered(n))
	}
	return fmt.Sprintf("the key was found to hold nothing by %s", b.answered(n))
}

// written is that nobody gave the register a value once more, as a sentence.
func written(v uint32) string {
	if v == 0 {
		return "nobody deleted it"
	}
	return "nobody wrote it again"
}

// answered is when the item's answer came.
func (b *board) answered(n int32) string {
	return verdict.Seconds(b.r.doneAt(b.items[n-1].op))
}

// ties returns the cas that lead from one value to another of its block.
func (b *board) ties(from, to uint32) []int32 {
	var path []int32
	for v := from; v != to; {
		n := b.groups[v].next
		if n == 0 {
			return nil
		}
		path = append(path, n)
		v = b.items[n-1].arg
	}
	return path
}

// unwritten reports an observation of a value that has no write, or one that cas made of
// such a value, or of itself.
func (b *board) unwritten(n int32) {
	path := []int32{n}
	for b.groups[b.items[n-1].want].writers > 0 {
		n = b.groups[b.items[n-1].want].writer
		if i := slices.Index(path, n); i >= 0 {
			b.report(nobodyWrote, fmt.Sprintf("%s was made by cas from values that were made from it, and by nobody else",
				b.value(b.items[n-1].arg)), path[i:]...)
			return
		}
		path = append(path, n)
	}
	v := b.items[n-1].want
	failed := int32(-1)
	var before []int32
	for i := range b.r.ops.Len() {
		op := b.r.ops.At(i)
		if of := b.r.of(op); op.f == kindGet || of.arg != v || op.f == kindCas && of.old == v {
			continue // a cas to the same value writes nothing
		}
		if op.outcome != verdict.Failed {
			before = append(before, int32(i))
		} else if failed < 0 {
			failed = int32(i)
		}
	}
	if len(before) > 0 {
		b.gone(n, before)
		return
	}
	if failed < 0 {
		who := "no client ever wrote it"
		if v == 0 {
			who = "no client ever deleted it"
		}
		b.report(nobodyWrote, fmt.Sprintf("%s, but %s", b.saw(n), who), n)
		return
	}
	b.report(writeFailed, fmt.Sprintf("%s, but its write certainly failed", b.saw(n)), n)
	b.bad.ops = append(b.bad.ops, failed)
}

// gone reports a value that was written only before the passage, by these operations;
// the passage began with another.
func (b *board) gone(n int32, writes []int32) {
	text := fmt.Sprintf("%s, but before that read was asked for it had been replaced by %s, and %s",
		b.saw(n), b.value(b.from), written(b.items[n-1].want))
	if b.items[n-1].want == 0 {
		text = fmt.Sprintf("%s, but before that was asked for %s had been written, and nobody deleted it", b.saw(n), b.value(b.from))
	}
	b.report("a value at two times", text, n)
	b.bad.ops = append(b.bad.ops, cut(writes)...)
	if b.first >= 0 {
		b.bad.ops = append(b.bad.ops, b.first)
	}
}

// replacedTwice reports two cas from one value.
func (b *board) replacedTwice(n, m int32) {
	text := fmt.Sprintf("two cas replaced %s, which was there only once", b.value(b.items[n-1].want))
	if b.items[n-1].want == 0 {
		text = "two cas found that the key held nothing, which it did only once"
	}
	b.report("a value replaced twice", text, n, m)
}

// disordered reports that a block's next layer has an operation, n, that returned
// before one of an earlier layer was called.
func (b *board) disordered(x *block, n int32) {
	before, after := b.held(x.late), b.held(n)
	if before == after {
		b.report("a value from the future", fmt.Sprintf("%s, before anybody asked to write it", b.saw(n)), n, x.late)
		return
	}
	path := b.ties(before, after)
	b.report("values out of order", fmt.Sprintf("%s before %s, though it came of that by %s",
		b.there(after), b.time(before), compared(len(path))), append(cut(path), n, x.late)...)
}

// contradict reports that the forward block a must precede c and c must precede a.
func (b *board) contradict(a, c block) {
	ops := []int32{a.early, a.late, c.early, c.late}
	last := b.held(a.late)
	c1, c2 := b.held(c.early), b.held(c.late)
	other, again := b.time(c1), b.time(c2)
	if it := &b.items[c.early-1]; it.writes && it.arg == 0 {
		other, again = "a delete", "a delete"
	}
	var text string
	switch {
	case a.early == 0 && last == b.from:
		text = fmt.Sprintf("%s after %s, though %s", b.there(last), other, written(last))
		if last == 0 {
			text = fmt.Sprintf("it held nothing after %s had been there, though nobody deleted it", other)
		}
		ops = []int32{a.late, c.early}
	case a.early == 0:
		path := b.ties(b.from, last)
		origin := "of " + b.value(b.from) + ", which was there at the start"
		if b.from == 0 {
			origin = "where there was nothing yet"
		}
		text = fmt.Sprintf("%s after %s, though %s made it %s", b.there(last), other, compared(len(path)), origin)
		ops = append(cut(path), a.late, c.early)
	case b.held(a.early) == last && c1 == c2:
		text = fmt.Sprintf("%s both before %s and after it, though it was written only once", b.there(last), other)
		if last == 0 {
			text = fmt.Sprintf("%s both before %s and after it, though it was deleted only once", b.there(last), other)
		}
	default:
		first := b.held(a.early)
		path := append(b.ties(first, last), b.ties(c1, c2)...)
		text = fmt.Sprintf("%s before %s, but %s after %s, though nothing can have come between: %s",
			b.there(first), again, b.there(last), other, b.tied(len(path)))
		ops = append(cut(path), ops...)
	}
	if a.early == 0 && b.first >= 0 {
		b.report("a value at two times", text, ops...)
		b.bad.ops = append(b.bad.ops, b.first)
		return
	}
	b.report("a value at two times", text, ops...)
}

// tied says how values that belong to one block hang together.
func (b *board) tied(ties int) string {
	if ties == 1 {
		return "a cas turned the one into the other"
	}
	return compared(ties) + " turned the one into the other"
}

// compared counts compare-and-set operations: the plural of cas is cas.
func compared(n int) string { return fmt.Sprintf("%d cas", n) }

// cut leaves out the middle of a long chain of cas.
func cut(path []int32) []int32 {
	if len(path) <= maxTies {
		return path
	}
	return append(path[:maxTies/2:maxTies/2], path[len(path)-maxTies/2:]...)
}
