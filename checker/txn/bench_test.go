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

func TestTransactionsFindOneStaleReadAmongMany(t *testing.T) {
	require.Equal(t, verdict.Valid, tape.Txns(tape.New(history.Run{}), 3000, false).Judge(newTransactions()).Verdict)
	got := tape.Txns(tape.New(history.Run{}), 3000, true).Judge(newTransactions())
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
			h := tape.Txns(tape.New(history.Run{}), count, bench.stale)
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
