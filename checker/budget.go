package checker

import (
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/anishathalye/porcupine"
)

// budget is what the searches of one checker for an order of operations may
// spend. It is used by one goroutine.
type budget struct {
	steps    int64 // of each search
	memory   int64 // of each search, in bytes
	wall     time.Duration
	deadline time.Time // of all together
	total    int64     // steps of all so far
}

// newBudget starts the clock of Options.Wall.
func newBudget(o Options) *budget {
	return &budget{steps: o.Steps, memory: o.SearchMemory, wall: o.Wall, deadline: time.Now().Add(o.Wall)}
}

// part is a budget whose searches have less to spend each, and the same deadline.
func (b *budget) part(divisor int64) *budget {
	less := *b
	less.steps, less.memory, less.total = b.steps/divisor, b.memory/divisor, 0
	return &less
}

// decide searches for an order of the operations that the model allows and that
// agrees with time. Unknown comes with what ran out.
//
// The number of steps bounds a search, not the clock, so that the same history
// gets the same verdict on any machine; the memory that porcupine's cache takes
// grows with the steps that succeed and is bounded through them.
func (b *budget) decide(operations []porcupine.Operation, model func(*purse) porcupine.Model) (verdict Verdict, why string) {
	p := &purse{steps: b.steps, memory: b.memory, entry: int64(len(operations)/8 + 128), deadline: b.deadline}
	p.late = time.Now().After(b.deadline)
	ok := porcupine.CheckOperations(p.guard(model(p)), operations)
	b.total += b.steps - max(p.steps, 0)
	p.rethrow()
	switch {
	case ok:
		return Valid, ""
	case p.late:
		return Unknown, "the time for all searches was used up (" + b.wall.String() + " of wall clock)"
	case p.steps < 0:
		return Unknown, "the search for an order exceeded its steps"
	case p.memory < 0:
		return Unknown, "the search for an order exceeded its memory"
	}
	return Invalid, ""
}

// purse is what is left to one search. Once it is empty every step fails, which
// ends the search soon, without an answer. (The library's own timeout would
// return while the search goes on.)
type purse struct {
	steps, memory int64
	entry         int64 // bytes of the cache for each state, besides the state
	deadline      time.Time
	late          bool
	panicked      string // what a model panicked with
}

// newPurse has so many steps and as much time, and all the memory that there is.
func newPurse(steps int64, wall time.Duration) *purse {
	return &purse{steps: steps, memory: math.MaxInt64, deadline: time.Now().Add(wall)}
}

// rethrow panics if a model did during the search.
func (p *purse) rethrow() {
	if p.panicked != "" {
		panic(p.panicked)
	}
}

// spend takes one step and reports whether there was one left.
func (p *purse) spend() bool {
	if p.steps&0xfff == 0 && time.Now().After(p.deadline) {
		p.late = true
	}
	p.steps--
	return p.steps >= 0 && p.memory >= 0 && !p.late && p.panicked == ""
}

// remember takes the memory of a state of so many bytes.
func (p *purse) remember(bytes int64) { p.memory -= p.entry + bytes }

// guard keeps a panic of the model from ending the process: porcupine calls the
// model from a goroutine of its own. The search then fails.
func (p *purse) guard(m porcupine.Model) porcupine.Model {
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
