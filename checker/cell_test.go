package checker_test

import (
	"io"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// cellHistory is what a register answered six clients at once; one in so many reads
// lies, 0 for none. Values repeat, and are deleted.
func cellHistory(r *rand.Rand, operations, lies int) []history.Event {
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

func ranged(events []history.Event) iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for i := range events {
			if !yield(&events[i], nil) {
				return
			}
		}
	}
}

// Whatever lacks an order can be drawn, with few operations about it.
func TestWriteHTML(t *testing.T) {
	t.Parallel()
	drawn := 0
	for seed := range uint64(16) {
		events := cellHistory(rand.New(rand.NewPCG(seed, 5)), 300, 100)
		judge := checker.NewLinearizable(checker.Options{})
		for i := range events {
			judge.Event(&events[i])
		}
		var out strings.Builder
		page, err := checker.WriteHTML(&out, "r", ranged(events))
		if judge.Finish().Verdict != checker.Invalid {
			require.ErrorIs(t, err, checker.ErrOrdered)
			require.Empty(t, out.String())
			continue
		}
		require.NoError(t, err)
		require.Contains(t, out.String(), "part of the proof")
		require.LessOrEqual(t, page.Operations, 100+16)
		require.Less(t, page.From, page.To)
		drawn++
	}
	require.Greater(t, drawn, 4)
	_, err := checker.WriteHTML(io.Discard, "elsewhere", ranged(nil))
	require.ErrorContains(t, err, `key "elsewhere": the history has no get, put, cas or delete of it`)
}

// Transactions are drawn as what they do to the key.
func TestWriteHTMLOfTransactions(t *testing.T) {
	t.Parallel()
	var events []history.Event
	txn := func(process int, m history.Micro) {
		for _, typ := range []history.OpType{history.Invoke, history.OK} {
			op := history.Op{Process: process, Type: typ, F: history.FTxn, Txn: []history.Micro{m, {F: history.FPut, Key: "other", Arg: "x"}}}
			if typ == history.Invoke {
				op.Txn[0].Got, op.Txn[0].Saw = "", false
			}
			events = append(events, history.Event{Seq: uint64(len(events)), Op: &op})
		}
	}
	txn(1, history.Micro{F: history.FPut, Key: "r", Arg: "a"})
	txn(2, history.Micro{F: history.FPut, Key: "r", Arg: "b"})
	txn(3, history.Micro{F: history.FGet, Key: "r", Got: "a", Saw: true})
	var out strings.Builder
	page, err := checker.WriteHTML(&out, "r", ranged(events))
	require.NoError(t, err)
	require.Equal(t, 3, page.Operations)
	require.Contains(t, out.String(), "in a transaction at ?")
}

// A page of a model shows the shortest beginning without an order.
func TestModelWriteHTML(t *testing.T) {
	t.Parallel()
	counter := checker.Model[int]{
		Name: "counter",
		Ops:  []history.F{"count"},
		Init: func(string) int { return 0 },
		Step: func(n int, op *history.Op) []int {
			if op.Type == history.OK && op.Got != strconv.Itoa(n+1) {
				return nil
			}
			return []int{n + 1}
		},
	}
	var events []history.Event
	for _, got := range []string{"1", "2", "2", "3"} {
		op := history.Op{Type: history.Invoke, F: "count", Key: "k", Node: "n1"}
		done := op
		done.Type, done.Got = history.OK, got
		events = append(events, history.Event{Seq: uint64(len(events)), Op: &op}, history.Event{Seq: uint64(len(events) + 1), Op: &done})
	}
	var out strings.Builder
	page, err := counter.WriteHTML(&out, "k", ranged(events))
	require.NoError(t, err)
	require.Equal(t, 3, page.Operations)
	require.Contains(t, out.String(), `count k = \"2\"`)
	_, err = counter.WriteHTML(io.Discard, "k", ranged(events[:4]))
	require.ErrorIs(t, err, checker.ErrOrdered)
	_, err = counter.WriteHTML(io.Discard, "q", ranged(events))
	require.ErrorIs(t, err, checker.ErrOrdered)
}
