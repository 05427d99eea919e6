package workload

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// A system that is read finally only is written to by everybody, each value once, and
// its keys are read in the end as ever.
func TestReadLast(t *testing.T) {
	for _, name := range []string{"mixed", "register", "set", "append"} {
		w, err := For(name, []history.F{history.FGet, history.FPut, history.FAdd, history.FAppend, history.FRead})
		require.NoError(t, err)
		w, err = ReadLast(w)
		require.NoError(t, err)
		require.Equal(t, name, w.Name())
		seen := make(map[string]bool)
		asked := play(w, newSystem(), 7, 5000)
		for _, op := range asked {
			require.True(t, Writes(op.F), op)
			require.False(t, seen[op.Key+op.Arg], op)
			seen[op.Key+op.Arg] = true
		}
		require.Len(t, seen, 5000)
		final := make(map[string]bool)
		for _, op := range w.Final() {
			require.False(t, Writes(op.F))
			final[op.Key] = true
		}
		require.True(t, final[asked[len(asked)-1].Key])
	}
	for _, name := range []string{"puts", "lock", "transactions", "churn"} {
		w, err := Named(name)
		require.NoError(t, err)
		_, err = ReadLast(w)
		require.ErrorContains(t, err, "has to read all the time")
	}
}
