package workload

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestPadded(t *testing.T) {
	s := newSystem()
	inner, err := s.dial("n1")
	require.NoError(t, err)
	c := Padded(inner, 100)
	do := func(op history.Op) history.Op {
		op.Key = "k"
		done, _ := c.Do(t.Context(), op)
		require.Equal(t, op.Arg, done.Arg)
		require.Equal(t, op.Old, done.Old)
		return done
	}
	require.Equal(t, history.OK, do(history.Op{F: history.FCas, Arg: "a"}).Type, "no value is not filled up")
	require.Len(t, s.values["k"], 100)
	require.Equal(t, "a", do(history.Op{F: history.FGet}).Got)
	require.Equal(t, history.OK, do(history.Op{F: history.FCas, Old: "a", Arg: "b"}).Type)
	require.Equal(t, "b", do(history.Op{F: history.FCas, Old: "a", Arg: "c"}).Got)
	done := do(history.Op{F: history.FTxn, Txn: []history.Micro{{F: history.FGet, Key: "k"}}})
	require.Equal(t, []history.Micro{{F: history.FGet, Key: "k", Got: "b", Saw: true}}, done.Txn)

	asked := []history.Micro{{F: history.FPut, Key: "k", Arg: "d"}}
	done = do(history.Op{F: history.FTxn, Txn: asked})
	require.Equal(t, "d", done.Txn[0].Arg)
	require.Equal(t, "d", asked[0].Arg, "what was asked is the caller's")
	require.Equal(t, history.OK, do(history.Op{F: history.FCas, Old: "d", Arg: "e"}).Type, "a cas knows what a transaction put")

	s.values["k"] = "b" + strings.Repeat(filler, 50)
	require.Equal(t, "b, filled up to 51 bytes instead of 100", do(history.Op{F: history.FGet}).Got)
	s.values["k"] = "b"
	require.Equal(t, "b", do(history.Op{F: history.FGet}).Got, "written by another operation")
	require.Equal(t, history.OK, do(history.Op{F: history.FPut, Arg: strings.Repeat("x", 200)}).Type)
	require.Equal(t, strings.Repeat("x", 200), do(history.Op{F: history.FGet}).Got)
}

// Sizes that vary are those of values: whoever compares one fills it up as who wrote it.
func TestVaried(t *testing.T) {
	s := newSystem()
	dial := func() Client {
		inner, err := s.dial("n1")
		require.NoError(t, err)
		return Varied(inner)
	}
	keys, sizes := NewKeys("k", KeyLimits{}), make(map[int]int)
	for i := range 400 {
		v := keys.Value(i % 10)
		done, _ := dial().Do(t.Context(), history.Op{F: history.FPut, Key: "k", Arg: v})
		require.Equal(t, v, done.Arg)
		sizes[min(len(s.values["k"]), 4001)/500]++
		done, _ = dial().Do(t.Context(), history.Op{F: history.FCas, Key: "k", Old: v, Arg: v + "x"})
		require.Equal(t, history.OK, done.Type)
		done, _ = dial().Do(t.Context(), history.Op{F: history.FGet, Key: "k"})
		require.Equal(t, v+"x", done.Got)
	}
	require.Greater(t, sizes[0], 150, "%v", sizes)
	require.Len(t, sizes, 8, "%v", sizes)
}
