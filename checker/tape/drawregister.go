package tape

import (
	"fmt"

	"github.com/usurper/usurper/harness/history"
)

// shape is what a drawn history may have.
type RegisterShape struct {
	Steps int
	Open  int  // operations at once
	Lies  int  // of 4 answers, how many may be false
	Plain bool // every value is written once, and nothing is deleted
}

// draw makes a history of one key: of a true register whose answers are
// sometimes false.
func DrawRegister(next Choices, s RegisterShape) *Tape {
	values, state := []string{""}, ""
	return drawing{
		steps: s.Steps, open: s.Open,
		ask: func() history.Op {
			op := history.Op{F: []history.F{history.FGet, history.FGet, history.FPut, history.FCas, history.FCas, history.FDelete}[next(6)]}
			if op.F == history.FDelete && s.Plain {
				op.F = history.FPut
			}
			if op.F == history.FCas {
				op.Old = values[max(next(len(values)), next(len(values)))]
			}
			if op.F == history.FPut || op.F == history.FCas {
				op.Arg = fmt.Sprint("v", len(values))
				if !s.Plain {
					op.Arg = fmt.Sprint("v", next(3))
				}
				values = append(values, op.Arg)
			}
			return op
		},
		take: func(op *history.Op) {
			switch {
			case op.F == history.FGet:
				op.Got, op.Saw = state, true
			case op.F == history.FCas && state != op.Old:
				op.Got, op.Saw = state, next(4) > 0
				op.Type = history.Fail
			default:
				state = op.Arg
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(4) >= s.Lies {
				return outcome
			}
			switch {
			case op.Saw:
				op.Got = values[next(len(values))]
			case op.F == history.FCas:
				return history.OK
			case op.F == history.FPut && next(4) == 0:
				return history.Fail
			}
			return outcome
		},
	}.draw(next)
}
