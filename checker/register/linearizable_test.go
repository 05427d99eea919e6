package register_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newLinearizable() verdict.Checker { return register.New(verdict.Options{}) }

func TestLinearizable(t *testing.T) {
	on := func(build func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			build(h)
			return h
		}
	}
	tape.Verdicts(t, newLinearizable, []tape.Row{
		{Name: "write and read", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Get(""))
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("a"))
			h.Do(2, history.OK, tape.Cas("a", "b"))
			h.Do(1, history.Fail, tape.Saw(tape.Cas("a", "c"), "b"))
			h.Do(1, history.OK, tape.Erase())
			h.Do(2, history.OK, tape.Get(""))
		}), Want: verdict.Valid},
		{Name: "a stale read", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "a read that overlaps the second write", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(1, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
			h.Answer(1, history.OK, tape.Put("b"))
		}), Want: verdict.Valid},
		{Name: "two reads that go back", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(1, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("b"))
			h.Do(3, history.OK, tape.Get("a"))
			h.Answer(1, history.OK, tape.Put("b"))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "a write lost", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.OK, tape.Get(""))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "an unanswered write seen late", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Put("a"))
			h.Do(2, history.OK, tape.Get(""))
			h.Do(2, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Valid},
		{Name: "an unanswered write seen, then not", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("a"))
			h.Do(2, history.OK, tape.Get(""))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "an unanswered write never seen", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Put("a"))
			h.Do(2, history.OK, tape.Get(""))
		}), Want: verdict.Valid},
		{Name: "a write never completed in the history", Build: on(func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Valid},
		{Name: "a failed write seen", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Fail, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Invalid, Rule: "a value whose write failed"},
		{Name: "a value out of nowhere", Build: on(func(h *tape.Tape) {
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Invalid, Rule: "a value that nobody wrote"},
		{Name: "a value before its time", Build: on(func(h *tape.Tape) {
			h.Do(2, history.OK, tape.Get("a"))
			h.Do(1, history.OK, tape.Put("a"))
		}), Want: verdict.Invalid, Rule: "a value from the future"},
		{Name: "a failed cas is a read", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.Fail, tape.Saw(tape.Cas("z", "c"), "a"))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "a failed cas that saw nothing says nothing", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.Fail, tape.Cas("a", "c"))
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Valid},
		{Name: "two cas from one value", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(1, tape.Cas("a", "b"))
			h.Ask(2, tape.Cas("a", "c"))
			h.Answer(1, history.OK, tape.Cas("a", "b"))
			h.Answer(2, history.OK, tape.Cas("a", "c"))
		}), Want: verdict.Invalid, Rule: "a value replaced twice"},
		{Name: "two cas from a value that was written twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(1, tape.Cas("a", "b"))
			h.Do(2, history.OK, tape.Cas("a", "c"))
			h.Do(3, history.OK, tape.Put("a"))
			h.Answer(1, history.OK, tape.Cas("a", "b"))
		}), Want: verdict.Valid},
		{Name: "an unanswered cas, seen", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.Info, tape.Cas("a", "b"))
			h.Do(2, history.OK, tape.Get("b"))
		}), Want: verdict.Valid},
		{Name: "an unanswered cas, seen without cause", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Info, tape.Cas("z", "b"))
			h.Do(2, history.OK, tape.Get("b"))
		}), Want: verdict.Invalid, Rule: "a value that nobody wrote"},
		{Name: "a deleted value", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Erase())
			h.Do(2, history.OK, tape.Get("a"))
		}), Want: verdict.Invalid, Rule: "a value at two times"},
		{Name: "an unanswered delete", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Info, tape.Erase())
			h.Do(2, history.OK, tape.Get("a"))
			h.Do(2, history.OK, tape.Get(""))
		}), Want: verdict.Valid},
		{Name: "two processes mixed up", Build: on(func(h *tape.Tape) {
			h.Answer(4, history.OK, tape.Put("a"))
		}), Want: verdict.Unknown},
	})
}

func TestLinearizableShrinks(t *testing.T) {
	h := tape.New(history.Run{})
	v := ""
	for i := range 200 { // a long legal past
		next := fmt.Sprint("v", i)
		h.Ask(1, tape.Cas(v, next))
		h.Do(2, history.Fail, tape.Cas("no", "never"))
		h.Ask(3, tape.Get(next))
		h.Answer(1, history.OK, tape.Cas(v, next))
		h.Answer(3, history.OK, tape.Get(next))
		v = next
	}
	twice(h)
	got := h.Judge(newLinearizable())
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.LessOrEqual(t, len(got.Violations[0].Events), 12, "%s", got.Violations[0].Text)
}

// twice adds a violation that only a search finds: the value replaced by two cas
// was written twice, but one after the other.
func twice(h *tape.Tape) {
	h.Ask(5, tape.Get("a"))
	h.Do(1, history.OK, tape.Put("a"))
	h.Do(1, history.OK, tape.Put("a"))
	h.Ask(1, tape.Cas("a", "b"))
	h.Ask(2, tape.Cas("a", "c"))
	h.Answer(1, history.OK, tape.Cas("a", "b"))
	h.Answer(2, history.OK, tape.Cas("a", "c"))
	h.Answer(5, history.OK, tape.Get("a"))
}

func TestLinearizableBudget(t *testing.T) {
	h := tape.New(history.Run{})
	twice(h)
	got := h.Judge(register.New(verdict.Options{Steps: 3}))
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Contains(t, got.Summary, "key x")
	require.Contains(t, got.Summary, "steps")
	got = h.Judge(register.New(verdict.Options{SearchMemory: 300}))
	require.Contains(t, got.Summary, "memory")
	got = h.Judge(register.New(verdict.Options{Wall: 1}))
	require.Contains(t, got.Summary, "wall clock")
	require.Equal(t, verdict.Invalid, h.Judge(newLinearizable()).Verdict)
}

// random draws a small history of one key: of a true register whose answers are
// sometimes falsified.
func random(r *rand.Rand, lies float64, reuse bool) *tape.Tape {
	h := tape.New(history.Run{})
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
			p.op = tape.Get(state)
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
			op := []history.Op{tape.Put(v), {F: history.FGet}, {F: history.FGet}, tape.Cas(pick(), v), tape.Erase()}[r.IntN(5)]
			if op.F == history.FPut || op.F == history.FCas {
				values = append(values, v)
			}
			process++
			open[process] = &pending{op: op}
			h.Ask(process, op)
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
				h.Answer(p, history.Info, history.Op{F: o.op.F, Arg: o.op.Arg, Old: o.op.Old})
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
			h.Answer(p, outcome, o.op)
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
		got := h.Judge(newLinearizable())
		want := verdict.Invalid
		if tape.Linearizable(h.Events) {
			want = verdict.Valid
			if got.Stats["ops"] == 0 {
				want = verdict.Unchecked
			}
			legal++
		} else {
			illegal++
		}
		if got.Verdict != want {
			for i := range h.Events {
				t.Log(verdict.Describe(&h.Events[i]))
			}
			require.Equal(t, want, got.Verdict, "seed %d: %+v", seed, got)
		}
	}
	require.Greater(t, legal, 1000)
	require.Greater(t, illegal, 1000, "%d legal", legal)
}
