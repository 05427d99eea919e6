package tape

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/usurper/usurper/harness/history"
)

// DrawMutex makes a history of a true lock without names, with fencing tokens or
// without, of which some answers are false.
func DrawMutex(next Choices, steps, lies int, tokens bool) *Tape {
	held, token := false, 0
	return drawing{
		steps: steps, open: 3,
		ask: func() history.Op {
			op := history.Op{F: "lock", Key: "m"}
			if held == (next(4) > 0) {
				op.F = "unlock"
			}
			return op
		},
		take: func(op *history.Op) {
			if (op.F == "lock") == held {
				op.Type = history.Fail
				return
			}
			if held = !held; held && tokens {
				token++
				op.Got, op.Saw = strconv.Itoa(token), true
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) >= lies {
				return outcome
			}
			if op.F == "lock" && tokens {
				op.Got, op.Saw = strconv.Itoa(1+next(token+2)), true
			}
			return history.OK
		},
	}.draw(next)
}

// DrawQueue makes a history of a true queue, first in first out or not, of which some
// answers are false. With few above 0 there are no more values than that.
func DrawQueue(next Choices, steps, lies, few int, fifo bool) *Tape {
	var held []string
	n := 0
	return drawing{
		steps: steps, open: 3,
		ask: func() history.Op {
			if next(2) == 0 {
				return history.Op{F: "dequeue", Key: "q"}
			}
			n++
			op := history.Op{F: "enqueue", Key: "q", Arg: fmt.Sprint("v", n)}
			if few > 0 {
				op.Arg = fmt.Sprint("v", next(few))
			}
			return op
		},
		take: func(op *history.Op) {
			switch {
			case op.F == "enqueue":
				held = append(held, op.Arg)
			case len(held) == 0 && next(2) == 0:
				op.Type = history.Fail
			case len(held) == 0:
				op.Saw = true
			default:
				at := 0
				if !fifo {
					at = next(len(held))
				}
				op.Got, op.Saw = held[at], true
				held = slices.Delete(held, at, at+1)
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) >= lies || op.F == "enqueue" && next(3) > 0 {
				return outcome
			}
			if op.F == "enqueue" {
				return history.Fail
			}
			if op.Got, op.Saw = "", true; next(4) > 0 && n > 0 {
				op.Got = fmt.Sprint("v", 1+next(n))
			}
			return history.OK
		},
	}.draw(next)
}

// DrawCounter makes a history of a true counter of which some answers are false. What is
// added is one of the amounts.
func DrawCounter(next Choices, steps, lies int, amounts ...int) *Tape {
	value := 0
	return drawing{
		steps: steps, open: 3,
		ask: func() history.Op {
			if next(2) == 0 {
				return history.Op{F: "count", Key: "c"}
			}
			return history.Op{F: "increment", Key: "c", Arg: strconv.Itoa(amounts[next(len(amounts))])}
		},
		take: func(op *history.Op) {
			if op.F == "count" {
				op.Got, op.Saw = strconv.Itoa(value), true
				return
			}
			amount, _ := strconv.Atoi(op.Arg)
			value += amount
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) >= lies {
				return outcome
			}
			if op.F == "increment" {
				return history.Fail
			}
			op.Got = strconv.Itoa(value + amounts[next(len(amounts))]*(next(3)-1))
			return history.OK
		},
	}.draw(next)
}
