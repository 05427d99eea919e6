package workload

import (
	"math/rand/v2"

	"github.com/usurper/usurper/harness/history"
)

// Append appends values, each once, to lists, and reads whole lists. Order is
// part of what a read shows, so a list says more about one key than a register
// does, at the price of longer reads.
type Append struct {
	keys *rotation
}

// NewAppend returns the append workload: at most 100 operations on a list, 5 of
// them at once, and 8 appends without an answer.
func NewAppend() *Append {
	return &Append{newRotation("l", bounds{operations: 100, unanswered: 8, final: 2000})}
}

// Name returns "append".
func (*Append) Name() string { return "append" }

// Next draws two appends to a read.
func (a *Append) Next(client int, r *rand.Rand) history.Op {
	isRead := r.IntN(3) == 0
	a.keys.mu.Lock()
	defer a.keys.mu.Unlock()
	k := a.keys.takeLocked(client)
	if isRead {
		return history.Op{F: history.FRead, Key: k.name}
	}
	return history.Op{F: history.FAppend, Key: k.name, Arg: a.keys.valueLocked(client)}
}

// Done counts the operation as ended.
func (a *Append) Done(_ int, op history.Op) {
	a.keys.mu.Lock()
	defer a.keys.mu.Unlock()
	a.keys.doneLocked(&op)
}

// Final reads every recent list.
func (a *Append) Final() []history.Op { return a.keys.final(history.FRead) }
