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
