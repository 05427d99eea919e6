package workload

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

// How many keys the puts workload remembers: those acknowledged last, to read
// them as soon as somebody gets no answer, and those that it reads in the end.
const (
	putsSuspected = 100
	putsFinal     = 1000
	putsToGet     = 16 // operations of which one is a get of any of those
)

// Puts writes each value once, to a key of its own, as fast as it may. When a
// client gets no answer, which may mean that a member has died, all read what was
// acknowledged last before they go on: if anything was lost, it is that.
type Puts struct {
	mu       sync.Mutex
	written  map[int]uint64 // keys, by client
	answered []string       // acknowledged and not suspected yet, the newest at the end
	suspects []string       // to be read
	recent   []string       // acknowledged, the newest at the end
}

// NewPuts returns the puts workload.
func NewPuts() *Puts { return &Puts{written: make(map[int]uint64)} }

// Name returns "puts".
func (*Puts) Name() string { return "puts" }

// Next draws a get of a suspected key, if there is one, or else a put, or seldom
// a get.
func (p *Puts) Next(client int, r *rand.Rand) history.Op {
	get, any := r.IntN(putsToGet) == 0, r.IntN(putsFinal)
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.suspects); n > 0 {
		key := p.suspects[n-1]
		p.suspects = p.suspects[:n-1]
		return history.Op{F: history.FGet, Key: key}
	}
	if n := len(p.recent); get && n > 0 {
		return history.Op{F: history.FGet, Key: p.recent[n-1-any%n]}
	}
	p.written[client]++
	name := strconv.Itoa(client) + "-" + strconv.FormatUint(p.written[client], 10)
	return history.Op{F: history.FPut, Key: "p" + name, Arg: "c" + name}
}

// Done remembers what was acknowledged, and suspects the last of it when op was
// not. A get that told nothing is made again.
func (p *Puts) Done(_ int, op history.Op) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case op.F == history.FGet && op.Type != history.OK:
		p.suspects = append(p.suspects, op.Key)
	case op.F == history.FGet:
	case op.Type == history.OK:
		p.answered = pushed(p.answered, op.Key, putsSuspected)
		p.recent = pushed(p.recent, op.Key, putsFinal)
	default:
		p.suspects = append(p.suspects, p.answered...)
		p.answered = p.answered[:0]
	}
}

// Final gets the keys that were acknowledged last.
func (p *Puts) Final() []history.Op {
	p.mu.Lock()
	defer p.mu.Unlock()
	var ops []history.Op
	for _, key := range p.recent[max(0, len(p.recent)-putsFinal):] {
		ops = append(ops, history.Op{F: history.FGet, Key: key})
	}
	return ops
}

// pushed appends to a list, of which at least the last keep are kept.
func pushed(list []string, s string, keep int) []string {
	if len(list) >= 2*keep {
		list = slices.Delete(list, 0, len(list)-keep)
	}
	return append(list, s)
}
