package checker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// drawGrowing makes a history of one set or list, whose reads are sometimes
// false, and which ends with a final read.
func drawGrowing(next choices, steps, lies int, f history.F) *tape {
	h := newTape(history.Run{})
	var state []string
	var open []*deed
	process, values := 0, 0
	take := func(d *deed) {
		if d.took {
			return
		}
		if d.took = true; d.op.F == history.FRead {
			d.op.List, d.op.Saw = slices.Clone(state), true
		} else {
			state = append(state, d.op.Arg)
		}
	}
	for range steps {
		if len(open) < 3 && next(2) == 0 {
			process++
			op := history.Op{F: history.FRead, Key: "s"}
			if next(2) == 0 {
				op.F, op.Arg = f, fmt.Sprint("v", values)
				values++
			}
			h.ask(process, op)
			open = append(open, &deed{process: process, op: op})
			continue
		}
		if len(open) == 0 {
			continue
		}
		i := next(len(open))
		d := open[i]
		if next(3) == 0 {
			take(d)
			continue
		}
		open = slices.Delete(open, i, i+1)
		if next(5) == 0 {
			h.answer(d.process, history.Info, history.Op{F: d.op.F, Key: "s", Arg: d.op.Arg})
			continue
		}
		take(d)
		outcome := history.OK
		if next(8) < lies {
			outcome = falsify(d, next)
		}
		h.answer(d.process, outcome, d.op)
	}
	h.do(process+1, history.OK, final(state...))
	return h
}

// falsify makes an answer one that may be wrong.
func falsify(d *deed, next choices) history.OpType {
	list := d.op.List
	switch {
	case d.op.F != history.FRead:
		if next(4) == 0 {
			return history.Fail
		}
	case len(list) > 1 && next(2) == 0:
		i := next(len(list) - 1)
		list[i], list[i+1] = list[i+1], list[i]
	case len(list) > 0 && next(3) > 0:
		i := next(len(list))
		d.op.List = slices.Delete(list, i, i+1)
	default:
		d.op.List = append(list, fmt.Sprint("v", next(6)))
	}
	return history.OK
}

// growing judges a set or list by porcupine alone.
func growing(events []history.Event, f history.F) bool {
	type in struct {
		op   history.Op
		sure bool
	}
	open := make(map[int]int)
	var operations []porcupine.Operation
	for i := range events {
		e := &events[i]
		if e.Op == nil {
			continue
		}
		if e.Op.Type == history.Invoke {
			open[e.Op.Process] = len(operations)
			operations = append(operations, porcupine.Operation{Input: in{op: *e.Op}, Call: int64(e.Seq), Return: 1 << 40})
			continue
		}
		o := &operations[open[e.Op.Process]]
		o.Input = in{*e.Op, e.Op.Type == history.OK}
		if e.Op.Type != history.Info {
			o.Return = int64(e.Seq)
		}
	}
	return porcupine.CheckOperations(porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			i, held := input.(in), state.(string)
			list := strings.Fields(held)
			switch {
			case i.op.Type == history.Fail, i.op.F == history.FRead && !i.sure:
				return true, held
			case i.op.F == history.FRead:
				got := slices.Clone(i.op.List)
				if f == history.FAdd {
					slices.Sort(got)
				}
				return slices.Equal(got, list), held
			case i.op.F == history.FAdd:
				list = append(list, i.op.Arg)
				slices.Sort(list)
				return true, strings.Join(list, " ")
			}
			return true, strings.TrimSpace(held + " " + i.op.Arg)
		},
	}, operations)
}

// The checker and porcupine agree on small sets and lists.
func TestSetAgreesWithPorcupine(t *testing.T) {
	for _, f := range []history.F{history.FAdd, history.FAppend} {
		legal := 0
		const histories = 20_000
		for seed := range uint64(histories) {
			next := seeded(seed)
			h := drawGrowing(next, 8+next(12), int(seed%4), f)
			want := checker.Invalid
			if growing(h.events, f) {
				want = checker.Valid
				legal++
			}
			got := h.judge(checker.NewSet())
			if got.Verdict != want {
				for i := range h.events {
					t.Log(checker.Describe(&h.events[i]))
				}
				require.Equal(t, want, got.Verdict, "%s, seed %d: %+v", f, seed, got)
			}
		}
		require.Greater(t, legal, histories/4)
		require.Less(t, legal, 4*histories/5)
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789"), true)
	f.Fuzz(func(t *testing.T, b []byte, ordered bool) {
		kind := history.FAdd
		if ordered {
			kind = history.FAppend
		}
		h := drawGrowing(scripted(b), 20, 3, kind)
		require.Equal(t, growing(h.events, kind), h.judge(checker.NewSet()).Verdict == checker.Valid)
	})
}
