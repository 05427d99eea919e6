package txn

import (
	"cmp"
	"slices"
	"sort"

	"github.com/usurper/usurper/checker/verdict"
)

// kindSet is a set of kinds of dependencies.
type kindSet uint8

// Why one transaction comes before another.
const (
	// writeWrite: its append comes right before the other's.
	writeWrite kindSet = 1 << iota
	// writeRead: the other found its append at the end of a list.
	writeRead
	// readWrite: it found a list without the other's append, which came next.
	readWrite
	// realTime: it had ended before the other began.
	realTime
	// onward leads on from a node that stands for no transaction, and always
	// belongs to the dependency that led there.
	onward
)

// edge is a dependency. list and at say where: the length of the list before
// the append that is concerned.
type edge struct {
	from, to int32
	kind     kindSet
	list, at int32
}

// graph is the serialization graph. Its first nodes are the transactions; those
// that did not happen have no edges. The others keep the number of edges linear:
//
//   - Ticks, one for the end of each transaction, in order of time: a transaction
//     leads to the tick of its end, each tick to the next, and the last tick before
//     a transaction began leads to it. So there is a path from one transaction to
//     another over ticks alone just if the one ended before the other began.
//   - Ends, one for each list of which not all appends were read: those that found
//     the longest list lead to it, and it leads to those that appended what nobody
//     read.
//
// If it has no cycle, its transactions in a topological order explain all reads: the
// writers of each list are in the order of its values, and whoever found a
// beginning of it stands behind the writer of its last value and before the next.
// Appends that nobody read stand behind all that found the list, in any order, and so do
// transactions without an answer of which nobody read anything. Conversely, each edge
// holds in every order that explains the reads. Hence the verdict is exact.
type graph struct {
	txns  []txn
	nodes int32
	edges []edge  // by from
	first []int32 // where each node's edges begin
	ends  []listEnd
}

// listEnd is the node behind the end of a list.
type listEnd struct {
	node, list, at int32
	before, after  []int32
	kinds          []kindSet // of before
}

// graph builds the graph of what happened.
func (c *Checker) graph() *graph {
	g := &graph{txns: c.txns, nodes: int32(len(c.txns))}
	for n, l := range c.lists {
		if l.writers != nil {
			c.depend(g, l, int32(n))
		}
	}
	g.unread(c)
	g.time()
	g.index()
	return g
}

func (g *graph) add(e edge) {
	if e.from != e.to {
		g.edges = append(g.edges, e)
	}
}

func (g *graph) node() int32 {
	g.nodes++
	return g.nodes - 1
}

// depend adds what follows from the reads of a list, and begins its end.
func (c *Checker) depend(g *graph, l *list, n int32) {
	whole := int32(len(l.writers))
	for i := int32(1); i < whole; i++ {
		g.add(edge{l.writers[i-1], l.writers[i], writeWrite, n, i})
	}
	end := listEnd{node: -1, list: n, at: whole}
	if whole > 0 {
		end.before, end.kinds = append(end.before, l.writers[whole-1]), append(end.kinds, writeWrite)
	}
	for _, r := range l.reads {
		if r.found > 0 {
			g.add(edge{l.writers[r.found-1], r.txn, writeRead, n, r.found - 1})
		}
		if r.found < whole {
			g.add(edge{r.txn, l.writers[r.found], readWrite, n, r.found})
			continue
		}
		end.before, end.kinds = append(end.before, r.txn), append(end.kinds, readWrite)
	}
	g.ends = append(g.ends, end)
}

// unread adds that appends which nobody read come after all reads.
func (g *graph) unread(c *Checker) {
	of := make([]int32, len(c.lists)) // each list's end, counted from 1
	for i := range g.ends {
		of[g.ends[i].list] = int32(i + 1)
	}
	for n := range g.txns {
		if !g.txns[n].happened() {
			continue
		}
		for _, d := range g.txns[n].deeds {
			if d.reads || of[d.list] == 0 || c.lists[d.list].appends[d.value].at > 0 {
				continue
			}
			e := &g.ends[of[d.list]-1]
			if k := len(e.after); k == 0 || e.after[k-1] != int32(n) {
				e.after = append(e.after, int32(n))
			}
		}
	}
	g.ends = slices.DeleteFunc(g.ends, func(e listEnd) bool { return len(e.before) == 0 || len(e.after) == 0 })
	for i := range g.ends {
		g.close(&g.ends[i])
	}
}

// close adds the edges of one end. Those that stand on both of its sides must not
// come before themselves: they bypass its node. Two of them are a cycle already,
// so that no more than two need to.
func (g *graph) close(e *listEnd) {
	e.node = g.node()
	both := 0
	for i, n := range e.before {
		if _, ok := slices.BinarySearch(e.after, n); !ok {
			g.add(edge{n, e.node, e.kinds[i], e.list, e.at})
			continue
		}
		if both++; both > 2 {
			continue
		}
		for _, m := range e.after {
			g.add(edge{n, m, e.kinds[i], e.list, e.at})
		}
	}
	for _, m := range e.after {
		g.add(edge{e.node, m, onward, e.list, e.at})
	}
}

// time adds the ticks.
func (g *graph) time() {
	var ended, begun []int32
	for n := range g.txns {
		t := &g.txns[n]
		if t.happened() {
			begun = append(begun, int32(n)) // in order of time already
		}
		if t.outcome == verdict.OK {
			ended = append(ended, int32(n))
		}
	}
	slices.SortFunc(ended, func(a, b int32) int { return cmp.Compare(g.txns[a].done.Seq, g.txns[b].done.Seq) })
	tick := int32(-1)
	for _, n := range begun {
		for len(ended) > 0 && g.txns[ended[0]].done.Seq < g.txns[n].call.Seq {
			before := tick
			tick = g.node()
			g.add(edge{from: ended[0], to: tick, kind: realTime})
			if before >= 0 {
				g.add(edge{from: before, to: tick, kind: onward})
			}
			ended = ended[1:]
		}
		if tick >= 0 {
			g.add(edge{from: tick, to: n, kind: onward})
		}
	}
}

// index sorts the edges by where they begin.
func (g *graph) index() {
	g.first = make([]int32, g.nodes+1)
	for i := range g.edges {
		g.first[g.edges[i].from+1]++
	}
	for i := int32(0); i < g.nodes; i++ {
		g.first[i+1] += g.first[i]
	}
	next := slices.Clone(g.first)
	sorted := make([]edge, len(g.edges))
	for _, e := range g.edges {
		sorted[next[e.from]] = e
		next[e.from]++
	}
	g.edges = sorted
}

// out returns the edges that begin at a node.
func (g *graph) out(n int32) []edge { return g.edges[g.first[n]:g.first[n+1]] }

// precedes tells whether a ended before b began.
func (g *graph) precedes(a, b int32) bool {
	return g.txns[a].outcome == verdict.OK && g.txns[a].done.Seq < g.txns[b].call.Seq
}

// components returns, for each node, the number of its strongly connected
// component in the part of the graph that has the kinds of edges, -1 for one that
// is alone in its; and the members of each. Nodes of different numbers in within,
// if it is not nil, are taken as not connected.
//
// It is Tarjan's algorithm without recursion, over slices: a graph of 100,000
// transactions takes tens of milliseconds, where gonum's, which looks nodes up in
// maps behind interfaces, would take seconds.
func (g *graph) components(kinds kindSet, within []int32) (of []int32, members [][]int32) {
	kinds |= onward
	of = make([]int32, g.nodes)
	index := make([]int32, g.nodes) // when a node was found, from 1
	low := make([]int32, g.nodes)
	var found int32
	var stack, path []int32
	at := slices.Clone(g.first) // the next edge of each node to follow
	for i := range of {
		of[i] = -1
	}
	done := make([]bool, g.nodes)
	enter := func(n int32) {
		found++
		index[n], low[n] = found, found
		stack, path = append(stack, n), append(path, n)
	}
	for root := int32(0); root < g.nodes; root++ {
		if index[root] != 0 || within != nil && within[root] < 0 {
			continue
		}
		for enter(root); len(path) > 0; {
			n := path[len(path)-1]
			if at[n] < g.first[n+1] {
				e := &g.edges[at[n]]
				at[n]++
				switch {
				case e.kind&kinds == 0 || within != nil && within[e.to] != within[n]:
				case index[e.to] == 0:
					enter(e.to)
				case !done[e.to]:
					low[n] = min(low[n], index[e.to])
				}
				continue
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1]
				low[up] = min(low[up], low[n])
			}
			if low[n] == index[n] {
				from := sort.Search(len(stack), func(i int) bool { return index[stack[i]] >= index[n] })
				if len(stack)-from > 1 {
					group := slices.Clone(stack[from:])
					slices.Sort(group)
					for _, m := range group {
						of[m] = int32(len(members))
					}
					members = append(members, group)
				}
				for _, m := range stack[from:] {
					done[m] = true
				}
				stack = stack[:from]
			}
		}
	}
	return of, members
}
