package tape

import (
	"math/rand/v2"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Choices is where a drawn history takes its decisions from: choices(n) is one
// of 0..n-1.
type Choices func(n int) int

// Seeded draws from a seed.
func Seeded(seed uint64) Choices { return rand.New(rand.NewPCG(seed, 9)).IntN }

// Scripted draws from bytes, and from zeros after them.
func Scripted(b []byte) Choices {
	return func(n int) int {
		if len(b) == 0 {
			return 0
		}
		c := int(b[0]) % n
		b = b[1:]
		return c
	}
}

// drawing is how clients and a system go about a drawn history.
type drawing struct {
	steps int
	open  int // operations at once
	// ask draws the next operation. take lets it happen at the system, and leaves
	// the answer in it, with Type Fail if it was refused. lie may make the answer
	// a false one.
	ask  func() history.Op
	take func(op *history.Op)
	lie  func(op *history.Op, outcome history.OpType) history.OpType
}

// deed is an operation under way.
type deed struct {
	process int
	op      history.Op
	took    bool // it has taken effect
}

func (p drawing) draw(next Choices) *Tape {
	h := New(history.Run{})
	var open []*deed
	process := 0
	take := func(d *deed) {
		if !d.took {
			d.took = true
			p.take(&d.op)
		}
	}
	for range p.steps {
		if len(open) < p.open && next(2) == 0 {
			process++
			op := p.ask()
			h.Ask(process, op)
			open = append(open, &deed{process: process, op: op})
			continue
		}
		if len(open) == 0 {
			continue
		}
		i := next(len(open))
		d := open[i]
		if next(3) == 0 {
			take(d)
			continue
		}
		open = slices.Delete(open, i, i+1)
		if next(5) == 0 {
			h.Answer(d.process, history.Info, history.Op{F: d.op.F, Key: d.op.Key, Arg: d.op.Arg, Old: d.op.Old})
			continue
		}
		take(d)
		outcome := history.OK
		if d.op.Type == history.Fail {
			outcome = history.Fail
		}
		outcome = p.lie(&d.op, outcome)
		h.Answer(d.process, outcome, d.op)
	}
	return h
}
