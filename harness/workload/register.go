package workload

import (
	"math/rand/v2"

	"github.com/usurper/usurper/harness/history"
)

// Register gets, puts, compare-and-sets and, seldom, deletes single values. Every
// value is written once. A cas expects what a client of its group last saw, so
// that some succeed; that may be no value, and a value that has been deleted
// since. Every third client only reads: a member that is cut off leaves whoever
// writes to it waiting, and who waits does not see that its reads are old. A third of
// what it reads is keys that have just been used up.
type Register struct {
	keys *rotation
}

// NewRegister returns the register workload: at most 100 operations on a key and 50
// more reads, 5 of them at once, and as many of clients who look after a change of
// leaders, and 8 writes without an answer.
func NewRegister() *Register {
	return &Register{newRotation("r", bounds{operations: 100, unanswered: 8, final: 2000})}
}

// Name returns "register".
func (*Register) Name() string { return "register" }

// reads tells whether the client only reads.
func (*Register) reads(client int) bool { return client%3 == 2 }

// Next draws 16 gets to 12 puts to 11 cas to one delete. Deletes are few because
// they all leave the same, which makes a key dearer to judge.
func (g *Register) Next(client int, r *rand.Rand) history.Op {
	roll := r.IntN(40)
	if g.reads(client) {
		roll = 0
	}
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	if g.reads(client) && r.IntN(3) == 0 {
		if k := g.keys.lookBackLocked(r); k != nil {
			return history.Op{F: history.FGet, Key: k.name}
		}
	}
	k := g.keys.takeLocked(client)
	op := history.Op{F: history.FGet, Key: k.name}
	switch {
	case roll < 16:
		return op
	case roll == 16:
		op.F = history.FDelete
		return op
	case roll < 29 || !k.known:
		op.F = history.FPut
	default:
		op.F, op.Old = history.FCas, k.seen
	}
	op.Arg = g.keys.valueLocked(client)
	return op
}

// inherit draws a get of what others were at.
func (g *Register) inherit(client int, r *rand.Rand) (history.Op, bool) {
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	k := g.keys.inheritedLocked(client, r)
	if k == nil {
		return history.Op{}, false
	}
	return history.Op{F: history.FGet, Key: k.name}, true
}

// Done remembers the value that the operation showed its key to have.
func (g *Register) Done(_ int, op history.Op) {
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	k := g.keys.doneLocked(&op)
	if k == nil {
		return
	}
	switch {
	case op.Type == history.OK && Writes(op.F):
		k.seen, k.known = op.Arg, true
	case op.Saw && op.Type != history.Info:
		k.seen, k.known = op.Got, true
	}
}

// Final gets every recent key.
func (g *Register) Final() []history.Op { return g.keys.final(history.FGet) }
