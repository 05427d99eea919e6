package tape

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Growth is what a drawn history of a set or list may have.
type Growth struct {
	F      history.F
	Steps  int
	Lies   int  // of 8 answers, how many may be false
	Few    int  // values there are to add; 0: every addition has one of its own
	Copies bool // a set shows a value as often as it was added
}

// DrawGrowing makes a history of one set or list of which every value is added once.
func DrawGrowing(next Choices, steps, lies int, f history.F) *Tape {
	return Growth{F: f, Steps: steps, Lies: lies}.Draw(next)
}

// Draw makes a history of one set or list, whose reads are sometimes false, and
// which ends with a final read.
func (g Growth) Draw(next Choices) *Tape {
	var state []string
	values := 0
	arg := func() string {
		if g.Few > 0 {
			return fmt.Sprint("v", next(g.Few))
		}
		values++
		return fmt.Sprint("v", values-1)
	}
	h := drawing{
		steps: g.Steps, open: 3,
		ask: func() history.Op {
			op := history.Op{F: history.FRead, Key: "s"}
			if next(2) == 0 {
				op.F, op.Arg = g.F, arg()
			}
			return op
		},
		take: func(op *history.Op) {
			if op.F == history.FRead {
				op.List, op.Saw = slices.Clone(state), true
			} else if g.F == history.FAppend || g.Copies || !slices.Contains(state, op.Arg) {
				state = append(state, op.Arg)
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) < g.Lies {
				return falsify(op, next)
			}
			return outcome
		},
	}.draw(next)
	h.Do(g.Steps+1, history.OK, Final(state...))
	return h
}

// falsify makes an answer one that may be wrong.
func falsify(op *history.Op, next Choices) history.OpType {
	list := op.List
	switch {
	case op.F != history.FRead:
		if next(4) == 0 {
			return history.Fail
		}
	case len(list) > 1 && next(2) == 0:
		i := next(len(list) - 1)
		list[i], list[i+1] = list[i+1], list[i]
	case len(list) > 0 && next(3) > 0:
		i := next(len(list))
		op.List = slices.Delete(list, i, i+1)
	default:
		op.List = append(list, fmt.Sprint("v", next(6)))
	}
	return history.OK
}
