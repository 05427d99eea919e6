package checker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func add(v string) history.Op    { return history.Op{F: history.FAdd, Key: "s", Arg: v} }
func extend(v string) history.Op { return history.Op{F: history.FAppend, Key: "s", Arg: v} }
func read(values ...string) history.Op {
	return history.Op{F: history.FRead, Key: "s", List: values, Saw: true}
}

func final(values ...string) history.Op {
	op := read(values...)
	op.Final = true
	return op
}

func TestSet(t *testing.T) {
	on := func(build func(h *tape)) func() *tape {
		return func() *tape {
			h := newTape(history.Run{})
			build(h)
			return h
		}
	}
	verdicts(t, func() checker.Checker { return checker.NewSet() }, []row{
		{"everything there", on(func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("b"))
			h.do(2, history.OK, final("b", "a"))
		}), checker.Valid, ""},
		{"acknowledged and lost", on(func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("b"))
			h.do(2, history.OK, final("b"))
		}), checker.Invalid, "an acknowledged value is lost"},
		{"acknowledged while the read was on its way", on(func(h *tape) {
			h.ask(2, final())
			h.do(1, history.OK, add("a"))
			h.answer(2, history.OK, final())
		}), checker.Valid, ""},
		{"unanswered and not there", on(func(h *tape) {
			h.do(1, history.Info, add("a"))
			h.do(2, history.OK, final())
		}), checker.Valid, ""},
		{"unanswered and there", on(func(h *tape) {
			h.do(1, history.Info, add("a"))
			h.do(2, history.OK, final("a"))
		}), checker.Valid, ""},
		{"unanswered, seen, and gone", on(func(h *tape) {
			h.do(1, history.Info, add("a"))
			h.do(2, history.OK, read("a"))
			h.do(2, history.OK, final())
		}), checker.Invalid, "a value that was seen is lost"},
		{"seen by a read that overlaps the other", on(func(h *tape) {
			h.do(1, history.Info, add("a"))
			h.ask(3, final())
			h.do(2, history.OK, read("a"))
			h.answer(3, history.OK, final())
		}), checker.Valid, ""},
		{"invented", on(func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(2, history.OK, final("a", "z"))
		}), checker.Invalid, "a value that nobody added"},
		{"there although it failed", on(func(h *tape) {
			h.do(1, history.Fail, add("a"))
			h.do(2, history.OK, final("a"))
		}), checker.Invalid, "a value whose addition failed"},
		{"there before it failed", on(func(h *tape) {
			h.ask(1, add("a"))
			h.do(2, history.OK, final("a"))
			h.answer(1, history.Fail, add("a"))
		}), checker.Invalid, "a value whose addition failed"},
		{"there twice", on(func(h *tape) {
			h.do(1, history.OK, extend("a"))
			h.do(2, history.OK, final("a", "a"))
		}), checker.Invalid, "a value that is there twice"},
		{"added twice, there twice", on(func(h *tape) {
			h.do(1, history.OK, extend("a"))
			h.do(1, history.OK, extend("a"))
			h.do(2, history.OK, final("a", "a"))
		}), checker.Valid, ""},
		{"a set in any order", on(func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("b"))
			h.do(2, history.OK, read("a", "b"))
			h.do(2, history.OK, final("b", "a"))
		}), checker.Valid, ""},
		{"a list in two orders", on(func(h *tape) {
			h.ask(1, extend("a"))
			h.ask(2, extend("b"))
			h.do(3, history.OK, read("a", "b"))
			h.do(3, history.OK, final("b", "a"))
		}), checker.Invalid, "a list with two orders"},
		{"two reads that each lack what the other shows", on(func(h *tape) {
			h.ask(1, add("a"))
			h.ask(2, add("b"))
			h.ask(3, read("a"))
			h.do(4, history.OK, read("b"))
			h.answer(3, history.OK, read("a"))
			h.answer(1, history.OK, add("a"))
			h.answer(2, history.OK, add("b"))
			h.do(3, history.OK, final("a", "b"))
		}), checker.Invalid, "two reads without an order"},
		{"the second of two additions alone", on(func(h *tape) {
			h.ask(3, read("b"))
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("b"))
			h.answer(3, history.OK, read("b"))
			h.do(3, history.OK, final("a", "b"))
		}), checker.Invalid, "a value without an earlier one"},
		{"concurrent appends in either order", on(func(h *tape) {
			h.ask(1, extend("a"))
			h.ask(2, extend("b"))
			h.answer(1, history.OK, extend("a"))
			h.answer(2, history.OK, extend("b"))
			h.do(3, history.OK, final("b", "a"))
		}), checker.Valid, ""},
		{"appends in the wrong order", on(func(h *tape) {
			h.do(1, history.OK, extend("a"))
			h.do(2, history.OK, extend("b"))
			h.do(3, history.OK, final("b", "a"))
		}), checker.Invalid, "a list out of order"},
		{"no final read", on(func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(2, history.OK, read("a"))
		}), checker.Unknown, ""},
		{"no set at all", on(func(h *tape) {
			h.do(1, history.OK, put("a"))
		}), checker.Valid, ""},
		{"a key that is also a register", on(func(h *tape) {
			h.do(1, history.OK, history.Op{F: history.FPut, Key: "s", Arg: "z"})
			h.do(1, history.OK, extend("a"))
			h.do(3, history.OK, final("z", "a"))
		}), checker.Unknown, ""},
	})
}

func TestSetShowsPartOfALongRead(t *testing.T) {
	h := newTape(history.Run{})
	var values []string
	for i := range 1000 {
		v := string(rune('a'+i%26)) + string(rune('0'+i/26%10)) + string(rune('0'+i/260))
		values = append(values, v)
		h.do(1, history.OK, extend(v))
	}
	h.do(2, history.OK, final(append(values, values[700])...))
	got := h.judge(checker.NewSet())
	require.Equal(t, checker.Invalid, got.Verdict)
	events := got.Violations[0].Events
	require.LessOrEqual(t, len(events[len(events)-1].Op.List), 64)
}
