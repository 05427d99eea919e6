package raft

import (
	"slices"
	"time"
)

// chain holds the chain hash of every entry that any member was seen to hold,
// once for each (term, index): 8 bytes an entry, however many members have it.
// Log matching (Raft §5.3) makes that enough: two logs with an entry of the same
// term and index are the same up to there, which the hashes prove or refute.
type chain struct {
	terms map[uint64]*stretch
	last  uint64 // the term last asked for, and its stretch
	cache *stretch
}

// stretch is the entries of one term: segments of consecutive indexes, ascending
// and disjoint. A leader's entries are consecutive, so there is one segment
// unless traces are merged out of step.
type stretch struct {
	segments []segment
}

type segment struct {
	first  uint64
	hashes []uint64
	marks  []mark
}

// mark says who was first seen with the entries from index on.
type mark struct {
	index uint64
	seq   uint64 // of the event in the history
	at    time.Duration
	node  uint16
	inc   uint32
}

// markEvery is how many entries of one member one mark may stand for.
const markEvery = 16

func (s *segment) end() uint64 { return s.first + uint64(len(s.hashes)) }

func (c *chain) stretch(term uint64) *stretch {
	if c.cache != nil && c.last == term {
		return c.cache
	}
	s := c.terms[term]
	if s == nil {
		if c.terms == nil {
			c.terms = make(map[uint64]*stretch)
		}
		s = &stretch{}
		c.terms[term] = s
	}
	c.last, c.cache = term, s
	return s
}

// add notes that entry index of the stretch's term has the chain hash. If
// another hash is known it changes nothing and returns the mark of that one.
func (s *stretch) add(index, hash uint64, m mark) (other mark, conflict bool) {
	i := len(s.segments) - 1
	for i >= 0 && s.segments[i].first > index {
		i--
	}
	if i >= 0 {
		g := &s.segments[i]
		switch end := g.end(); {
		case index < end:
			if g.hashes[index-g.first] == hash {
				return mark{}, false
			}
			return g.markOf(index), true
		case index == end:
			g.push(hash, m)
			s.join(i)
			return mark{}, false
		}
	}
	m.index = index
	s.segments = slices.Insert(s.segments, i+1, segment{first: index, hashes: []uint64{hash}, marks: []mark{m}})
	s.join(i + 1)
	return mark{}, false
}

// push appends the hash of the entry after the segment's last.
func (g *segment) push(hash uint64, m mark) {
	m.index = g.end()
	if top := &g.marks[len(g.marks)-1]; top.node != m.node || m.index-top.index >= markEvery {
		g.marks = append(g.marks, m)
	}
	g.hashes = append(g.hashes, hash)
}

// join merges segment i with the next one when they touch.
func (s *stretch) join(i int) {
	if i+1 >= len(s.segments) || s.segments[i].end() != s.segments[i+1].first {
		return
	}
	g, next := &s.segments[i], &s.segments[i+1]
	g.hashes = append(g.hashes, next.hashes...)
	g.marks = append(g.marks, next.marks...)
	s.segments = slices.Delete(s.segments, i+1, i+2)
}

// markOf returns the mark that stands for the entry at index.
func (g *segment) markOf(index uint64) mark {
	i, found := slices.BinarySearchFunc(g.marks, index, func(m mark, index uint64) int {
		switch {
		case m.index < index:
			return -1
		case m.index > index:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return g.marks[max(i, 0)]
}
