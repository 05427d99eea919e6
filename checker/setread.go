package checker

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// read judges a successful read of a whole set or list.
func (s *Set) read(o opened, e *history.Event) {
	c := o.c
	s.reads++
	if e.Op.Final {
		s.final++
	}
	if s.foreign[c.key] {
		return
	}
	c.round++
	for i, v := range e.Op.List {
		a := c.values[v]
		switch {
		case a == nil:
			s.violate("a value that nobody added",
				fmt.Sprintf("%s: %q is there, but no client had added it", c.key, v), o.invoke, shorten(keep(e), i))
			continue
		case a.outcome == outcomeFail && !a.twice:
			s.violate("a value whose addition failed",
				fmt.Sprintf("%s: %q is there, but adding it certainly failed", c.key, v),
				s.event(c, a, false), s.event(c, a, true), shorten(keep(e), i))
		case a.round == c.round && !a.twice:
			s.violate("a value that is there twice",
				fmt.Sprintf("%s: %q was added once and is there twice, at places %d and %d", c.key, v, a.place+1, i+1),
				s.event(c, a, false), s.event(c, a, true), shorten(keep(e), i))
		}
		if a.round != c.round {
			a.round, a.place = c.round, i
		}
	}
	s.lost(o, e)
	if c.list && !c.set {
		s.ordered(o, e)
	}
	s.remember(c, e)
}

// lost finds values that the read had to show. visible is in the order of the
// history, so that all those before the read's invocation stand at its front.
func (s *Set) lost(o opened, e *history.Event) {
	c := o.c
	for _, a := range c.visible {
		if a.visible >= o.invoke.Seq {
			break
		}
		if a.round == c.round {
			continue
		}
		if a.outcome == outcomeOK && a.done.seq < o.invoke.Seq {
			s.violate("an acknowledged value is lost",
				fmt.Sprintf("%s: adding %q was acknowledged, but a later read does not show it", c.key, a.value),
				s.event(c, a, false), s.event(c, a, true), o.invoke, shorten(keep(e), 0))
			continue
		}
		s.violate("a value that was seen is lost",
			fmt.Sprintf("%s: %q was read, but a later read does not show it", c.key, a.value),
			a.seen, o.invoke, shorten(keep(e), 0))
	}
}

// remember notes what the read showed: from its completion on every read must
// show as much.
func (s *Set) remember(c *collection, e *history.Event) {
	var kept history.Event
	for i, v := range e.Op.List {
		a := c.values[v]
		if a == nil || a.seen.Op != nil {
			continue
		}
		if kept.Op == nil {
			kept = shorten(keep(e), i)
		}
		a.seen = kept
		s.show(c, a, e.Seq)
	}
	if len(e.Op.List) > len(c.longest) {
		c.longest = slices.Clone(e.Op.List)
		c.shown = shorten(keep(e), len(e.Op.List))
	}
}

// ordered judges a list against the longest one read so far, of which it must be
// the beginning or the continuation, and against the order of its own appends in
// time.
func (s *Set) ordered(o opened, e *history.Event) {
	c, list := o.c, e.Op.List
	for i := range min(len(list), len(c.longest)) {
		if list[i] != c.longest[i] {
			s.violate("a list with two orders",
				fmt.Sprintf("%s: place %d was read as %q and as %q", c.key, i+1, c.longest[i], list[i]),
				c.shown, o.invoke, shorten(keep(e), i))
			return
		}
	}
	// From the end: an append must not have begun after the acknowledgement of one
	// that stands behind it. soonest is that of the earliest acknowledged so far.
	var soonest *addition
	for i := len(list) - 1; i >= 0; i-- {
		a := c.values[list[i]]
		if a == nil || a.twice {
			continue
		}
		if soonest != nil && soonest.done.seq < a.invoke.seq {
			s.violate("a list out of order",
				fmt.Sprintf("%s: %q stands before %q, which was acknowledged before the append of %q began",
					c.key, a.value, soonest.value, a.value),
				s.event(c, soonest, false), s.event(c, soonest, true), s.event(c, a, false), shorten(keep(e), i))
			return
		}
		if a.outcome == outcomeOK && (soonest == nil || a.done.seq < soonest.done.seq) {
			soonest = a
		}
	}
}
