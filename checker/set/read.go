package set

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// read takes a successful read of a whole set or list.
func (s *Checker) read(o opened, e *history.Event) {
	c := o.c
	s.reads++
	if e.Op.Final {
		s.final++
	}
	if s.foreign[c.key] || c.broken {
		return
	}
	r := reading{node: s.nodes.ID(e.Op.Node), process: int32(e.Op.Process), final: e.Op.Final, invoke: o.invoke, done: verdict.StampOf(e)}
	if c.ordered() {
		r.list = s.begin(c, &r, e.Op.List)
	} else {
		r.list = c.identify(e.Op.List)
	}
	r.shows = r.list
	c.reads = append(verdict.Spare(c.reads, 1), r)
}

// agree returns how many values at the start of both lists are the same.
func (c *collection) agree(list []int32, values []string) int {
	n := min(len(list), len(values))
	for i := range n {
		if c.words[list[i]] != values[i] {
			return i
		}
	}
	return n
}

// identify returns the numbers of values. What is the same as in the last list that
// was told, or goes on from its end, shares its memory.
func (c *collection) identify(values []string) []int32 {
	n := c.agree(c.told, values)
	switch {
	case n == len(values):
		return c.told[:n:n]
	case n < len(c.told):
		c.told = append(make([]int32, 0, len(values)), c.told[:n]...)
	}
	for _, v := range values[n:] {
		c.told = append(c.told, c.id(v))
	}
	return c.told[:len(values):len(values)]
}

// begin returns the values of a list as the beginning of the longest list that was
// read, which grows with it. Reads that are not each other's beginning are a
// violation, and no more is said of their key.
func (s *Checker) begin(c *collection, r *reading, values []string) []int32 {
	n := c.agree(c.longest, values)
	switch {
	case n == len(values):
		return c.longest[:n:n]
	case n == len(c.longest):
		for _, v := range values[n:] {
			c.longest = append(c.longest, c.id(v))
		}
		return c.longest[:len(values):len(values)]
	}
	r.list = c.identify(values)
	shown := c.early + slices.IndexFunc(c.reads[c.early:], func(r reading) bool { return len(r.list) > n })
	s.Violate("a list with two orders", fmt.Sprintf("%s: place %d was read as %q and as %q",
		c.key, n+1, c.words[c.longest[n]], values[n]),
		slices.Concat(c.readBy(&c.reads[shown], n), c.readBy(r, n))...)
	c.broken = true
	return r.list
}

// adding rebuilds an addition's invocation or completion.
func (c *collection) adding(a *addition, completion bool) history.Event {
	op := &history.Op{Process: int(a.process), Node: c.nodes.Get(a.node), Type: history.Invoke, F: history.FAdd, Key: c.key, Arg: c.words[a.id]}
	if a.appended {
		op.F = history.FAppend
	}
	at := a.invoke
	if completion {
		op.Type = a.outcome.Type()
		at = a.done
	}
	return history.Event{Seq: at.Seq, At: at.At, Op: op}
}

// ends returns both ends of an addition, as far as it has them.
func (c *collection) ends(a *addition) []history.Event {
	events := []history.Event{c.adding(a, false)}
	if a.done != (verdict.Stamp{}) {
		events = append(events, c.adding(a, true))
	}
	return events
}

// readBy rebuilds both ends of a read, of which it shows some places, in order.
func (c *collection) readBy(r *reading, places ...int) []history.Event {
	ask := &history.Op{Process: int(r.process), Node: c.nodes.Get(r.node), Type: history.Invoke, F: history.FRead, Key: c.key, Final: r.final}
	answer := *ask
	answer.Type, answer.Saw = history.OK, true
	for _, place := range places {
		answer.List = append(answer.List, c.words[r.list[place]])
	}
	if others := len(r.list) - len(places); others > 0 {
		answer.Error = count.Many(others, "value") + " not shown"
	}
	return []history.Event{{Seq: r.invoke.Seq, At: r.invoke.At, Op: ask}, {Seq: r.done.Seq, At: r.done.At, Op: &answer}}
}

// places returns where a read shows any of the values.
func (r *reading) places(ids ...int32) []int {
	var places []int
	for place, id := range r.list {
		if slices.Contains(ids, id) {
			places = append(places, place)
		}
	}
	return places
}
