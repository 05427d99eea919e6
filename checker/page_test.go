package checker_test

import (
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Whatever lacks an order can be drawn, with few operations about it.
func TestWriteHTML(t *testing.T) {
	t.Parallel()
	drawn := 0
	for seed := range uint64(16) {
		events := tape.Cell(rand.New(rand.NewPCG(seed, 5)), 300, 100)
		judge := register.New(verdict.Options{})
		for i := range events {
			judge.Event(&events[i])
		}
		var out strings.Builder
		page, err := checker.WriteHTML(&out, "r", tape.Ranged(events))
		if judge.Finish().Verdict != verdict.Invalid {
			require.ErrorIs(t, err, model.ErrOrdered)
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
	_, err := checker.WriteHTML(io.Discard, "elsewhere", tape.Ranged(nil))
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
	page, err := checker.WriteHTML(&out, "r", tape.Ranged(events))
	require.NoError(t, err)
	require.Equal(t, 3, page.Operations)
	require.Contains(t, out.String(), "in a transaction at ?")
}

// A page of a model shows the shortest beginning without an order.
func TestModelWriteHTML(t *testing.T) {
	t.Parallel()
	counter := model.Model[int]{
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
	page, err := counter.WriteHTML(&out, "k", tape.Ranged(events))
	require.NoError(t, err)
	require.Equal(t, 3, page.Operations)
	require.Contains(t, out.String(), `count k = \"2\"`)
	_, err = counter.WriteHTML(io.Discard, "k", tape.Ranged(events[:4]))
	require.ErrorIs(t, err, model.ErrOrdered)
	_, err = counter.WriteHTML(io.Discard, "q", tape.Ranged(events))
	require.ErrorIs(t, err, model.ErrOrdered)
}
