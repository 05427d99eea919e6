package set

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// incomparable reports that of two reads neither shows all that the other does.
func (s *Checker) incomparable(c *collection, p, q *reading) {
	if q.done.Seq < p.invoke.Seq {
		p, q = q, p
	}
	if p.done.Seq < q.invoke.Seq { // only one of them can be at fault
		s.lost(c, p, q)
		return
	}
	v, w := c.missing(p, q), c.missing(q, p)
	s.Violate("two reads without an order",
		fmt.Sprintf("%s: one read shows %q without %q and another %q without %q", c.key, c.words[v.id], c.words[w.id], c.words[w.id], c.words[v.id]),
		slices.Concat(c.readBy(p, p.places(v.id, w.id)...), c.readBy(q, q.places(v.id, w.id)...))...)
}

// missing returns the first value that p shows and q does not, nil for none.
func (c *collection) missing(p, q *reading) *addition {
	c.round++
	for _, id := range q.shows {
		c.values[id].round = c.round
	}
	for _, id := range p.shows {
		if a := &c.values[id]; a.round != c.round {
			return a
		}
	}
	return nil
}

// lost reports that q shows less than p, which had returned before.
func (s *Checker) lost(c *collection, p, q *reading) {
	a := c.missing(p, q)
	if a == nil { // a list that was longer by copies
		a = &c.values[p.shows[len(q.shows)]]
	} else if a.outcome == verdict.OK && a.done.Seq < q.invoke.Seq && a.asked == 1 {
		s.unshown(c, a, q)
		return
	}
	place := slices.Index(p.list, a.id)
	if c.ordered() {
		place = len(q.shows)
	}
	s.Violate("a value that was seen is lost",
		fmt.Sprintf("%s: %q was read, but a later read does not show it", c.key, c.words[p.list[place]]),
		append(c.readBy(p, place), c.readBy(q)...)...)
}

// unshown reports that a read does not show a value that was acknowledged
// before it began.
func (s *Checker) unshown(c *collection, a *addition, r *reading) {
	c.round++
	for _, id := range r.list {
		c.values[id].round = c.round
	}
	others := -1
	for i := range c.values {
		b := &c.values[i]
		if b.round != c.round && b.asked == 1 && b.outcome == verdict.OK && b.done.Seq < r.invoke.Seq {
			others++
		}
	}
	text := fmt.Sprintf("%s: adding %q was acknowledged, but a later read does not show it", c.key, c.words[a.id])
	if others > 0 {
		text += ", nor " + count.Many(others, "other")
	}
	s.Violate("an acknowledged value is lost", text, append(c.ends(a), c.readBy(r)...)...)
}

// misplaced reports that x, which belongs behind y, returned before y was called.
func (s *Checker) misplaced(c *collection, x, y *span) {
	switch {
	case x.read && y.read:
		s.lost(c, &c.reads[x.index], &c.reads[y.index])
	case y.read:
		s.unshown(c, c.addition(x.index), &c.reads[y.index])
	case x.read:
		a, r := c.addition(y.index), &c.reads[x.index]
		place := slices.Index(r.list, a.id)
		s.unasked(c, a, r, place)
	default:
		s.overtaken(c, c.addition(x.index), c.addition(y.index))
	}
}

// unasked reports that a read shows a value that was asked for only once it had returned.
func (s *Checker) unasked(c *collection, a *addition, r *reading, place int) {
	s.Violate("a value that nobody added", fmt.Sprintf("%s: %q is there, but no client had added it", c.key, c.words[a.id]),
		append(c.ends(a), c.readBy(r, place)...)...)
}

// overtaken reports that a, which was acknowledged before b was asked for, has
// its place behind it.
func (s *Checker) overtaken(c *collection, a, b *addition) {
	var between *reading // shows b, and if possible not a
	for i := range c.reads {
		r := &c.reads[i]
		if !slices.Contains(r.list, b.id) {
			continue
		}
		if between == nil || !slices.Contains(r.list, a.id) {
			between = r
		}
	}
	evidence := slices.Concat(c.ends(a), c.ends(b), c.readBy(between, between.places(a.id, b.id)...))
	if c.ordered() && slices.Contains(between.list, a.id) {
		s.Violate("a list out of order", fmt.Sprintf("%s: %q stands before %q, which was acknowledged before the append of %q began",
			c.key, c.words[b.id], c.words[a.id], c.words[b.id]), evidence...)
		return
	}
	if a.done.Seq < between.invoke.Seq {
		s.unshown(c, a, between)
		return
	}
	s.Violate("a value without an earlier one", fmt.Sprintf("%s: a read shows %q and not %q, which was acknowledged before the addition of %q began",
		c.key, c.words[b.id], c.words[a.id], c.words[b.id]), evidence...)
}
