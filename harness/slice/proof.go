package slice

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// proof is one of which a slice is made, and what was found of it.
type proof struct {
	events  []uint32 // its numbers, in order
	limit   int
	clients clients

	searched bool
	found    found
	edges    []Edge
	unknown  []string
	counts   counts
	kept     map[uint64]Event
}

func newProof(events []history.Event, limit int) *proof {
	p := &proof{limit: limit, kept: make(map[uint64]Event), counts: counts{since: make(map[*int]int)}}
	for i := range events {
		p.events = append(p.events, uint32(events[i].Seq))
	}
	slices.Sort(p.events)
	p.clients = newClients(events, p.events)
	return p
}

// over tells whether an event is after the last of the proof.
func (p *proof) over(seq uint32) bool {
	return len(p.events) == 0 || seq > p.events[len(p.events)-1]
}

// search finds what led to the proof. It is done as soon as its last event was read, so
// that nothing after that counts; once more it does nothing.
func (p *proof) search(b *builder) {
	if p.searched {
		return
	}
	p.searched = true
	both := func(of uint32, f func(uint32, How)) {
		b.graph.causes(of, f)
		p.clients.graph.causes(of, f)
	}
	p.found = search(len(b.graph.first), both, p.events, p.limit)
	p.edges = p.found.among(both)
	p.unknown = b.unknown(len(p.clients.keys) > 0)
	p.clients = clients{}
}

// counts are what becomes of events that are not shown.
type counts struct {
	since   map[*int]int // how many deeds of a member there were up to the last that can have led to it
	between int          // deeds before one that can have
	reached int          // other events that can have
	others  int          // that cannot; known once closed
	closed  bool
}

// tally counts the events that were read, for all proofs at once.
type tally struct {
	deeds map[string]*int // what traces tell, by member
	rest  int
}

// take takes the next event.
func (t *tally) take(e *history.Event, proofs []*proof) {
	seq := uint32(e.Seq)
	var deeds *int
	if e.Raft != nil && e.Raft.Source == history.Trace {
		deeds = t.deeds[e.Raft.Node]
		if deeds == nil {
			deeds = new(int)
			t.deeds[strings.Clone(e.Raft.Node)] = deeds
		}
		*deeds++
	} else {
		t.rest++
	}
	for _, p := range proofs {
		if p.found.seen.has(seq) {
			p.takes(e, deeds)
		}
		if !p.counts.closed && len(p.events) > 0 && seq == p.events[len(p.events)-1] {
			t.close(p)
		}
	}
}

// takes takes an event that can have led to the proof; deeds are those of its member so
// far, nil if it is no deed.
func (p *proof) takes(e *history.Event, deeds *int) {
	if distance, ok := p.found.distance[uint32(e.Seq)]; ok {
		p.kept[e.Seq] = Event{verdict.Keep(e), distance == 0, distance}
	}
	c := &p.counts
	if deeds == nil {
		c.reached++
		return
	}
	c.between += *deeds - 1 - c.since[deeds]
	c.since[deeds] = *deeds
}

// close ends the counts of a proof.
func (t *tally) close(p *proof) {
	c := &p.counts
	c.closed, c.others = true, t.rest-c.reached
	for _, deeds := range t.deeds {
		c.others += *deeds - c.since[deeds]
	}
}

// slice is what there is to show.
func (p *proof) slice() Slice {
	s := Slice{Edges: p.edges, Further: p.found.reached - len(p.found.kept), Between: p.counts.between, Others: p.counts.others, Unknown: p.unknown}
	var proof []history.Event
	for _, seq := range p.found.kept {
		if e, ok := p.kept[uint64(seq)]; ok {
			s.Events = append(s.Events, e)
			if e.Proof {
				proof = append(proof, e.Event)
			}
		}
	}
	if group := verdict.GroupOf(proof); group != "" {
		s.Unknown = append(slices.Clip(s.Unknown), "what led to what in "+group+", which is not the main group, is not followed")
	}
	return s
}
