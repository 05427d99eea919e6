package checker_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func newLinearizable() checker.Checker { return checker.NewLinearizable(checker.Options{}) }

// Shorthands for operations on key x.
func (t *tape) ask(process int, op history.Op) {
	op.Process, op.Type = process, history.Invoke
	if op.Key == "" {
		op.Key = "x"
	}
	op.Got, op.Saw, op.List = "", false, nil
	t.op(op)
}

func (t *tape) answer(process int, outcome history.OpType, op history.Op) {
	op.Process, op.Type = process, outcome
	if op.Key == "" {
		op.Key = "x"
	}
	t.op(op)
}

func (t *tape) do(process int, outcome history.OpType, op history.Op) {
	t.ask(process, op)
	t.answer(process, outcome, op)
}

func put(v string) history.Op    { return history.Op{F: history.FPut, Arg: v} }
func get(v string) history.Op    { return history.Op{F: history.FGet, Got: v, Saw: true} }
func cas(a, b string) history.Op { return history.Op{F: history.FCas, Old: a, Arg: b} }
func saw(op history.Op, v string) history.Op {
	op.Got, op.Saw = v, true
	return op
}

func erase() history.Op { return history.Op{F: history.FDelete} }

func TestLinearizable(t *testing.T) {
	on := func(build func(h *tape)) func() *tape {
		return func() *tape {
			h := newTape(history.Run{})
			build(h)
			return h
		}
	}
	verdicts(t, newLinearizable, []row{
		{"write and read", on(func(h *tape) {
			h.do(1, history.OK, get(""))
			h.do(1, history.OK, put("a"))
			h.do(2, history.OK, get("a"))
			h.do(2, history.OK, cas("a", "b"))
			h.do(1, history.Fail, saw(cas("a", "c"), "b"))
			h.do(1, history.OK, erase())
			h.do(2, history.OK, get(""))
		}), checker.Valid, ""},
		{"a stale read", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.OK, put("b"))
			h.do(2, history.OK, get("a"))
		}), checker.Invalid, "a value at two times"},
		{"a read that overlaps the second write", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(1, put("b"))
			h.do(2, history.OK, get("a"))
			h.answer(1, history.OK, put("b"))
		}), checker.Valid, ""},
		{"two reads that go back", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(1, put("b"))
			h.do(2, history.OK, get("b"))
			h.do(3, history.OK, get("a"))
			h.answer(1, history.OK, put("b"))
		}), checker.Invalid, "a value at two times"},
		{"a write lost", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.OK, get(""))
		}), checker.Invalid, "a value at two times"},
		{"an unanswered write seen late", on(func(h *tape) {
			h.do(1, history.Info, put("a"))
			h.do(2, history.OK, get(""))
			h.do(2, history.OK, put("b"))
			h.do(2, history.OK, get("a"))
		}), checker.Valid, ""},
		{"an unanswered write seen, then not", on(func(h *tape) {
			h.do(1, history.Info, put("a"))
			h.do(2, history.OK, get("a"))
			h.do(2, history.OK, get(""))
		}), checker.Invalid, "a value at two times"},
		{"an unanswered write never seen", on(func(h *tape) {
			h.do(1, history.Info, put("a"))
			h.do(2, history.OK, get(""))
		}), checker.Valid, ""},
		{"a write never completed in the history", on(func(h *tape) {
			h.ask(1, put("a"))
			h.do(2, history.OK, get("a"))
		}), checker.Valid, ""},
		{"a failed write seen", on(func(h *tape) {
			h.do(1, history.Fail, put("a"))
			h.do(2, history.OK, get("a"))
		}), checker.Invalid, "a value whose write failed"},
		{"a value out of nowhere", on(func(h *tape) {
			h.do(2, history.OK, get("a"))
		}), checker.Invalid, "a value that nobody wrote"},
		{"a value before its time", on(func(h *tape) {
			h.do(2, history.OK, get("a"))
			h.do(1, history.OK, put("a"))
		}), checker.Invalid, "a value from the future"},
		{"a failed cas is a read", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.OK, put("b"))
			h.do(2, history.Fail, saw(cas("z", "c"), "a"))
		}), checker.Invalid, "a value at two times"},
		{"a failed cas that saw nothing says nothing", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.Fail, cas("a", "c"))
			h.do(2, history.OK, get("a"))
		}), checker.Valid, ""},
		{"two cas from one value", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(1, cas("a", "b"))
			h.ask(2, cas("a", "c"))
			h.answer(1, history.OK, cas("a", "b"))
			h.answer(2, history.OK, cas("a", "c"))
		}), checker.Invalid, "a value replaced twice"},
		{"two cas from a value that was written twice", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(1, cas("a", "b"))
			h.do(2, history.OK, cas("a", "c"))
			h.do(3, history.OK, put("a"))
			h.answer(1, history.OK, cas("a", "b"))
		}), checker.Valid, ""},
		{"an unanswered cas, seen", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.Info, cas("a", "b"))
			h.do(2, history.OK, get("b"))
		}), checker.Valid, ""},
		{"an unanswered cas, seen without cause", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(3, history.Info, cas("z", "b"))
			h.do(2, history.OK, get("b"))
		}), checker.Invalid, "a value that nobody wrote"},
		{"a deleted value", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.OK, erase())
			h.do(2, history.OK, get("a"))
		}), checker.Invalid, "a value at two times"},
		{"an unanswered delete", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(3, history.Info, erase())
			h.do(2, history.OK, get("a"))
			h.do(2, history.OK, get(""))
		}), checker.Valid, ""},
		{"two processes mixed up", on(func(h *tape) {
			h.answer(4, history.OK, put("a"))
		}), checker.Unknown, ""},
	})
}

func TestLinearizableShrinks(t *testing.T) {
	h := newTape(history.Run{})
	v := ""
	for i := range 200 { // a long legal past
		next := fmt.Sprint("v", i)
		h.ask(1, cas(v, next))
		h.do(2, history.Fail, cas("no", "never"))
		h.ask(3, get(next))
		h.answer(1, history.OK, cas(v, next))
		h.answer(3, history.OK, get(next))
		v = next
	}
	twice(h)
	got := h.judge(newLinearizable())
	require.Equal(t, checker.Invalid, got.Verdict)
	require.LessOrEqual(t, len(got.Violations[0].Events), 12, "%s", got.Violations[0].Text)
}

// twice adds a violation that only a search finds: the value replaced by two cas
// was written twice, but one after the other.
func twice(h *tape) {
	h.ask(5, get("a"))
	h.do(1, history.OK, put("a"))
	h.do(1, history.OK, put("a"))
	h.ask(1, cas("a", "b"))
	h.ask(2, cas("a", "c"))
	h.answer(1, history.OK, cas("a", "b"))
	h.answer(2, history.OK, cas("a", "c"))
	h.answer(5, history.OK, get("a"))
}

func TestLinearizableBudget(t *testing.T) {
	h := newTape(history.Run{})
	twice(h)
	got := h.judge(checker.NewLinearizable(checker.Options{Steps: 3}))
	require.Equal(t, checker.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "key x")
	require.Contains(t, got.Summary, "steps")
	got = h.judge(checker.NewLinearizable(checker.Options{SearchMemory: 300}))
	require.Contains(t, got.Summary, "memory")
	got = h.judge(checker.NewLinearizable(checker.Options{Wall: 1}))
	require.Contains(t, got.Summary, "wall clock")
	require.Equal(t, checker.Invalid, h.judge(newLinearizable()).Verdict)
}

// oracle judges a history by porcupine alone, with none of the reductions.
func oracle(events []history.Event) bool {
	operations, model := asPorcupine(events)
	return porcupine.CheckOperations(model, operations)
}

// in is an operation as porcupine's models are given it: as it was completed, if it
// was. sure says that it has an answer.
type in struct {
	op   history.Op
	sure bool
}

// asOperations turns a history into porcupine's operations, each with an in.
func asOperations(events []history.Event) []porcupine.Operation {
	open := make(map[int]int)
	var operations []porcupine.Operation
	for i := range events {
		e := &events[i]
		if e.Op == nil {
			continue
		}
		op := *e.Op
		if op.Type == history.Invoke {
			open[op.Process] = len(operations)
			operations = append(operations, porcupine.Operation{Input: in{op: op}, Call: int64(e.Seq), Return: 1 << 40})
			continue
		}
		o := &operations[open[op.Process]]
		o.Input = in{op, op.Type != history.Info}
		if op.Type != history.Info {
			o.Return = int64(e.Seq)
		}
	}
	return operations
}

// asPorcupine turns a history of one register into porcupine's.
func asPorcupine(events []history.Event) ([]porcupine.Operation, porcupine.Model) {
	return asOperations(events), porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			i := input.(in)
			v := state.(string)
			switch {
			case i.op.Type == history.Fail:
				return !i.op.Saw || i.op.Got == v, v
			case i.op.F == history.FGet:
				return !i.sure || i.op.Got == v, v
			case i.op.F == history.FPut:
				return true, i.op.Arg
			case i.op.F == history.FDelete:
				return true, ""
			case i.op.Old == v:
				return true, i.op.Arg
			}
			return !i.sure, v
		},
	}
}

// random draws a small history of one key: of a true register whose answers are
// sometimes falsified.
func random(r *rand.Rand, lies float64, reuse bool) *tape {
	h := newTape(history.Run{})
	type pending struct {
		op   history.Op
		done bool
	}
	var state string
	open := make(map[int]*pending)
	values := []string{""}
	process := 0
	pick := func() string { return values[r.IntN(len(values))] }
	take := func(p *pending) { // the operation takes effect
		if p.done {
			return
		}
		p.done = true
		switch p.op.F {
		case history.FGet:
			p.op = get(state)
		case history.FPut:
			state = p.op.Arg
		case history.FDelete:
			state = ""
		case history.FCas:
			p.op.Saw, p.op.Got = state != p.op.Old, state
			if state == p.op.Old {
				p.op.Got, state = "", p.op.Arg
			}
		}
	}
	for range 8 + r.IntN(24) {
		if len(open) < 3 && r.IntN(2) == 0 {
			v := fmt.Sprint("v", len(values))
			if reuse {
				v = fmt.Sprint("v", r.IntN(3))
			}
			op := []history.Op{put(v), {F: history.FGet}, {F: history.FGet}, cas(pick(), v), erase()}[r.IntN(5)]
			if op.F == history.FPut || op.F == history.FCas {
				values = append(values, v)
			}
			process++
			open[process] = &pending{op: op}
			h.ask(process, op)
			continue
		}
		for p := range process + 1 { // the lowest open one, or a later one
			if open[p] == nil || r.IntN(3) == 0 {
				continue
			}
			o := open[p]
			if r.IntN(2) == 0 {
				take(o)
				break
			}
			delete(open, p)
			if r.IntN(5) == 0 {
				h.answer(p, history.Info, history.Op{F: o.op.F, Arg: o.op.Arg, Old: o.op.Old})
				break
			}
			take(o)
			outcome := history.OK
			if o.op.F == history.FCas && o.op.Saw {
				outcome = history.Fail
			}
			if o.op.Saw && r.Float64() < lies {
				o.op.Got = pick()
			}
			h.answer(p, outcome, o.op)
			break
		}
	}
	return h
}

func TestLinearizableAgreesWithPorcupine(t *testing.T) {
	legal, illegal := 0, 0
	for seed := range uint64(10000) {
		r := rand.New(rand.NewPCG(seed, 1))
		h := random(r, float64(seed%3)*0.5, seed%2 == 0)
		got := h.judge(newLinearizable())
		want := checker.Invalid
		if oracle(h.events) {
			want = checker.Valid
			legal++
		} else {
			illegal++
		}
		if got.Verdict != want {
			for i := range h.events {
				t.Log(checker.Describe(&h.events[i]))
			}
			require.Equal(t, want, got.Verdict, "seed %d: %+v", seed, got)
		}
	}
	require.Greater(t, legal, 1000)
	require.Greater(t, illegal, 1000, "%d legal", legal)
}
