package workload

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestTransactions(t *testing.T) {
	s := newSystem()
	w := NewTransactions()
	values := map[string]bool{}
	appends, reads, readers := 0, 0, 0
	for i, op := range play(w, s, 1, 10_000) {
		require.Equal(t, history.FTxn, op.F)
		require.Empty(t, op.Key)
		require.NotEmpty(t, op.Txn)
		require.LessOrEqual(t, len(op.Txn), 4)
		Writes := false
		for _, m := range op.Txn {
			if m.F == history.FRead {
				reads++
				continue
			}
			require.Equal(t, history.FAppend, m.F)
			require.False(t, values[m.Arg], "%s is appended twice", m.Arg)
			values[m.Arg] = true
			Writes = true
			appends++
		}
		if i%10%3 == 2 {
			require.False(t, Writes, "every third client only reads")
			readers++
		}
	}
	require.Equal(t, 3000, readers)
	require.InDelta(t, appends*9/5, reads, 1500)
	require.Greater(t, len(s.lists), 50, "lists are replaced")
	for name, list := range s.lists {
		require.LessOrEqual(t, len(list), listAppends, name)
	}
	final := map[string]bool{}
	for _, op := range w.Final() {
		require.LessOrEqual(t, len(op.Txn), finalReads)
		for _, m := range op.Txn {
			require.Equal(t, history.FRead, m.F)
			final[m.Key] = true
		}
	}
	for name := range s.lists {
		require.True(t, final[name], "%s is read in the end", name)
	}
}

func TestTransactionsRememberBoundedly(t *testing.T) {
	w := NewTransactions()
	for i := range 20 * listsFinal {
		w.replaceLocked(i%txnLists, i)
	}
	require.LessOrEqual(t, len(w.used), 2*listsFinal)
	require.Len(t, w.Final(), listsFinal/finalReads)
}
