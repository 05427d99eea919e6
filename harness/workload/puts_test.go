package workload

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestPutsReadBackWhatMayBeLost(t *testing.T) {
	w, r := NewPuts(), stream(1, "client 0")
	put := func(outcome history.OpType) string {
		for {
			op := w.Next(0, r)
			if op.F == history.FPut {
				op.Type = outcome
				w.Done(0, op)
				return op.Key
			}
			op.Type = history.OK
			w.Done(0, op)
		}
	}
	var last string
	for range 3 * putsFinal {
		last = put(history.OK)
	}
	require.Len(t, w.Final(), putsFinal)
	put(history.Info)
	again := w.Next(2, r)
	require.Equal(t, history.Op{F: history.FGet, Key: last}, again, "the newest first")
	again.Type = history.Fail
	w.Done(2, again)
	for i := range putsSuspected {
		op := w.Next(0, r)
		require.Equal(t, history.FGet, op.F)
		if i == 0 {
			require.Equal(t, last, op.Key, "until it is told")
		}
		op.Type = history.OK
		w.Done(0, op)
	}
	put(history.OK)
}
