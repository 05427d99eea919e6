package tape

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Errand is a transaction under way: on a true store, of which a part may go
// wrong.
type Errand struct {
	process int
	Op      history.Op
	step    int // how many of its deeds have taken effect
}

// DrawTxns makes a history of up to most transactions. Each takes effect at one
// instant, unless wild: then its deeds take effect one by one.
func DrawTxns(next Choices, most int, wild bool, lies int) *Tape {
	h := New(history.Run{})
	lists := map[string][]string{}
	var open []*Errand
	begun, values := 0, 0
	for range 100 {
		switch i := next(3); {
		case i == 0 && begun < most:
			begun++
			e := &Errand{process: begun, Op: history.Op{F: history.FTxn}}
			for range 1 + next(3) {
				m := history.Micro{F: history.FRead, Key: string(rune('x' + next(2)))}
				if next(2) == 0 {
					values++
					m.F, m.Arg = history.FAppend, fmt.Sprint(values)
				}
				e.Op.Txn = append(e.Op.Txn, m)
			}
			asked := e.Op
			asked.Process, asked.Type, asked.Txn = e.process, history.Invoke, slices.Clone(e.Op.Txn)
			h.Op(asked)
			open = append(open, e)
		case len(open) == 0:
			if begun == most {
				return h
			}
		case i == 1:
			open[next(len(open))].CarryOut(lists, wild)
		default:
			i := next(len(open))
			e := open[i]
			open = slices.Delete(open, i, i+1)
			e.finish(h, next, lists, lies)
		}
	}
	return h
}

// CarryOut takes effect, as a whole or one deed further.
func (e *Errand) CarryOut(lists map[string][]string, wild bool) {
	for e.step < len(e.Op.Txn) {
		m := &e.Op.Txn[e.step]
		if m.F == history.FAppend {
			lists[m.Key] = append(slices.Clone(lists[m.Key]), m.Arg)
		} else {
			m.List, m.Saw = lists[m.Key], true
		}
		if e.step++; wild {
			return
		}
	}
}

// finish answers, truly or not, or does not answer.
func (e *Errand) finish(h *Tape, next Choices, lists map[string][]string, lies int) {
	op := e.Op
	op.Process, op.Type = e.process, history.Info
	if roll := next(6); roll > 0 || e.step == 0 && next(2) == 0 {
		op.Type = history.OK
		if e.step == 0 && next(2) == 0 {
			op.Type = history.Fail
		} else {
			e.CarryOut(lists, false)
		}
	}
	op.Txn = slices.Clone(e.Op.Txn)
	for i := range op.Txn {
		m := &op.Txn[i]
		if op.Type != history.OK {
			m.List, m.Saw = nil, false
		} else if next(32) == 0 {
			m.List, m.Saw = nil, false // the answer does not tell
		} else if m.Saw && next(8) < lies {
			m.List = Distort(next, m.List)
		}
	}
	if op.Type == history.OK && next(16) < lies {
		op.Type = history.Fail // it says so, but it happened
		for i := range op.Txn {
			op.Txn[i].List, op.Txn[i].Saw = nil, false
		}
	}
	h.Op(op)
}

// lie changes a list a little.
func Distort(next Choices, values []string) []string {
	out := slices.Clone(values)
	n := len(out)
	switch {
	case n == 0 || next(8) == 0:
		return append(out, fmt.Sprint(1+next(6)))
	case n > 1 && next(3) == 0:
		i := next(n - 1)
		out[i], out[i+1] = out[i+1], out[i]
	case next(4) == 0:
		i := next(n)
		return slices.Delete(out, i, i+1)
	default:
		return out[:next(n)]
	}
	return out
}
