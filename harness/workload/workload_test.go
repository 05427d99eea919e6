package workload

import (
	"math/rand/v2"
	"strconv"
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

// What a system's mixed workload is made of is its own to say.
func TestMixedOfChurn(t *testing.T) {
	w, err := MixedOf("churn", nil)
	require.NoError(t, err)
	require.Equal(t, "mixed", w.Name())
	deeds := map[history.F]int{}
	asked := play(w, newSystem(), 1, 10_000)
	for _, op := range asked {
		deeds[op.F]++
		isSet := op.F == history.FAdd || op.F == history.FRead
		require.Equal(t, isSet, strings.HasPrefix(op.Key, "s"), "%s of %s", op.F, op.Key)
	}
	for _, f := range []history.F{history.FTxn, history.FCas, history.FGrant, history.FCompact, history.FAdd, history.FRead} {
		require.Positive(t, deeds[f], f)
	}
	require.Greater(t, deeds[history.FTxn], len(asked)/4, "it churns as before")
	finally := map[history.F]int{}
	for _, op := range w.Final() {
		finally[op.F]++
	}
	require.Positive(t, finally[history.FGet])
	require.Positive(t, finally[history.FRead])

	usual, err := MixedOf("", nil)
	require.NoError(t, err)
	require.Equal(t, play(NewMixed(), newSystem(), 1, 1000), play(usual, newSystem(), 1, 1000))
	_, err = MixedOf("sets", nil)
	require.ErrorContains(t, err, `mixed of "sets": use register or churn`)
	few := []history.F{history.FGet, history.FPut, history.FAdd, history.FRead}
	_, err = MixedOf("churn", few)
	require.ErrorContains(t, err, "mixed of churn needs [txn grant")
	_, err = MixedOf("register", few)
	require.NoError(t, err)
	_, err = ReadLast(w)
	require.ErrorContains(t, err, `workload "mixed" has to read all the time`)
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

// Those who only read look at keys that are used up as well, a few times.
func TestRegisterLooksBack(t *testing.T) {
	newest, operations, back := map[string]int{}, map[string]int{}, 0
	for _, op := range play(NewRegister(), newSystem(), 10, 10_000) {
		group, number, ok := strings.Cut(op.Key, "-")
		require.True(t, ok)
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		if n < newest[group] {
			require.Equal(t, history.FGet, op.F)
			require.LessOrEqual(t, newest[group]-n, 2*lookBack)
			back++
		}
		newest[group] = max(newest[group], n)
		operations[op.Key]++
		require.LessOrEqual(t, operations[op.Key], 100+moreReads)
	}
	require.InDelta(t, 10_000*3/10/3, back, 400)
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

// A key is retired after so many operations, with so many unanswered at most, and
// is shared by five clients.
func TestKeysRetire(t *testing.T) {
	keys := NewKeys("q", KeyLimits{Operations: 10, Unanswered: 3, Final: 2})
	for i := range 25 {
		key := keys.Take(i % 5)
		require.Equal(t, "q0-"+string(rune('0'+i/10)), key)
		keys.Done(history.Op{F: "enqueue", Key: key, Type: history.OK})
	}
	require.Equal(t, "q1-0", keys.Take(5), "another group")
	used := make(map[string]int)
	for range 9 {
		key := keys.Take(0)
		used[key]++
		keys.Done(history.Op{F: "enqueue", Key: key, Type: history.Info})
	}
	require.Equal(t, map[string]int{"q0-2": 3, "q0-3": 3, "q0-4": 3}, used)
	require.Equal(t, "q0-5", keys.Take(0))
	require.Equal(t, "q0-5", keys.Take(1))
	require.Equal(t, "q0-5", keys.Take(2))
	require.Equal(t, "q0-6", keys.Take(3), "what is open may yet end without an answer")
	keys.Done(history.Op{F: "enqueue", Key: "elsewhere", Type: history.OK})
	require.Equal(t, []history.Op{{F: "depth", Key: "q0-5"}, {F: "depth", Key: "q0-6"}}, keys.Final("depth"))
	require.NotEqual(t, keys.Value(1), keys.Value(1))

	standard := NewKeys("d", KeyLimits{})
	for range 100 {
		key := standard.Take(0)
		require.Equal(t, "d0-0", key)
		standard.Done(history.Op{F: "dequeue", Key: key, Type: history.OK})
	}
	require.Equal(t, "d0-1", standard.Take(0))
}
