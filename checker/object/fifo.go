package object

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// ordered applies the rule of a queue that is first in, first out, and of which each
// element was enqueued once: if x was enqueued before y was asked for, then y does not
// come out before x. Pairs are all that can be wrong with the order (Henzinger, Sezgin
// and Vafeiadis, Aspect-oriented linearizability proofs, 2013): once elements by
// themselves and empty answers are right, a history in which no pair is wrong has an
// order.
//
// An x that nobody dequeued was taken by a dequeue without an answer, if a y behind it
// came out: by one that began before the first such y was out, else y came out before
// x. Each takes one element; the elements that have the least time choose first.
func (c *Queue) ordered(q *flow) {
	var in, came []*element // by the end of their enqueue; by its beginning
	for _, e := range q.elements {
		if len(e.in) == 0 {
			continue
		}
		if e.in[0].ret != never {
			in = append(in, e)
		}
		if len(e.out) > 0 {
			came = append(came, e)
		}
	}
	slices.SortFunc(in, func(a, b *element) int { return cmp.Compare(a.in[0].ret, b.in[0].ret) })
	slices.SortFunc(came, func(a, b *element) int { return cmp.Compare(a.in[0].call, b.in[0].call) })
	var late *element // of those enqueued so far, the one whose dequeue began last
	for _, y := range came {
		for len(in) > 0 && in[0].in[0].ret < y.in[0].call {
			if x := in[0]; len(x.out) > 0 && (late == nil || x.out[0].call > late.out[0].call) {
				late = x
			}
			in = in[1:]
		}
		if late != nil && y.out[0].ret < late.out[0].call {
			c.overtaken(q, late, y)
			return
		}
	}
	c.passed(q, came)
}

func (c *Queue) overtaken(q *flow, x, y *element) {
	c.violate(verdict.NotLinearizable, fmt.Sprintf("%s: %s was enqueued by %s, before %s at %s, but came out from %s on only, after that by %s",
		q.key, verdict.Value(x.value), x.in[0].ended(), verdict.Value(y.value), y.in[0].began(), x.out[0].began(), y.out[0].ended()),
		x.in[0], y.in[0], x.out[0], y.out[0])
}

// passed looks for takers of the elements that were left behind. The elements came are
// those that were dequeued, by the beginning of their enqueue.
func (c *Queue) passed(q *flow, came []*element) {
	first := make([]*element, len(came)+1) // of those from a place on, the one that was out first
	for i := len(came) - 1; i >= 0; i-- {
		first[i] = came[i]
		if first[i+1] != nil && first[i+1].out[0].ret < came[i].out[0].ret {
			first[i] = first[i+1]
		}
	}
	type behind struct{ x, y *element }
	var left []behind
	for _, x := range q.elements {
		if len(x.in) == 0 || len(x.out) > 0 || x.in[0].ret == never {
			continue
		}
		at, _ := slices.BinarySearchFunc(came, x.in[0].ret, func(y *element, t uint64) int { return cmp.Compare(y.in[0].call, t) })
		if y := first[at]; y != nil {
			left = append(left, behind{x, y})
		}
	}
	slices.SortFunc(left, func(a, b behind) int { return cmp.Compare(a.y.out[0].ret, b.y.out[0].ret) })
	for i, l := range left {
		if taker(q, l.y.out[0].ret) > i {
			continue
		}
		shown := []*operation{l.x.in[0], l.y.in[0], l.y.out[0]}
		for _, other := range left[:i] {
			shown = append(shown, other.x.in[0], other.y.in[0], other.y.out[0])
		}
		text := fmt.Sprintf("%s: %s was enqueued by %s, before %s at %s, which came out by %s, and nobody had taken the first",
			q.key, verdict.Value(l.x.value), l.x.in[0].ended(), verdict.Value(l.y.value), l.y.in[0].began(), l.y.out[0].ended())
		if i > 0 {
			text += fmt.Sprintf("; %d such elements, and %s without an answer to take one", i+1, count.Many(i, "dequeue"))
			for _, d := range q.open {
				if d.call < l.y.out[0].ret {
					shown = append(shown, d)
				}
			}
		}
		c.violate(verdict.NotLinearizable, text, shown...)
		return
	}
}
