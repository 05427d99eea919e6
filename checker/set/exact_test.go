package set_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// growing judges a set or list by porcupine alone, if it can in time.
func growing(events []history.Event, f history.F) porcupine.CheckResult {
	operations := tape.AsOperations(events)
	asks := func(o porcupine.Operation) string {
		if op := o.Input.(tape.Input).Op; op.F == f && op.Type != history.Fail {
			return op.Arg
		}
		return ""
	}
	for _, o := range operations {
		if i := o.Input.(tape.Input); i.Sure && i.Op.F == history.FRead && f == history.FAdd && overshown(i.Op.List, o.Return, operations, asks) {
			return porcupine.Illegal
		}
	}
	return porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			i, held := input.(tape.Input), state.(string)
			list := strings.Fields(held)
			switch {
			case i.Op.Type == history.Fail, i.Op.F == history.FRead && !i.Sure:
				return true, held
			case i.Op.F == history.FRead && f == history.FAppend:
				return slices.Equal(i.Op.List, list), held
			case i.Op.F == history.FRead:
				got := slices.Sorted(slices.Values(i.Op.List))
				return slices.Equal(slices.Compact(got), list), held
			case f == history.FAdd && slices.Contains(list, i.Op.Arg):
				return true, held
			case f == history.FAdd:
				list = append(list, i.Op.Arg)
				slices.Sort(list)
				return true, strings.Join(list, " ")
			}
			return true, strings.TrimSpace(held + " " + i.Op.Arg)
		},
		Hash: func(state any) uint64 { return xxhash.Sum64String(state.(string)) },
	}, operations, 2*time.Second)
}

// overshown tells whether a read shows a value more often than that had been asked
// for when it returned, and more than once: how often shows in no set.
func overshown(list []string, ret int64, operations []porcupine.Operation, asks func(porcupine.Operation) string) bool {
	asked := make(map[string]int)
	for _, o := range operations {
		if v := asks(o); v != "" && o.Call < ret {
			asked[v]++
		}
	}
	copies := make(map[string]int)
	for _, v := range list {
		if copies[v]++; copies[v] > max(asked[v], 1) {
			return true
		}
	}
	return false
}

// agree requires that the checker says the same as porcupine, whose verdict it
// returns, unless that is that it has none.
func agree(t *testing.T, h *tape.Tape, f history.F) porcupine.CheckResult {
	t.Helper()
	oracle := growing(h.Events, f)
	want := map[porcupine.CheckResult]verdict.Verdict{porcupine.Ok: verdict.Valid, porcupine.Illegal: verdict.Invalid}[oracle]
	if got := h.Judge(set.New()); want != "" && got.Verdict != want {
		for i := range h.Events {
			t.Log(verdict.Describe(&h.Events[i]))
		}
		require.Equal(t, want, got.Verdict, "%s: %+v", f, got)
	}
	return oracle
}

// The checker and porcupine agree on small sets and lists, whether values repeat or
// not.
func TestSetAgreesWithPorcupine(t *testing.T) {
	for _, row := range []struct {
		name      string
		f         history.F
		few       int
		histories int
	}{
		{"set", history.FAdd, 0, 20_000},
		{"list", history.FAppend, 0, 20_000},
		{"set of few values", history.FAdd, 3, 40_000},
		{"list of few values", history.FAppend, 2, 40_000},
		{"list of one value", history.FAppend, 1, 10_000},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			verdicts := make(map[porcupine.CheckResult]int)
			for seed := range uint64(row.histories) {
				next := tape.Seeded(seed)
				g := tape.Growth{F: row.f, Steps: 8 + next(14), Lies: int(seed % 4), Few: row.few, Copies: seed%3 == 0}
				verdicts[agree(t, g.Draw(next), row.f)]++
			}
			t.Log(verdicts)
			require.Greater(t, verdicts[porcupine.Ok], row.histories/4)
			require.Greater(t, verdicts[porcupine.Illegal], row.histories/5)
			require.Less(t, verdicts[porcupine.Unknown], row.histories/1000)
		})
	}
}

// What is wrong in a part of a history is wrong in the whole.
func TestRepeatsStayBroken(t *testing.T) {
	early := 0
	for seed := range uint64(4000) {
		next := tape.Seeded(seed)
		g := tape.Growth{F: history.FAppend, Steps: 30, Lies: int(seed % 4), Few: 1 + next(3), Copies: seed%3 == 0}
		if seed%2 == 0 {
			g.F = history.FAdd
		}
		h := g.Draw(next)
		whole := h.Judge(set.New()).Verdict
		for cut := range h.Events {
			if (&tape.Tape{Events: h.Events[:cut]}).Judge(set.New()).Verdict == verdict.Invalid {
				require.Equal(t, verdict.Invalid, whole, "seed %d: its first %d events are invalid", seed, cut)
				early++
				break
			}
		}
	}
	require.Greater(t, early, 500)
}

// Of a long list whose values repeat, a violation is told by few operations.
func TestRepeatsAreExplained(t *testing.T) {
	for _, f := range []history.F{history.FAdd, history.FAppend} {
		h := tape.New(history.Run{})
		var list []string
		for i := range 3000 {
			op := tape.Extend(fmt.Sprint("v", i%1000))
			op.F = f
			h.Do(i%10, history.OK, op)
			list = append(list, op.Arg)
			if i%100 == 0 {
				h.Do(10, history.OK, tape.Read(list...))
			}
		}
		list = slices.DeleteFunc(list, func(v string) bool { return f == history.FAdd && v == "v500" })
		if f == history.FAppend {
			list[2500], list[2600] = list[2600], list[2500]
		}
		h.Do(10, history.OK, tape.Final(list...))
		got := h.Judge(set.New())
		require.Equal(t, verdict.Invalid, got.Verdict, "%+v", got)
		require.LessOrEqual(t, len(got.Violations[0].Events), 10, "%+v", got.Violations[0])
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789"), true, uint8(0))
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789"), true, uint8(2))
	f.Add([]byte("the quick brown fox jumps over the lazy dog, and over it again"), false, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, ordered bool, few uint8) {
		kind := history.FAdd
		if ordered {
			kind = history.FAppend
		}
		agree(t, tape.Growth{F: kind, Steps: 24, Lies: 3, Few: int(few % 4), Copies: few >= 128}.Draw(tape.Scripted(b)), kind)
	})
}

// BenchmarkRepeats judges a million appends to one list, each of 100,000 values about
// ten times, and ten reads of it.
func BenchmarkRepeats(b *testing.B) {
	var list []string
	h := tape.New(history.Run{})
	tape.Crowd{Clients: 10, Operations: tape.Million, Unanswered: 1, Keys: 1}.Play(h, func(r *rand.Rand, _ int) history.Op {
		if r.IntN(tape.Million/10) == 0 {
			return history.Op{F: history.FRead, Final: true}
		}
		return history.Op{F: history.FAppend, Arg: fmt.Sprint("v", r.IntN(tape.Million/10))}
	}, func(_ int, op *history.Op) {
		if op.F == history.FRead {
			op.List, op.Saw = list[:len(list):len(list)], true
		} else {
			list = append(list, op.Arg)
		}
	})
	tape.Measure(b, h.Events, func() verdict.Checker { return set.New() }, verdict.Valid)
}
