package tape

import (
	"iter"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// cellHistory is what a register answered six clients at once; one in so many reads
// lies, 0 for none. Values repeat, and are deleted.
func Cell(r *rand.Rand, operations, lies int) []history.Event {
	var events []history.Event
	add := func(op history.Op) {
		events = append(events, history.Event{Seq: uint64(len(events)), At: time.Duration(len(events)) * time.Millisecond, Op: &op})
	}
	held := ""
	open := make(map[int]*history.Op) // by client; took effect once Sends is 1
	var late []*history.Op            // without an answer, not in effect yet
	process := []int{0, 1, 2, 3, 4, 5}
	apply := func(op *history.Op) {
		op.Sends = 1
		switch {
		case op.F == history.FGet, op.F == history.FCas && op.Old != held:
			op.Got, op.Saw = held, true
		case op.F == history.FDelete:
			held = ""
		default:
			held = op.Arg
		}
	}
	for n := 0; n < operations; {
		client := r.IntN(len(process))
		op := open[client]
		switch {
		case len(late) > 0 && r.IntN(20) == 0:
			apply(late[0])
			late = late[1:]
		case op == nil:
			op = &history.Op{Process: process[client], Type: history.Invoke, Key: "r", Node: "n1"}
			op.F = []history.F{history.FGet, history.FGet, history.FPut, history.FCas, history.FDelete}[r.IntN(5)]
			if op.F == history.FPut || op.F == history.FCas {
				op.Arg = strconv.Itoa(r.IntN(n + 3))
			}
			if op.F == history.FCas {
				op.Old = held
			}
			add(*op)
			open[client] = op
			n++
		case op.Sends == 0 && r.IntN(12) == 0:
			late = append(late, op)
			done := *op
			done.Type = history.Info
			add(done)
			process[client] += len(process)
			delete(open, client)
		case op.Sends == 0:
			apply(op)
		default:
			done := *op
			done.Type, done.Sends = history.OK, 0
			if op.F == history.FCas && op.Saw {
				done.Type = history.Fail
			} else if op.F == history.FGet && lies > 0 && r.IntN(lies) == 0 {
				done.Got = strconv.Itoa(r.IntN(n + 3))
			}
			add(done)
			delete(open, client)
		}
	}
	return events
}

// Ranged goes over events as a reader does.
func Ranged(events []history.Event) iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for i := range events {
			if !yield(&events[i], nil) {
				return
			}
		}
	}
}
