package raft

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// committedLog is the one committed log that all members must agree on, as far
// as anybody knows it: for each term the range of indexes of committed entries of
// that term. In one log terms never decrease, so the ranges of ascending terms
// lie strictly one after the other; commits that do not are of two logs. What
// the entries hold is compared through the chain of hashes.
type committedLog struct {
	ranges []*committedRange // by term
}

type committedRange struct {
	term, lo, hi uint64
	low, high    verdict.Slot // who told of lo and hi
}

// note adds entries lo..hi of term and returns two ranges that cannot both be
// committed, if there now are any: the one of the lower term first.
func (c *committedLog) note(term, lo, hi uint64, e *history.Event) (a, b *committedRange) {
	i := len(c.ranges) - 1
	for i >= 0 && c.ranges[i].term > term {
		i--
	}
	if i < 0 || c.ranges[i].term != term {
		i++
		r := &committedRange{term: term, lo: lo, hi: hi}
		r.low.Set(e)
		r.high.Set(e)
		c.ranges = slices.Insert(c.ranges, i, r)
	} else {
		r := c.ranges[i]
		if lo < r.lo {
			r.lo = lo
			r.low.Set(e)
		}
		if hi > r.hi {
			r.hi = hi
			r.high.Set(e)
		}
	}
	r := c.ranges[i]
	if i > 0 && c.ranges[i-1].hi >= r.lo {
		return c.ranges[i-1], r
	}
	if i+1 < len(c.ranges) && r.hi >= c.ranges[i+1].lo {
		return r, c.ranges[i+1]
	}
	return nil, nil
}

// top returns the highest index known to be committed.
func (c *committedLog) top() uint64 {
	var top uint64
	for _, r := range c.ranges {
		top = max(top, r.hi)
	}
	return top
}

// commit takes a member's knowledge that everything up to an index of its log is
// committed: not only the entry that the event names, but every one before it. A
// member that has traced its leadership of the term, and nothing since that ends
// it, can have learnt it from nobody: it counted, whatever the event says.
func (c *Logs) commit(m *logMember, e *history.Event) {
	r := e.Raft
	if r.Index == 0 {
		return
	}
	if (r.Lead || m.leads == r.Term) && r.EntryTerm != 0 && r.EntryTerm < r.Term {
		c.Violate("a leader committed an entry of an earlier term by itself",
			fmt.Sprintf("%s, leader of term %d, committed up to (%d,%d), which is not of its own term (Raft figure 8)",
				m.name, r.Term, r.EntryTerm, r.Index), append(m.leader.Get(), verdict.Keep(e))...)
	}
	if r.Index < m.told {
		c.Violate("a commit index went back",
			fmt.Sprintf("%s knew everything up to %d committed and then only up to %d", m.name, m.told, r.Index),
			append(m.knows.Get(), verdict.Keep(e))...)
		return
	}
	m.told = r.Index
	if end, _ := m.log.end(); m.placed && r.Index > end.Index {
		c.Violate("committed beyond the log",
			fmt.Sprintf("%s knows entry %d committed while its log ends at %d", m.name, r.Index, end.Index), verdict.Keep(e))
	}
	c.holds(m, e, "knows committed")
	c.commitments.add(e)
	c.known.add(e)
	if r.Lead || m.leads == r.Term {
		c.counted(e)
	}
	noted := false
	if m.placed {
		m.log.each(m.commit+1, r.Index, func(term, lo, hi uint64) {
			c.note(term, lo, hi, e)
			noted = noted || hi == r.Index
		})
	}
	if !noted {
		c.note(r.EntryTerm, r.Index, r.Index, e)
	}
	if r.Index >= m.commit {
		m.commit = r.Index
		m.knows.Set(e)
	}
}

// note enters committed entries and reports a second committed log.
func (c *Logs) note(term, lo, hi uint64, e *history.Event) {
	if term == 0 {
		return
	}
	a, b := c.committed.note(term, lo, hi, e)
	if a == nil {
		return
	}
	text := fmt.Sprintf("both (%d,%d) and (%d,%d) are said to be committed, but no log holds both", a.term, a.hi, b.term, b.lo)
	if i := max(a.lo, b.lo); i <= min(a.hi, b.hi) {
		text = fmt.Sprintf("entry %d was committed as (%d,%d) by %s and as (%d,%d) by %s", i, a.term, i, a.high.Raft.Node, b.term, i, b.low.Raft.Node)
	}
	c.Violate("committed entries changed", text, append(a.high.Get(), b.low.Get()...)...)
}
