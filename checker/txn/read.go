package txn

import (
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// view is what a transaction saw of one list so far.
type view struct {
	list  int32
	own   []string // its own appends so far
	found []string // the list as the transaction found it, once known
	known bool
	bad   bool
}

// suspect is a read that breaks a rule by itself, or beside another.
type suspect struct {
	rule  string
	place place
}

// read takes what an acknowledged transaction read. Whether it sees its own deeds
// is known at once; what it found is noted for the list.
func (c *Checker) read(n int32, deeds []*history.Micro) {
	c.views = c.views[:0]
	for i, m := range deeds {
		d := &c.txns[n].deeds[i]
		v := c.view(d.list)
		if !d.reads {
			v.own = append(v.own, m.Arg)
			continue
		}
		if m.Saw {
			c.see(v, m.List, place{n, int32(i)})
		}
	}
	for i := range c.views {
		if v := &c.views[i]; v.known && !v.bad {
			l := c.lists[v.list]
			l.reads = append(l.reads, reading{n, int32(len(v.found))})
		}
	}
}

// view returns the view of a list of the transaction at hand.
func (c *Checker) view(list int32) *view {
	for i := range c.views {
		if c.views[i].list == list {
			return &c.views[i]
		}
	}
	c.views = append(c.views, view{list: list})
	return &c.views[len(c.views)-1]
}

// see takes one read.
func (c *Checker) see(v *view, values []string, at place) {
	l := c.lists[v.list]
	found := len(values) - len(v.own)
	rule := ""
	switch {
	case found < 0 || !slices.Equal(values[found:], v.own) || v.known && !slices.Equal(values[:found], v.found):
		rule = "internal"
	case !l.follow(values, at):
		rule = "incompatible-order"
	default:
		v.found, v.known = values[:found], true
		c.txns[at.txn].deeds[at.deed].length = int32(len(values))
		return
	}
	v.bad = true
	if l.suspected(rule) == verdict.PerRule {
		return // what they read would have to be kept
	}
	l.suspects = append(l.suspects, suspect{rule, at})
	kept := make([]string, len(values))
	copy(kept, values)
	c.odd[at] = kept
}

// suspected counts the reads of a list that are known to break a rule.
func (l *list) suspected(rule string) (n int) {
	for _, s := range l.suspects {
		if s.rule == rule {
			n++
		}
	}
	return n
}
