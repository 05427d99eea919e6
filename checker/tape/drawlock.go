package tape

import (
	"fmt"
	"strconv"

	"github.com/usurper/usurper/harness/history"
)

// DrawLock makes a history of a true lock of which some answers are false.
func DrawLock(next Choices, steps, lies int) *Tape {
	var holder string
	var token, passed uint64
	names := 0
	format := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return drawing{
		steps: steps, open: 3,
		ask: func() history.Op {
			op := history.Op{F: history.FAcquire, Key: "l", Arg: fmt.Sprint("n", names)}
			switch next(5) {
			case 0, 1:
				names++
			case 2, 3:
				op.F, op.Arg = history.FRelease, fmt.Sprint("n", next(names+1))
				if holder != "" && next(4) > 0 {
					op.Arg = holder
				}
			default:
				op.F, op.Old = history.FFenced, format(1+uint64(next(3)))
			}
			return op
		},
		take: func(op *history.Op) {
			switch old, _ := strconv.ParseUint(op.Old, 10, 64); {
			case op.F == history.FAcquire && holder == "":
				token++
				holder, op.Got = op.Arg, format(token)
			case op.F == history.FRelease && holder == op.Arg:
				holder, op.Got = "", format(token)
			case op.F == history.FFenced && old >= passed:
				passed = old
			default:
				op.Type = history.Fail
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) >= lies {
				return outcome
			}
			if op.F != history.FFenced {
				op.Got = format(1 + uint64(next(4)))
			}
			return history.OK
		},
	}.draw(next)
}
