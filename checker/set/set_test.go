package set_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestSet(t *testing.T) {
	on := func(build func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			build(h)
			return h
		}
	}
	tape.Verdicts(t, func() verdict.Checker { return set.New() }, []tape.Row{
		{Name: "everything there", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("b"))
			h.Do(2, history.OK, tape.Final("b", "a"))
		}), Want: verdict.Valid},
		{Name: "acknowledged and lost", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("b"))
			h.Do(2, history.OK, tape.Final("b"))
		}), Want: verdict.Invalid, Rule: "an acknowledged value is lost"},
		{Name: "acknowledged while the read was on its way", Build: on(func(h *tape.Tape) {
			h.Ask(2, tape.Final())
			h.Do(1, history.OK, tape.Add("a"))
			h.Answer(2, history.OK, tape.Final())
		}), Want: verdict.Valid},
		{Name: "unanswered and not there", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Add("a"))
			h.Do(2, history.OK, tape.Final())
		}), Want: verdict.Valid},
		{Name: "unanswered and there", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}), Want: verdict.Valid},
		{Name: "unanswered, seen, and gone", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Add("a"))
			h.Do(2, history.OK, tape.Read("a"))
			h.Do(2, history.OK, tape.Final())
		}), Want: verdict.Invalid, Rule: "a value that was seen is lost"},
		{Name: "seen by a read that overlaps the other", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Add("a"))
			h.Ask(3, tape.Final())
			h.Do(2, history.OK, tape.Read("a"))
			h.Answer(3, history.OK, tape.Final())
		}), Want: verdict.Valid},
		{Name: "invented", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a", "z"))
		}), Want: verdict.Invalid, Rule: "a value that nobody added"},
		{Name: "there although it failed", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Fail, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}), Want: verdict.Invalid, Rule: "a value whose addition failed"},
		{Name: "there before it failed", Build: on(func(h *tape.Tape) {
			h.Ask(1, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
			h.Answer(1, history.Fail, tape.Add("a"))
		}), Want: verdict.Invalid, Rule: "a value whose addition failed"},
		{Name: "there twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(2, history.OK, tape.Final("a", "a"))
		}), Want: verdict.Invalid, Rule: "a value that is there twice"},
		{Name: "added twice, there twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(2, history.OK, tape.Final("a", "a"))
		}), Want: verdict.Valid},
		{Name: "a set in any order", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("b"))
			h.Do(2, history.OK, tape.Read("a", "b"))
			h.Do(2, history.OK, tape.Final("b", "a"))
		}), Want: verdict.Valid},
		{Name: "a list in two orders", Build: on(func(h *tape.Tape) {
			h.Ask(1, tape.Extend("a"))
			h.Ask(2, tape.Extend("b"))
			h.Do(3, history.OK, tape.Read("a", "b"))
			h.Do(3, history.OK, tape.Final("b", "a"))
		}), Want: verdict.Invalid, Rule: "a list with two orders"},
		{Name: "two reads that each lack what the other shows", Build: on(func(h *tape.Tape) {
			h.Ask(1, tape.Add("a"))
			h.Ask(2, tape.Add("b"))
			h.Ask(3, tape.Read("a"))
			h.Do(4, history.OK, tape.Read("b"))
			h.Answer(3, history.OK, tape.Read("a"))
			h.Answer(1, history.OK, tape.Add("a"))
			h.Answer(2, history.OK, tape.Add("b"))
			h.Do(3, history.OK, tape.Final("a", "b"))
		}), Want: verdict.Invalid, Rule: "two reads without an order"},
		{Name: "the second of two additions alone", Build: on(func(h *tape.Tape) {
			h.Ask(3, tape.Read("b"))
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("b"))
			h.Answer(3, history.OK, tape.Read("b"))
			h.Do(3, history.OK, tape.Final("a", "b"))
		}), Want: verdict.Invalid, Rule: "a value without an earlier one"},
		{Name: "concurrent appends in either order", Build: on(func(h *tape.Tape) {
			h.Ask(1, tape.Extend("a"))
			h.Ask(2, tape.Extend("b"))
			h.Answer(1, history.OK, tape.Extend("a"))
			h.Answer(2, history.OK, tape.Extend("b"))
			h.Do(3, history.OK, tape.Final("b", "a"))
		}), Want: verdict.Valid},
		{Name: "appends in the wrong order", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(2, history.OK, tape.Extend("b"))
			h.Do(3, history.OK, tape.Final("b", "a"))
		}), Want: verdict.Invalid, Rule: "a list out of order"},
		{Name: "no final read", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Read("a"))
		}), Want: verdict.Unknown},
		{Name: "no set at all", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
		}), Want: verdict.Unchecked},
		{Name: "a key that is also a register", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, history.Op{F: history.FPut, Key: "s", Arg: "z"})
			h.Do(1, history.OK, tape.Extend("a"))
			h.Do(3, history.OK, tape.Final("z", "a"))
		}), Want: verdict.Unknown},
	})
}

func TestSetShowsPartOfALongRead(t *testing.T) {
	h := tape.New(history.Run{})
	var values []string
	for i := range 1000 {
		v := string(rune('a'+i%26)) + string(rune('0'+i/26%10)) + string(rune('0'+i/260))
		values = append(values, v)
		h.Do(1, history.OK, tape.Extend(v))
	}
	h.Do(2, history.OK, tape.Final(append(values, values[700])...))
	got := h.Judge(set.New())
	require.Equal(t, verdict.Invalid, got.Verdict)
	events := got.Violations[0].Events
	require.LessOrEqual(t, len(events[len(events)-1].Op.List), 64)
}
