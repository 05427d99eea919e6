package workload

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// play has ten clients take turns for so many operations, against s, and
// returns what they asked.
func play(w Workload, s *system, seed uint64, operations int) []history.Op {
	streams := make([]*rand.Rand, 10)
	for i := range streams {
		streams[i] = stream(seed, "client "+string(rune('0'+i)))
	}
	var asked []history.Op
	for i := range operations {
		client := i % len(streams)
		op := w.Next(client, streams[client])
		asked = append(asked, op)
		w.Done(client, s.apply(op))
	}
	return asked
}

func TestSeedFixesWhatIsAsked(t *testing.T) {
	for _, name := range Names() {
		first, err := Named(name)
		require.NoError(t, err)
		second, err := Named(name)
		require.NoError(t, err)
		third, err := Named(name)
		require.NoError(t, err)
		a := play(first, newSystem(), 7, 2000)
		require.Equal(t, a, play(second, newSystem(), 7, 2000), name)
		require.NotEqual(t, a, play(third, newSystem(), 8, 2000), name)
		require.Equal(t, first.Final(), second.Final(), name)
	}
}

func TestNamed(t *testing.T) {
	require.Contains(t, Names(), Default)
	w, err := Named("")
	require.NoError(t, err)
	require.Equal(t, Default, w.Name())
	_, err = Named("bank")
	require.ErrorContains(t, err, "mixed, register, set, append")
}

func TestSetSizes(t *testing.T) {
	s := newSystem()
	w := NewSet()
	asked := play(w, s, 1, 10_000)
	for key, list := range s.lists {
		require.LessOrEqual(t, len(list), 300, key)
	}
	reads := map[string]int{}
	for _, op := range asked {
		if op.F == history.FRead {
			reads[op.Key]++
		}
	}
	require.InDelta(t, 10_000*setReads/100, sum(reads), 80)
	require.Greater(t, len(reads), 15, "reads go back to sets that are full")
	require.Len(t, w.Final(), len(s.lists), "the last reads are of every set")
}

func TestMixedKeepsKeysApart(t *testing.T) {
	for _, op := range play(NewMixed(), newSystem(), 1, 3000) {
		isSet := op.F == history.FAdd || op.F == history.FRead
		require.Equal(t, isSet, strings.HasPrefix(op.Key, "s"), "%s of %s", op.F, op.Key)
	}
}

func TestRegisterDeletesAndStartsAgain(t *testing.T) {
	deleted, swapped, failed := 0, 0, 0
	s := newSystem()
	w, r := NewRegister(), stream(1, "client 0")
	for range 10_000 {
		op := w.Next(0, r)
		missing := s.values[op.Key] == ""
		done := s.apply(op)
		w.Done(0, done)
		switch {
		case op.F == history.FDelete:
			require.Empty(t, op.Arg)
			deleted++
		case op.F == history.FCas && op.Old == "" && done.Type == history.OK:
			swapped++
		case op.F == history.FCas && missing && done.Type == history.Fail:
			failed++
		}
	}
	require.InDelta(t, 10_000/40, deleted, 60)
	require.Positive(t, swapped, "a cas that expects no value")
	require.Zero(t, failed, "one client alone expects what is there")
}

func TestForLeavesOutWhatASystemLacks(t *testing.T) {
	w, err := For("register", []history.F{history.FGet, history.FPut})
	require.NoError(t, err)
	seen := map[history.F]int{}
	for _, op := range play(w, newSystem(), 1, 2000) {
		seen[op.F]++
		require.Empty(t, op.Old)
	}
	require.Len(t, seen, 2, "%v", seen)
	require.Positive(t, seen[history.FGet])
	require.Positive(t, seen[history.FPut])
}

func TestRotationRemembersBoundedly(t *testing.T) {
	rotation := newRotation("r", bounds{operations: 1, final: 20})
	for range 1000 {
		k := rotation.takeLocked(0)
		require.NotNil(t, rotation.doneLocked(&history.Op{F: history.FPut, Key: k.name, Type: history.OK}))
	}
	require.LessOrEqual(t, len(rotation.used), 40)
	require.Empty(t, rotation.open)
	final := rotation.final(history.FGet)
	require.Len(t, final, 20)
	require.Equal(t, history.Op{F: history.FGet, Key: "r0-999"}, final[19])
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func BenchmarkMixed(b *testing.B) {
	w, r := NewMixed(), stream(1, "client 0")
	b.ReportAllocs()
	for b.Loop() {
		op := w.Next(0, r)
		op.Type = history.OK
		w.Done(0, op)
	}
}
