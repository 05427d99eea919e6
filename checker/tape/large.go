package tape

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/usurper/usurper/harness/history"
)

// Million is how many operations the large benchmarks have.
const Million = 1_000_000

// Registers lets a crowd get, put and cas.
func Registers(h *Tape, c Crowd) *Tape {
	state := make([]string, c.Keys)
	values := 0
	c.Play(h, func(r *rand.Rand, key int) history.Op {
		switch roll := r.IntN(10); {
		case roll < 4:
			return history.Op{F: history.FGet}
		case roll < 8:
			values++
			return Put(fmt.Sprint("v", values))
		}
		values++
		return Cas(state[key], fmt.Sprint("v", values))
	}, func(key int, op *history.Op) {
		switch {
		case op.F == history.FGet:
			op.Got, op.Saw = state[key], true
		case op.F == history.FCas && op.Old != state[key]:
			op.Type, op.Got, op.Saw = history.Fail, state[key], true
		default:
			state[key] = op.Arg
		}
	})
	return h
}

// Collections lets a crowd add to (or append to, as f says) and read: two to one.
func Collections(h *Tape, c Crowd, f history.F) *Tape {
	state := make([][]string, c.Keys)
	values := 0
	c.Play(h, func(r *rand.Rand, _ int) history.Op {
		if r.IntN(3) == 0 {
			return history.Op{F: history.FRead, Final: true}
		}
		values++
		return history.Op{F: f, Arg: fmt.Sprint("v", values)}
	}, func(key int, op *history.Op) {
		if op.F == history.FRead {
			op.List, op.Saw = slices.Clone(state[key]), true
		} else {
			state[key] = append(state[key], op.Arg)
		}
	})
	return h
}

// Locks is operations on one lock, four at a time: somebody takes it while another
// is refused, writes, and releases it.
func Locks(h *Tape, operations int) *Tape {
	for n := 0; n < operations/4; n++ {
		name, token := fmt.Sprint("n", n), strconv.Itoa(n+1)
		p := n % 10
		h.Ask(p, Acquire(name, ""))
		h.Ask(10+p, Acquire("-"+name, ""))
		h.Answer(p, history.OK, Acquire(name, token))
		h.Answer(10+p, history.Fail, Acquire("-"+name, ""))
		h.Do(p, history.OK, Fence(name, token))
		h.Do(p, history.OK, Release(name, token))
	}
	return h
}

// Txns is transactions of 4 deeds, 10 at once, on 3 lists at a time of which each
// takes some 100 appends. stale makes one read near the end miss the appends before
// it.
func Txns(h *Tape, count int, stale bool) *Tape {
	const clients = 10
	next := Seeded(1)
	lists := map[string][]string{}
	open := make([]*Errand, clients)
	for n := range count + clients {
		c := n % clients
		if e := open[c]; e != nil {
			e.CarryOut(lists, false)
			e.Op.Type = history.OK
			if r := e.Op.Txn[2]; stale && n > count*9/10 && len(r.List) > 20 {
				e.Op.Txn[2].List, stale = r.List[:len(r.List)-20], false
			}
			h.Op(e.Op)
		}
		open[c] = nil
		if n >= count {
			continue
		}
		e := &Errand{Op: history.Op{F: history.FTxn, Process: c, Type: history.Invoke}}
		for i := range 4 {
			m := history.Micro{F: history.FRead, Key: fmt.Sprint("k", n/150*3+next(3))}
			if i < 2 {
				m.F, m.Arg = history.FAppend, fmt.Sprint("c", c, "-", n, "-", i)
			}
			e.Op.Txn = append(e.Op.Txn, m)
		}
		asked := e.Op
		asked.Txn = append([]history.Micro(nil), e.Op.Txn...)
		h.Op(asked)
		open[c] = e
	}
	return h
}
