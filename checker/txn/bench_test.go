package txn_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// manyTxns is a history of transactions of 4 deeds, 10 at once, on 3 lists at a
// time of which each takes some 100 appends. stale makes one read near the end miss
// the append before it.
func manyTxns(count int, stale bool) *tape.Tape {
	const clients = 10
	h := tape.New(history.Run{})
	next := tape.Seeded(1)
	lists := map[string][]string{}
	open := make([]*tape.Errand, clients)
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
		e := &tape.Errand{Op: history.Op{F: history.FTxn, Process: c, Type: history.Invoke}}
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

func TestTransactionsFindOneStaleReadAmongMany(t *testing.T) {
	require.Equal(t, verdict.Valid, manyTxns(3000, false).Judge(newTransactions()).Verdict)
	got := manyTxns(3000, true).Judge(newTransactions())
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.LessOrEqual(t, len(got.Violations[0].Events), 6, got.Summary)
}

// A component of the size of the history, in which nothing short is to be found,
// costs no more than the budget.
func TestTransactionsOfOneLongCycle(t *testing.T) {
	const count = 20_000
	h := tape.New(history.Run{})
	text := func(i int) string { return fmt.Sprintf("append k%d 1, read k%d 1", i, (i+1)%count) }
	for i := range count {
		h.AskTxn(i, text(i))
	}
	for i := range count {
		h.AnswerTxn(i, history.OK, text(i))
	}
	got := h.Judge(newTransactions())
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.Equal(t, "G1c", got.Violations[0].Rule)
	require.Contains(t, got.Summary, "19985 more lead back to T1")
	require.Len(t, got.Violations[0].Events, 32)
}

func BenchmarkTransactions(b *testing.B) {
	const count = 100_000
	for _, bench := range []struct {
		name  string
		stale bool
		want  verdict.Verdict
	}{{"valid", false, verdict.Valid}, {"stale", true, verdict.Invalid}} {
		b.Run(bench.name, func(b *testing.B) {
			h := manyTxns(count, bench.stale)
			before := tape.Heap()
			var c verdict.Checker
			for b.Loop() {
				c = newTransactions()
				if got := h.Judge(c); got.Verdict != bench.want {
					b.Fatal(got.Summary)
				}
			}
			b.ReportMetric(float64(tape.Heap()-before)/count, "B/transaction")
			b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
			runtime.KeepAlive(c)
			runtime.KeepAlive(h)
		})
	}
}
