package txn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// list is what is known of one list.
type list struct {
	name     string
	appends  map[string]addition // by value
	repeated string              // a value that was appended more than once
	repeats  bool
	longest  []string  // the longest read
	shown    []showing // who showed how much of it first
	reads    []reading
	suspects []suspect
	// lastBy appended last, lastValue.
	lastBy    int32
	lastValue string
	// writers are the transactions that appended longest, in its order; nil if the
	// list says nothing that can be relied on.
	writers []int32
}

// addition is an append of one value.
type addition struct {
	txn  int32
	nth  int32 // of the transaction's appends to the list, counted from 0
	last bool  // there is none after it
	at   int32 // its place in the longest read, counted from 1; 0: nobody read it
}

// reading is a transaction that found the list with its first values.
type reading struct {
	txn   int32
	found int32
}

// showing is the read that was the first to show the list up to a length.
type showing struct {
	length int
	by     place
}

// append notes that the transaction asks to append a value.
func (l *list) append(value string, n int32) {
	if _, ok := l.appends[value]; ok {
		if !l.repeats {
			l.repeats, l.repeated = true, value
		}
		return
	}
	a := addition{txn: n, last: true}
	if n == l.lastBy {
		before := l.appends[l.lastValue]
		before.last = false
		l.appends[l.lastValue] = before
		a.nth = before.nth + 1
	}
	value = strings.Clone(value)
	l.appends[value], l.lastBy, l.lastValue = a, n, value
}

// follow tells whether a read shows a beginning of the longest one, or goes on
// from its end.
func (l *list) follow(values []string, at place) bool {
	n := min(len(values), len(l.longest))
	if !slices.Equal(values[:n], l.longest[:n]) {
		return false
	}
	if n < len(values) {
		for _, v := range values[n:] {
			l.longest = append(l.longest, strings.Clone(v))
		}
		l.shown = append(l.shown, showing{len(values), at})
	}
	return true
}

// shower returns the read that was the first to show the value at a place counted
// from 1.
func (l *list) shower(at int32) place {
	i := slices.IndexFunc(l.shown, func(s showing) bool { return s.length >= int(at) })
	return l.shown[i].by
}

// settle judges what was read of one list, and finds out who wrote it, unless the
// list says nothing that can be relied on.
func (c *Checker) settle(l *list) {
	switch {
	case c.foreign[l.name]:
		c.Unknown("list %s is written by other means than appends in transactions: it cannot be judged", l.name)
		return
	case l.repeats:
		c.Unknown("list %s: %s was appended more than once, so that reads do not tell whose it is", l.name, verdict.Value(l.repeated))
		return
	}
	for _, s := range l.suspects {
		c.suspect(l, s)
	}
	sound := len(l.suspects) == 0
	writers := make([]int32, len(l.longest))
	for i, v := range l.longest {
		a, ok := l.appends[v]
		at := int32(i + 1)
		rule := ""
		switch {
		case !ok:
			rule = "garbage-read"
		case a.at > 0:
			rule = "duplicate-elements"
		case c.txns[a.txn].outcome == verdict.Failed:
			rule = "G1a"
		case i > 0 && writers[i-1] == a.txn && l.appends[l.longest[i-1]].nth > a.nth:
			rule = "incompatible-order"
		}
		if rule != "" {
			sound, writers[i] = false, -1
			c.badElement(l, rule, at, a)
		}
		if !ok {
			continue
		}
		if a.at == 0 {
			a.at = at
			l.appends[v] = a
		}
		if rule == "" {
			writers[i] = a.txn
		}
		c.txns[a.txn].seen = true
	}
	if sound {
		l.writers = writers
		c.settleReads(l)
	}
}

// settleReads judges what each transaction found: not what it appends itself, and
// no part of what another appends. Such reads are told, and then left out.
func (c *Checker) settleReads(l *list) {
	l.reads = slices.DeleteFunc(l.reads, func(r reading) bool {
		for _, d := range c.txns[r.txn].deeds {
			if d.reads || c.lists[d.list] != l {
				continue
			}
			if a := l.appends[d.value]; a.at > 0 && a.at <= r.found {
				c.Violate("future-read", fmt.Sprintf("future-read: %s read list %s with %s, before it appended that itself; %s",
					c.who(r.txn), l.name, verdict.Value(d.value), ruledOut("future-read")), l.evidence(c, subject{}, r.txn)...)
				return true
			}
		}
		if r.found == 0 {
			return false
		}
		v := l.longest[r.found-1]
		a := l.appends[v]
		if a.last {
			return false
		}
		c.Violate("G1b", fmt.Sprintf("G1b: %s read list %s up to %s, in the middle of what %s appended; %s",
			c.who(r.txn), l.name, verdict.Value(v), c.who(a.txn), ruledOut("G1b")), l.evidence(c, subject{}, r.txn, a.txn)...)
		return true
	})
}

// suspect tells of a read that does not fit.
func (c *Checker) suspect(l *list, s suspect) {
	got := c.odd[s.place]
	if s.rule == "internal" {
		c.Violate(s.rule, fmt.Sprintf("internal: %s read list %s = %s, which is not what it had found there followed by its own appends; %s",
			c.who(s.place.txn), l.name, verdict.List(got), ruledOut(s.rule)), l.evidence(c, subject{values: c.unexpected(s.place)}, s.place.txn)...)
		return
	}
	i := 0
	for i < len(got) && i < len(l.longest) && got[i] == l.longest[i] {
		i++
	}
	if i == len(got) || i == len(l.longest) {
		return // cannot be: such a read follows the longest
	}
	by := l.shower(int32(i + 1))
	other := by.txn
	c.Violate(s.rule, fmt.Sprintf("incompatible-order: list %s has %s at place %d for %s, and %s for %s; %s", l.name,
		verdict.Value(got[i]), i+1, c.who(s.place.txn), verdict.Value(l.longest[i]), c.who(other), ruledOut(s.rule)),
		l.evidence(c, subject{reads: []place{s.place, by}, values: []string{got[i], l.longest[i]}}, s.place.txn, other)...)
}

// badElement tells of a value that cannot be where it was read.
func (c *Checker) badElement(l *list, rule string, at int32, a addition) {
	by := l.shower(at)
	reader := by.txn
	text := fmt.Sprintf("%s: %s read list %s with %s, ", rule, c.who(reader), l.name, verdict.Value(l.longest[at-1]))
	txns := []int32{reader}
	switch rule {
	case "garbage-read":
		text += "which nobody appended"
	case "duplicate-elements":
		text += fmt.Sprintf("which was appended once, at places %d and %d", a.at, at)
	case "G1a":
		text += fmt.Sprintf("which %s appended, and that certainly failed", c.who(a.txn))
	default:
		text += fmt.Sprintf("behind %s, but %s appended them the other way round", verdict.Value(l.longest[at-2]), c.who(a.txn))
	}
	if rule != "garbage-read" {
		txns = append(txns, a.txn)
	}
	c.Violate(rule, text+"; "+ruledOut(rule), l.evidence(c, subject{reads: []place{by}, values: []string{l.longest[at-1]}}, txns...)...)
}

// evidence returns both ends of transactions, with what they did to the list.
func (l *list) evidence(c *Checker, about subject, txns ...int32) []history.Event {
	about.lists = []int32{c.byName[l.name]}
	return c.evidence(about, txns...)
}
