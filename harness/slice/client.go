package slice

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// clients are what clients did that can matter to one proof.
type clients struct {
	graph    sparse
	proves   []uint32         // the proof, by the numbers of its events, in order
	keys     map[string]bool  // that the proof is about
	open     map[int]asking   // by process
	answered map[int]uint32   // the last answer of each client on those keys
	wrote    map[value]uint32 // 0: more than once
	over     []uint32         // operations of the proof that are over
}

// asking is an operation under way, with the last deed of the member that it asked.
type asking struct{ seq, served uint32 }

type value struct{ key, value string }

func newClients(proof []history.Event, proves []uint32) clients {
	c := clients{
		proves: proves, keys: make(map[string]bool), open: make(map[int]asking),
		answered: make(map[int]uint32), wrote: make(map[value]uint32),
	}
	for i := range proof {
		op := proof[i].Op
		if op == nil {
			continue
		}
		if op.Key != "" || len(op.Txn) == 0 {
			c.keys[op.Key] = true
		}
		for _, m := range op.Txn {
			c.keys[m.Key] = true
		}
	}
	return c
}

// op takes half an operation. Only those on the keys of the proof are followed: what
// others did cannot be joined to it.
func (c *clients) op(seq uint32, o *history.Op, x *elections) {
	if !c.concerns(o) {
		return
	}
	c.graph.begin(seq)
	if o.Type == history.Invoke {
		a := asking{seq: seq}
		if m := x.members[o.Node]; m != nil {
			a.served = m.last
		}
		c.graph.add(c.answered[o.Process], Client)
		c.open[o.Process] = a
		c.writes(seq, o)
		return
	}
	a, ok := c.open[o.Process]
	delete(c.open, o.Process)
	if ok {
		c.graph.add(a.seq, Asks)
		c.graph.add(a.served, Asked)
	}
	c.reads(o)
	c.answered[o.Process] = seq
	if _, proves := slices.BinarySearch(c.proves, seq); proves && ok {
		for _, earlier := range c.over {
			if earlier < a.seq {
				c.graph.addTo(a.seq, earlier, Over)
			}
		}
		c.over = append(c.over, seq)
	}
}

func (c *clients) concerns(o *history.Op) bool {
	return c.keys[o.Key] || slices.ContainsFunc(o.Txn, func(m history.Micro) bool { return c.keys[m.Key] })
}

// writes notes which values an operation writes. One that is written twice joins
// nothing.
func (c *clients) writes(seq uint32, o *history.Op) {
	note := func(key, arg string) {
		if arg == "" || !c.keys[key] {
			return
		}
		v := value{strings.Clone(key), strings.Clone(arg)}
		if _, again := c.wrote[v]; again {
			c.wrote[v] = 0
			return
		}
		c.wrote[v] = seq
	}
	switch o.F {
	case history.FPut, history.FCas, history.FAppend, history.FAdd:
		note(o.Key, o.Arg)
	}
	for _, m := range o.Txn {
		if m.F != history.FRead && m.F != history.FGet {
			note(m.Key, m.Arg)
		}
	}
}

// lastSeen is how many of a list's elements are joined to who put them there, from the
// end.
const lastSeen = 4

// reads joins an answer to who wrote what it shows.
func (c *clients) reads(o *history.Op) {
	saw := func(key, got string) {
		if got != "" {
			c.graph.add(c.wrote[value{key, got}], Wrote)
		}
	}
	list := func(key string, all []string) {
		for _, got := range all[max(0, len(all)-lastSeen):] {
			saw(key, got)
		}
	}
	switch o.F {
	case history.FGet, history.FCas:
		saw(o.Key, o.Got)
	}
	list(o.Key, o.List)
	for i := range o.Txn {
		saw(o.Txn[i].Key, o.Txn[i].Got)
		list(o.Txn[i].Key, o.Txn[i].List)
	}
}
