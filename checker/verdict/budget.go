package verdict

import (
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/anishathalye/porcupine"
)

// Budget is what the searches of one checker for an order of operations may
// spend. It is used by one goroutine.
type Budget struct {
	Steps    int64 // of each search
	memory   int64 // of each search, in bytes
	wall     time.Duration
	deadline time.Time // of all together
	Total    int64     // steps of all so far
}

// NewBudget starts the clock of Options.Wall.
func NewBudget(o Options) *Budget {
	return &Budget{Steps: o.Steps, memory: o.SearchMemory, wall: o.Wall, deadline: time.Now().Add(o.Wall)}
}

// Part is a budget whose searches have less to spend each, and the same deadline.
func (b *Budget) Part(divisor int64) *Budget {
	less := *b
	less.Steps, less.memory, less.Total = b.Steps/divisor, b.memory/divisor, 0
	return &less
}

// Decide lets porcupine search for an order of the operations that the model allows
// and that agrees with time. Unknown comes with what ran out.
func (b *Budget) Decide(operations []porcupine.Operation, model func(*Purse) porcupine.Model) (verdict Verdict, why string) {
	return b.Search(len(operations), func(p *Purse) bool {
		return porcupine.CheckOperations(p.Guard(model(p)), operations)
	})
}

// Search runs a search for an order of so many operations, which tells whether there
// is one. It pays for its steps and for what it remembers, and gives up once it
// cannot: then the verdict is Unknown, with what ran out.
//
// The number of steps bounds a search, not the clock, so that the same history
// gets the same verdict on any machine; the memory that is needed grows with the
// steps that succeed and is bounded through them.
func (b *Budget) Search(operations int, search func(*Purse) bool) (verdict Verdict, why string) {
	p := &Purse{steps: b.Steps, memory: b.memory, entry: int64(operations/8 + 128), deadline: b.deadline}
	p.late = time.Now().After(b.deadline)
	ok := search(p)
	b.Total += b.Steps - max(p.steps, 0)
	p.Rethrow()
	switch {
	case ok:
		return Valid, ""
	case p.late:
		return Unknown, "the time for all searches was used up (" + b.wall.String() + " of wall clock; check takes --search-for)"
	case p.steps < 0:
		return Unknown, fmt.Sprintf("the search for an order exceeded its steps (%d; check takes --steps)", b.Steps)
	case p.memory < 0:
		return Unknown, fmt.Sprintf("the search for an order exceeded its memory (%d MiB; check takes --memory)", b.memory>>20)
	}
	return Invalid, ""
}

// Purse is what is left to one search. Once it is empty every step fails, which
// ends the search soon, without an answer. (The library's own timeout would
// return while the search goes on.)
type Purse struct {
	steps, memory int64
	entry         int64 // bytes of the cache for each state, besides the state
	deadline      time.Time
	late          bool
	panicked      string // what a model panicked with
}

// NewPurse has so many steps and as much time, and all the memory that there is.
func NewPurse(steps int64, wall time.Duration) *Purse {
	return &Purse{steps: steps, memory: math.MaxInt64, deadline: time.Now().Add(wall)}
}

// Rethrow panics if a model did during the search.
func (p *Purse) Rethrow() {
	if p.panicked != "" {
		panic(p.panicked)
	}
}

// Spend takes one step and reports whether there was one left.
func (p *Purse) Spend() bool {
	if p.steps&0xfff == 0 && time.Now().After(p.deadline) {
		p.late = true
	}
	p.steps--
	return p.steps >= 0 && p.memory >= 0 && !p.late && p.panicked == ""
}

// Remember takes the memory of a state of so many bytes.
func (p *Purse) Remember(bytes int64) { p.memory -= p.entry + bytes }

// Guard keeps a panic of the model from ending the process: porcupine calls the
// model from a goroutine of its own. The search then fails.
func (p *Purse) Guard(m porcupine.Model) porcupine.Model {
	caught := func() {
		if r := recover(); r != nil && p.panicked == "" {
			p.panicked = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}
	step, equal, hash := m.Step, m.Equal, m.Hash
	m.Step = func(state, input, output any) (ok bool, next any) {
		defer caught()
		return step(state, input, output)
	}
	if equal != nil {
		m.Equal = func(a, b any) bool {
			defer caught()
			return equal(a, b)
		}
	}
	if hash != nil {
		m.Hash = func(state any) uint64 {
			defer caught()
			return hash(state)
		}
	}
	return m
}
