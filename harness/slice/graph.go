package slice

import (
	"cmp"
	"slices"
)

// graph is what led to what at once, by the numbers of events. It takes a few bytes an
// event, so that a million are no matter.
type graph struct {
	first []uint32 // of each event, where its causes begin; its last is where those of the last end
	from  []uint32
	how   []How
	late  map[uint32][]cause // found after the event
}

type cause struct {
	from uint32
	how  How
}

// begin begins the causes of the next event.
func (g *graph) begin() { g.first = append(g.first, uint32(len(g.from))) }

// add notes a cause of the event that began last. There may be none: 0, which is the
// run's own begin and causes nothing worth telling.
func (g *graph) add(from uint32, how How) {
	if from == 0 {
		return
	}
	for i := int(g.first[len(g.first)-1]); i < len(g.from); i++ {
		if g.from[i] == from {
			return
		}
	}
	g.from, g.how = append(g.from, from), append(g.how, how)
}

// addTo notes a cause of an event before.
func (g *graph) addTo(to, from uint32, how How) {
	if g.late == nil {
		g.late = make(map[uint32][]cause)
	}
	g.late[to] = append(g.late[to], cause{from, how})
}

// causes calls f for what led to an event at once.
func (g *graph) causes(of uint32, f func(from uint32, how How)) {
	if int(of) >= len(g.first) {
		return
	}
	end := uint32(len(g.from))
	if int(of)+1 < len(g.first) {
		end = g.first[of+1]
	}
	for i := g.first[of]; i < end; i++ {
		f(g.from[i], g.how[i])
	}
	for _, c := range g.late[of] {
		f(c.from, c.how)
	}
}

// sparse is a graph of some of the events.
type sparse struct {
	graph
	events []uint32 // their numbers, in order
}

func (s *sparse) begin(seq uint32) {
	s.events = append(s.events, seq)
	s.graph.begin()
}

func (s *sparse) addTo(to, from uint32, how How) {
	if i, ok := slices.BinarySearch(s.events, to); ok {
		s.graph.addTo(uint32(i), from, how)
	}
}

func (s *sparse) causes(of uint32, f func(from uint32, how How)) {
	if i, ok := slices.BinarySearch(s.events, of); ok {
		s.graph.causes(uint32(i), f)
	}
}

// causes calls a function for what led to an event at once.
type causes func(of uint32, f func(from uint32, how How))

// found is what a search backwards found.
type found struct {
	kept     []uint32       // nearest first
	distance map[uint32]int // of those kept
	seen     bits
	reached  int // all of them
}

// search goes backwards from the proof, among the first n events, and keeps the nearest.
func search(n int, causes causes, proof []uint32, limit int) found {
	f := found{distance: make(map[uint32]int), seen: newBits(n)}
	level := make([]uint32, 0, len(proof))
	for _, seq := range proof {
		if int(seq) < n && f.seen.add(seq) {
			level = append(level, seq)
		}
	}
	for distance := 0; len(level) > 0; distance++ {
		slices.SortFunc(level, func(a, b uint32) int { return cmp.Compare(b, a) })
		var next []uint32
		for _, seq := range level {
			f.reached++
			if distance == 0 || len(f.kept) < limit {
				f.kept = append(f.kept, seq)
				f.distance[seq] = distance
			}
			causes(seq, func(from uint32, _ How) {
				if f.seen.add(from) {
					next = append(next, from)
				}
			})
		}
		level = next
	}
	return f
}

// among returns the edges between the events that are kept.
func (f *found) among(causes causes) []Edge {
	var edges []Edge
	for _, to := range f.kept {
		causes(to, func(from uint32, how How) {
			if _, ok := f.distance[from]; ok {
				edges = append(edges, Edge{uint64(from), uint64(to), how})
			}
		})
	}
	slices.SortStableFunc(edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From))
	})
	return slices.CompactFunc(edges, func(a, b Edge) bool { return a.To == b.To && a.From == b.From })
}

// bits is a set of numbers.
type bits []uint64

func newBits(n int) bits { return make(bits, n/64+1) }

func (b bits) has(i uint32) bool { return int(i/64) < len(b) && b[i/64]&(1<<(i%64)) != 0 }

// add reports whether the number is new; one that is too large is not.
func (b bits) add(i uint32) bool {
	if int(i/64) >= len(b) || b.has(i) {
		return false
	}
	b[i/64] |= 1 << (i % 64)
	return true
}
