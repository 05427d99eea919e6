package checker_test

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

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// growth is what a drawn history of a set or list may have.
type growth struct {
	f      history.F
	steps  int
	lies   int  // of 8 answers, how many may be false
	few    int  // values there are to add; 0: every addition has one of its own
	copies bool // a set shows a value as often as it was added
}

// drawGrowing makes a history of one set or list of which every value is added once.
func drawGrowing(next choices, steps, lies int, f history.F) *tape {
	return growth{f: f, steps: steps, lies: lies}.draw(next)
}

// draw makes a history of one set or list, whose reads are sometimes false, and
// which ends with a final read.
func (g growth) draw(next choices) *tape {
	var state []string
	values := 0
	arg := func() string {
		if g.few > 0 {
			return fmt.Sprint("v", next(g.few))
		}
		values++
		return fmt.Sprint("v", values-1)
	}
	h := drawing{
		steps: g.steps, open: 3,
		ask: func() history.Op {
			op := history.Op{F: history.FRead, Key: "s"}
			if next(2) == 0 {
				op.F, op.Arg = g.f, arg()
			}
			return op
		},
		take: func(op *history.Op) {
			if op.F == history.FRead {
				op.List, op.Saw = slices.Clone(state), true
			} else if g.f == history.FAppend || g.copies || !slices.Contains(state, op.Arg) {
				state = append(state, op.Arg)
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) < g.lies {
				return falsify(op, next)
			}
			return outcome
		},
	}.draw(next)
	h.do(g.steps+1, history.OK, final(state...))
	return h
}

// falsify makes an answer one that may be wrong.
func falsify(op *history.Op, next choices) history.OpType {
	list := op.List
	switch {
	case op.F != history.FRead:
		if next(4) == 0 {
			return history.Fail
		}
	case len(list) > 1 && next(2) == 0:
		i := next(len(list) - 1)
		list[i], list[i+1] = list[i+1], list[i]
	case len(list) > 0 && next(3) > 0:
		i := next(len(list))
		op.List = slices.Delete(list, i, i+1)
	default:
		op.List = append(list, fmt.Sprint("v", next(6)))
	}
	return history.OK
}

// growing judges a set or list by porcupine alone, if it can in time.
func growing(events []history.Event, f history.F) porcupine.CheckResult {
	operations := asOperations(events)
	asks := func(o porcupine.Operation) string {
		if op := o.Input.(in).op; op.F == f && op.Type != history.Fail {
			return op.Arg
		}
		return ""
	}
	for _, o := range operations {
		if i := o.Input.(in); i.sure && i.op.F == history.FRead && f == history.FAdd && overshown(i.op.List, o.Return, operations, asks) {
			return porcupine.Illegal
		}
	}
	return porcupine.CheckOperationsTimeout(porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			i, held := input.(in), state.(string)
			list := strings.Fields(held)
			switch {
			case i.op.Type == history.Fail, i.op.F == history.FRead && !i.sure:
				return true, held
			case i.op.F == history.FRead && f == history.FAppend:
				return slices.Equal(i.op.List, list), held
			case i.op.F == history.FRead:
				got := slices.Sorted(slices.Values(i.op.List))
				return slices.Equal(slices.Compact(got), list), held
			case f == history.FAdd && slices.Contains(list, i.op.Arg):
				return true, held
			case f == history.FAdd:
				list = append(list, i.op.Arg)
				slices.Sort(list)
				return true, strings.Join(list, " ")
			}
			return true, strings.TrimSpace(held + " " + i.op.Arg)
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
func agree(t *testing.T, h *tape, f history.F) porcupine.CheckResult {
	t.Helper()
	verdict := growing(h.events, f)
	want := map[porcupine.CheckResult]checker.Verdict{porcupine.Ok: checker.Valid, porcupine.Illegal: checker.Invalid}[verdict]
	if got := h.judge(checker.NewSet()); want != "" && got.Verdict != want {
		for i := range h.events {
			t.Log(checker.Describe(&h.events[i]))
		}
		require.Equal(t, want, got.Verdict, "%s: %+v", f, got)
	}
	return verdict
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
				next := seeded(seed)
				g := growth{f: row.f, steps: 8 + next(14), lies: int(seed % 4), few: row.few, copies: seed%3 == 0}
				verdicts[agree(t, g.draw(next), row.f)]++
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
		next := seeded(seed)
		g := growth{f: history.FAppend, steps: 30, lies: int(seed % 4), few: 1 + next(3), copies: seed%3 == 0}
		if seed%2 == 0 {
			g.f = history.FAdd
		}
		h := g.draw(next)
		whole := h.judge(checker.NewSet()).Verdict
		for cut := range h.events {
			if (&tape{events: h.events[:cut]}).judge(checker.NewSet()).Verdict == checker.Invalid {
				require.Equal(t, checker.Invalid, whole, "seed %d: its first %d events are invalid", seed, cut)
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
		h := newTape(history.Run{})
		var list []string
		for i := range 3000 {
			op := extend(fmt.Sprint("v", i%1000))
			op.F = f
			h.do(i%10, history.OK, op)
			list = append(list, op.Arg)
			if i%100 == 0 {
				h.do(10, history.OK, read(list...))
			}
		}
		list = slices.DeleteFunc(list, func(v string) bool { return f == history.FAdd && v == "v500" })
		if f == history.FAppend {
			list[2500], list[2600] = list[2600], list[2500]
		}
		h.do(10, history.OK, final(list...))
		got := h.judge(checker.NewSet())
		require.Equal(t, checker.Invalid, got.Verdict, "%+v", got)
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
		agree(t, growth{f: kind, steps: 24, lies: 3, few: int(few % 4), copies: few >= 128}.draw(scripted(b)), kind)
	})
}

// BenchmarkRepeats judges a million appends to one list, each of 100,000 values about
// ten times, and ten reads of it.
func BenchmarkRepeats(b *testing.B) {
	var list []string
	events := crowd{clients: 10, operations: million, unanswered: 1, keys: 1}.events(func(r *rand.Rand, _ int) history.Op {
		if r.IntN(million/10) == 0 {
			return history.Op{F: history.FRead, Final: true}
		}
		return history.Op{F: history.FAppend, Arg: fmt.Sprint("v", r.IntN(million/10))}
	}, func(_ int, op *history.Op) {
		if op.F == history.FRead {
			op.List, op.Saw = list[:len(list):len(list)], true
		} else {
			list = append(list, op.Arg)
		}
	})
	measure(b, events, func() checker.Checker { return checker.NewSet() }, checker.Valid)
}
