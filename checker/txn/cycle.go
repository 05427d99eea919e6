package txn

import (
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// level is a kind of cycle that is looked for.
type level struct {
	kinds  kindSet
	single bool // with exactly one readWrite
}

// levels are the kinds of cycles, the worse first.
func levels() []level {
	var levels []level
	for _, time := range []kindSet{0, realTime} {
		levels = append(levels,
			level{writeWrite | time, false},
			level{writeWrite | writeRead | time, false},
			level{writeWrite | writeRead | readWrite | time, true},
			level{writeWrite | writeRead | readWrite | time, false})
	}
	return levels
}

// step says that one transaction comes before another, and why.
type step struct{ edge }

// cycles tells of cycles: in each component of the graph of each level the
// shortest one, unless a worse one has been told of in it.
func (c *Checker) cycles(g *graph) {
	whole, all := g.components(writeWrite|writeRead|readWrite|realTime, nil)
	if len(all) == 0 {
		return
	}
	s := &search{g: g, seen: make([]int32, g.nodes)}
	told := make([]bool, g.nodes)
	for _, level := range levels() {
		s.left = cycleBudget
		within, groups := g.components(level.kinds, whole)
		s.within = within
		for _, group := range groups {
			if slices.ContainsFunc(group, func(n int32) bool { return told[n] }) {
				continue
			}
			steps := s.shortest(group, level)
			for _, step := range steps {
				told[step.from] = true
			}
			if steps != nil {
				c.tell(steps)
			}
		}
	}
}

// cycleBudget is how many edges the searches of one level may look at. It bounds
// how short a cycle is found and how exactly it is named, not whether one is.
const cycleBudget = 5_000_000

// search finds short cycles.
type search struct {
	g      *graph
	within []int32 // the component of each node
	left   int     // of the budget
	seen   []int32 // the search in which a node was last reached
	mark   int32
	now    []visit
	next   []visit
	trail  []visit
}

// visit is a node that a search has reached.
type visit struct {
	node   int32
	edge   int32 // that led there, -1 at the start
	parent int32 // in the trail
}

// shortest returns the shortest cycle of a level in one of its components that the
// budget lets it find; nil if there is none, which is so only of a level with
// single or after the budget.
func (s *search) shortest(group []int32, level level) []step {
	if level.kinds&realTime != 0 {
		if steps := s.pair(group, level.kinds); steps != nil {
			return steps
		}
	}
	var best []int32
	most := func() int {
		if best == nil {
			return len(s.seen)
		}
		return s.length(best) - 1
	}
	for _, n := range group {
		if n >= int32(len(s.g.txns)) {
			break
		}
		if !level.single {
			if path := s.path(n, n, level.kinds, most(), best == nil); path != nil {
				best = path
			}
			continue
		}
		for i := s.g.first[n]; i < s.g.first[n+1]; i++ {
			e := &s.g.edges[i]
			if e.kind != readWrite || s.within[e.to] != s.within[n] {
				continue
			}
			if path := s.path(e.to, n, level.kinds&^readWrite, most()-1, false); path != nil {
				best = append([]int32{i}, path...)
			}
		}
	}
	return s.steps(best)
}

// pair returns two transactions of which one ended before the other began, but
// depends on it: the pair that was complete first.
func (s *search) pair(group []int32, kinds kindSet) (steps []step) {
	g, n := s.g, int32(len(s.g.txns))
	best := ^uint64(0)
	try := func(e edge) {
		if at := g.txns[e.from].call.Seq; at < best && e.kind&kinds != 0 && g.precedes(e.to, e.from) {
			best = at
			steps = []step{{e}, {edge{from: e.to, to: e.from, kind: realTime}}}
		}
	}
	for _, m := range group {
		switch {
		case m < n:
			for _, e := range g.out(m) {
				if e.to < n {
					try(e)
				}
			}
		case m < n+int32(len(g.ends)):
			s.g.ends[m-n].pairs(g, kinds, try)
		}
	}
	return steps
}

// pairs tries the pairs around an end that can be complete first: of those that
// began after one of the other side had ended, the first.
func (e *listEnd) pairs(g *graph, kinds kindSet, try func(edge)) {
	first := int32(-1)
	for _, m := range e.after {
		t := &g.txns[m]
		if t.outcome == verdict.OK && (first < 0 || t.done.Seq < g.txns[first].done.Seq) {
			first = m
		}
	}
	if first < 0 {
		return
	}
	for i, m := range e.before {
		try(edge{m, first, e.kinds[i], e.list, e.at})
	}
}

// path returns the edges of a shortest path, of at least one edge, from a node to
// another in the same component, over edges of the kinds; nil if it has more than
// most, or if the budget has run out, unless it must be found.
func (s *search) path(from, to int32, kinds kindSet, most int, must bool) []int32 {
	s.mark++
	s.trail = s.trail[:0]
	s.now = append(s.now[:0], visit{from, -1, -1})
	for depth := 0; len(s.now) > 0 && depth <= most; depth++ {
		s.next = s.next[:0]
		for i := 0; i < len(s.now); i++ { // it grows
			v := s.now[i]
			if v.node == to && v.edge >= 0 {
				return s.back(v)
			}
			if s.seen[v.node] == s.mark {
				continue
			}
			if s.left <= 0 && !must {
				return nil
			}
			s.visit(v, to, kinds)
		}
		s.now, s.next = s.next, s.now
	}
	return nil
}

// visit follows the edges of a node that is reached for the first time. Those that
// lead on cost nothing.
func (s *search) visit(v visit, to int32, kinds kindSet) {
	s.seen[v.node] = s.mark
	s.trail = append(s.trail, v)
	begin, end := s.g.first[v.node], s.g.first[v.node+1]
	s.left -= int(end-begin) + 1
	for i := begin; i < end; i++ {
		e := &s.g.edges[i]
		if e.kind&(kinds|onward) == 0 || s.within[e.to] != s.within[v.node] || s.seen[e.to] == s.mark && e.to != to {
			continue
		}
		reached := visit{e.to, i, int32(len(s.trail) - 1)}
		if e.kind == onward {
			s.now = append(s.now, reached)
		} else {
			s.next = append(s.next, reached)
		}
	}
}

// back returns the edges that led to a visit.
func (s *search) back(v visit) []int32 {
	var edges []int32
	for v.edge >= 0 {
		edges = append(edges, v.edge)
		v = s.trail[v.parent]
	}
	slices.Reverse(edges)
	return edges
}

// length returns how many dependencies a path has.
func (s *search) length(path []int32) int {
	n := 0
	for _, i := range path {
		if s.g.edges[i].kind != onward {
			n++
		}
	}
	return n
}

// steps returns the dependencies of a cycle that begins at a transaction, from
// transaction to transaction.
func (s *search) steps(path []int32) []step {
	var steps []step
	for _, i := range path {
		e := s.g.edges[i]
		if e.kind != onward {
			steps = append(steps, step{e})
			continue
		}
		steps[len(steps)-1].to = e.to
	}
	return steps
}
