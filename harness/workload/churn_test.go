package workload

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestChurnWritesItsBulkFirst(t *testing.T) {
	w, r := NewChurn(), stream(1, "client 0")
	want := bulkKeys / bulkTxn
	seen := map[string]bool{}
	for i := 0; i <= want; i++ { // one of them is made again
		op := w.Next(0, r)
		require.Equal(t, history.FTxn, op.F)
		require.Empty(t, op.Key, "the bulk is written on no condition")
		require.Len(t, op.Txn, bulkTxn)
		op.Type = history.OK
		if i == 3 {
			op.Type = history.Fail
		} else {
			for _, m := range op.Txn {
				require.False(t, seen[m.Key], m.Key)
				require.True(t, strings.HasPrefix(m.Key, bulkName))
				seen[m.Key] = true
			}
		}
		w.Done(0, op)
	}
	require.Len(t, seen, bulkKeys)
	for _, op := range play(w, newSystem(), 1, 2000) {
		for _, m := range op.Txn {
			require.False(t, strings.HasPrefix(m.Key, bulkName), "the bulk is written once")
		}
	}
}

func TestChurnDoesEverything(t *testing.T) {
	deeds, within, conditions := map[history.F]int{}, map[history.F]int{}, 0
	leases := map[string]bool{}
	for _, op := range play(NewChurn(), newSystem(), 1, 10_000)[bulkKeys/bulkTxn:] {
		deeds[op.F]++
		keys := map[string]bool{}
		for _, m := range op.Txn {
			within[m.F]++
			require.False(t, keys[m.Key], "etcd refuses to write a key twice")
			keys[m.Key] = true
		}
		switch op.F {
		case history.FTxn:
			require.GreaterOrEqual(t, len(op.Txn), 2)
			if op.Key != "" {
				conditions++
			}
		case history.FGrant:
			ttl, err := time.ParseDuration(op.Arg)
			require.NoError(t, err)
			require.Positive(t, ttl)
			require.False(t, leases[op.Key], "a lease is granted once")
			leases[op.Key] = true
		case history.FAttach:
			require.True(t, leases[op.Old])
			require.True(t, strings.HasPrefix(op.Key, "of-"), "a key of its own")
		case history.FRevoke:
			require.True(t, leases[op.Key])
		}
	}
	for _, f := range []history.F{
		history.FGet, history.FPut, history.FCas, history.FDelete, history.FTxn,
		history.FGrant, history.FAttach, history.FRevoke, history.FCompact,
	} {
		require.Positive(t, deeds[f], f)
	}
	for _, f := range []history.F{history.FGet, history.FPut, history.FDelete} {
		require.Positive(t, within[f], f)
	}
	require.Greater(t, conditions, deeds[history.FTxn]/2)
}

func TestChurnNeedsTransactions(t *testing.T) {
	_, err := For("churn", []history.F{history.FGet, history.FPut, history.FAdd, history.FRead})
	require.ErrorContains(t, err, `[txn grant attach revoke compact]`)
}
