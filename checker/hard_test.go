package checker_test

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// hard is a history that is easily judged wrong, with the verdict that reasoning by
// hand gives it.
type hard struct {
	name  string
	want  checker.Verdict
	build func(h *tape)
}

// require lets a checker judge the history, and again with all times equal, which
// must not matter. It returns the history for a second opinion.
func (r hard) require(t *testing.T, construct func() checker.Checker) *tape {
	t.Helper()
	h := newTape(history.Run{})
	r.build(h)
	got := h.judge(construct())
	require.Equal(t, r.want, got.Verdict, "%s: %+v", r.name, got)
	for i := range h.events {
		h.events[i].At = 0
	}
	require.Equal(t, r.want, h.judge(construct()).Verdict, "%s, without times", r.name)
	return h
}

func TestHardRegisters(t *testing.T) {
	for _, r := range []hard{
		{"a chain of unanswered cas, seen at its end", checker.Valid, func(h *tape) {
			h.do(1, history.Info, cas("b", "c"))
			h.do(2, history.Info, cas("a", "b"))
			h.do(3, history.Info, cas("", "a"))
			h.do(4, history.OK, get("c"))
		}},
		{"the same, and then its middle", checker.Invalid, func(h *tape) {
			h.do(1, history.Info, cas("b", "c"))
			h.do(2, history.Info, cas("a", "b"))
			h.do(3, history.Info, cas("", "a"))
			h.do(4, history.OK, get("c"))
			h.do(4, history.OK, get("b"))
		}},
		{"a chain whose first link is asked for too late", checker.Invalid, func(h *tape) {
			h.do(1, history.Info, cas("b", "c"))
			h.do(2, history.Info, cas("a", "b"))
			h.do(4, history.OK, get("c"))
			h.do(3, history.Info, cas("", "a"))
		}},
		{"one of two unanswered cas to a value, from a value that only another made", checker.Valid, func(h *tape) {
			h.do(1, history.OK, cas("", "c"))
			h.do(2, history.OK, erase())
			h.ask(3, put("a"))
			h.ask(4, get("c"))
			h.ask(5, cas("a", "b"))
			h.ask(6, cas("b", "c"))
			h.answer(4, history.OK, get("c"))
		}},
		{"the same, but nobody made its first value", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, cas("", "c"))
			h.do(2, history.OK, erase())
			h.ask(4, get("c"))
			h.ask(5, cas("a", "b"))
			h.ask(6, cas("b", "c"))
			h.answer(4, history.OK, get("c"))
		}},
		{"a failed cas saw an unanswered write, so it cannot be undone", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.Info, put("b"))
			h.do(3, history.Fail, saw(cas("z", "c"), "b"))
			h.do(4, history.OK, get("a"))
		}},
		{"a failed cas that tells nothing binds nothing", checker.Valid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.Info, put("b"))
			h.do(3, history.Fail, cas("a", "c"))
			h.do(4, history.OK, get("a"))
		}},
		{"a failed cas saw a cas that was asked for before its own value", checker.Valid, func(h *tape) {
			h.do(1, history.Info, cas("a", "b"))
			h.do(2, history.OK, put("a"))
			h.do(3, history.Fail, saw(cas("z", "c"), "b"))
		}},
		{"the same, before that value was there", checker.Invalid, func(h *tape) {
			h.do(1, history.Info, cas("a", "b"))
			h.do(3, history.Fail, saw(cas("z", "c"), "b"))
			h.do(2, history.OK, put("a"))
		}},
		{"a failed cas saw just what it expected", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(3, history.Fail, saw(cas("b", "c"), "b"))
		}},
		{"an unanswered write seen by an unanswered cas that was seen", checker.Invalid, func(h *tape) {
			h.do(1, history.Info, put("a"))
			h.do(2, history.Info, cas("a", "b"))
			h.do(3, history.OK, get("b"))
			h.do(4, history.OK, get(""))
		}},
		{"neither of them seen", checker.Valid, func(h *tape) {
			h.do(1, history.Info, put("a"))
			h.do(2, history.Info, cas("a", "b"))
			h.do(4, history.OK, get(""))
			h.do(3, history.OK, get("b"))
		}},
		{"the initial value, read while the first write is on its way", checker.Valid, func(h *tape) {
			h.ask(1, put("a"))
			h.ask(2, get(""))
			h.answer(1, history.OK, put("a"))
			h.answer(2, history.OK, get(""))
		}},
		{"the initial value, after a read that overlaps the write", checker.Invalid, func(h *tape) {
			h.ask(1, put("a"))
			h.do(3, history.OK, get("a"))
			h.do(2, history.OK, get(""))
			h.answer(1, history.OK, put("a"))
		}},
		{"a cas that is the last event explains nothing before it", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.OK, get("b"))
			h.ask(3, cas("a", "b"))
		}},
		{"a cas that never returns explains a read that does", checker.Valid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(2, get("b"))
			h.ask(3, cas("a", "b"))
			h.answer(2, history.OK, get("b"))
		}},
		{"a process that goes on after its answer", checker.Valid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.Fail, put("b"))
			h.do(1, history.OK, get("a"))
		}},
		{"there, gone and there again by two writes", checker.Valid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.OK, put("b"))
			h.do(1, history.OK, put("a"))
			h.do(2, history.OK, get("a"))
		}},
		{"twice back by one more write", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.ask(3, put("a"))
			h.do(1, history.OK, put("b"))
			h.do(2, history.OK, get("a"))
			h.do(1, history.OK, put("c"))
			h.do(2, history.OK, get("a"))
		}},
		{"a cas from a value to itself reads it", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(1, history.OK, put("b"))
			h.do(2, history.OK, cas("a", "a"))
		}},
		{"two cas from nothing around a delete without an answer", checker.Valid, func(h *tape) {
			h.do(1, history.OK, cas("", "a"))
			h.do(2, history.Info, erase())
			h.do(1, history.OK, cas("", "b"))
			h.do(2, history.OK, get("b"))
		}},
		{"one delete cannot empty it twice", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.Info, erase())
			h.do(3, history.OK, get(""))
			h.do(1, history.OK, put("b"))
			h.do(3, history.OK, get(""))
		}},
		{"a failed delete empties nothing", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.do(2, history.Fail, erase())
			h.do(3, history.OK, get(""))
		}},
		{"cas in a circle without a beginning", checker.Invalid, func(h *tape) {
			h.do(1, history.Info, cas("a", "b"))
			h.do(2, history.Info, cas("b", "a"))
			h.do(3, history.OK, get("a"))
		}},
	} {
		h := r.require(t, newLinearizable)
		require.Equal(t, r.want == checker.Valid, oracle(h.events), "%s: porcupine", r.name)
	}
}

// A client that begins an operation before its last one has ended breaks the rules of
// histories: that alone is never held against the system.
func TestHardProcesses(t *testing.T) {
	for _, r := range []hard{
		{"a process that begins twice", checker.Unknown, func(h *tape) {
			h.ask(1, put("a"))
			h.do(1, history.OK, get("a"))
		}},
		{"a process that ends twice", checker.Unknown, func(h *tape) {
			h.do(1, history.OK, put("a"))
			h.answer(1, history.OK, put("a"))
		}},
		{"a process that ends another operation than it began", checker.Unknown, func(h *tape) {
			h.ask(1, put("a"))
			h.answer(1, history.OK, get("a"))
		}},
	} {
		r.require(t, newLinearizable)
	}
}

func TestHardLists(t *testing.T) {
	as := func(process int, h *tape, of string) { h.do(process, history.OK, extend(of)) }
	for _, r := range []hard{
		{"the longer of two equal appends waits for the shorter", checker.Valid, func(h *tape) {
			h.ask(1, extend("v"))
			as(2, h, "v")
			as(3, h, "u")
			h.do(4, history.OK, final("v", "u", "v"))
			h.answer(1, history.OK, extend("v"))
		}},
		{"both are over before what stands between them", checker.Invalid, func(h *tape) {
			as(1, h, "v")
			as(2, h, "v")
			as(3, h, "u")
			h.do(4, history.OK, final("v", "u", "v"))
		}},
		{"both begin after what stands between them", checker.Invalid, func(h *tape) {
			as(3, h, "u")
			as(1, h, "v")
			as(2, h, "v")
			h.do(4, history.OK, final("v", "u", "v"))
		}},
		{"a copy was read before it was asked for", checker.Invalid, func(h *tape) {
			as(1, h, "v")
			h.do(2, history.OK, read("v", "v"))
			as(1, h, "v")
			h.do(2, history.OK, final("v", "v"))
		}},
		{"one of two acknowledged copies is lost", checker.Invalid, func(h *tape) {
			as(1, h, "v")
			as(1, h, "v")
			h.do(2, history.OK, final("v"))
		}},
		{"the copy without an answer may be lost", checker.Valid, func(h *tape) {
			as(1, h, "v")
			h.do(2, history.Info, extend("v"))
			h.do(3, history.OK, final("v"))
		}},
		{"but not come and go", checker.Invalid, func(h *tape) {
			as(1, h, "v")
			h.do(2, history.Info, extend("v"))
			h.do(3, history.OK, read("v", "v"))
			h.do(3, history.OK, final("v"))
		}},
		{"a copy whose append failed", checker.Invalid, func(h *tape) {
			as(1, h, "v")
			h.do(2, history.Fail, extend("v"))
			h.do(3, history.OK, final("v", "v"))
		}},
		{"beginnings in any order of reads that overlap", checker.Valid, func(h *tape) {
			h.ask(8, read("a"))
			h.ask(9, read("a", "b"))
			as(1, h, "a")
			as(1, h, "b")
			h.answer(9, history.OK, read("a", "b"))
			h.answer(8, history.OK, read("a"))
			h.do(8, history.OK, final("a", "b"))
		}},
		{"a copy explains a beginning, not another order", checker.Invalid, func(h *tape) {
			h.ask(1, extend("a"))
			h.ask(2, extend("b"))
			h.ask(3, extend("a"))
			h.do(8, history.OK, read("a", "b"))
			h.do(9, history.OK, final("b", "a", "a"))
		}},
	} {
		h := r.require(t, func() checker.Checker { return checker.NewSet() })
		require.Equal(t, r.want == checker.Valid, growing(h.events, history.FAppend) == porcupine.Ok, "%s: porcupine", r.name)
	}
}

func TestHardSets(t *testing.T) {
	for _, r := range []hard{
		{"added again, it is there once", checker.Valid, func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("a"))
			h.do(2, history.OK, final("a"))
		}},
		{"or as often as it was added", checker.Valid, func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("a"))
			h.do(2, history.OK, final("a", "a"))
		}},
		{"but not more often", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.do(1, history.OK, add("a"))
			h.do(2, history.OK, final("a", "a", "a"))
		}},
		{"added again, it is not gone", checker.Invalid, func(h *tape) {
			h.do(1, history.OK, add("a"))
			h.ask(3, add("a"))
			h.do(2, history.OK, read())
			h.answer(3, history.OK, add("a"))
			h.do(2, history.OK, final("a"))
		}},
		{"the later of two additions is the one that happened", checker.Valid, func(h *tape) {
			h.do(1, history.Info, add("a"))
			h.do(2, history.OK, read())
			h.ask(3, add("a"))
			h.do(2, history.OK, read("a"))
			h.do(2, history.OK, final("a"))
		}},
		{"the one that failed explains nothing", checker.Invalid, func(h *tape) {
			h.do(1, history.Fail, add("a"))
			h.do(2, history.OK, read("a"))
			h.do(3, history.OK, add("a"))
			h.do(2, history.OK, final("a"))
		}},
	} {
		h := r.require(t, func() checker.Checker { return checker.NewSet() })
		require.Equal(t, r.want == checker.Valid, growing(h.events, history.FAdd) == porcupine.Ok, "%s: porcupine", r.name)
	}
}

func TestHardTransactions(t *testing.T) {
	turns := func(texts ...string) func(h *tape) {
		return func(h *tape) { h.events = inTurn(texts...)().events }
	}
	at := func(texts ...string) func(h *tape) {
		return func(h *tape) { h.events = together(texts...)().events }
	}
	for _, r := range []hard{
		{"half of one without an answer", checker.Invalid, turns("?append x 1, append y 1", "read x 1, read y")},
		{"one without an answer comes late", checker.Valid, turns("?append x 1, append y 1", "read x, read y", "read x 1, read y 1")},
		{"and goes", checker.Invalid, turns("?append x 1, append y 1", "read x 1", "read y")},
		{"what it found does not bind it", checker.Valid, turns("append x 1", "?read x, append y 1", "read x 1, read y 1")},
		{"one that failed is there", checker.Invalid, turns("!append x 1, append y 1", "read y 1")},
		{"one that failed read what never was", checker.Valid, turns("append x 1", "!read x 7, append x 2", "read x 1")},
		{"its own append is missing", checker.Invalid, turns("append x 1, read x")},
		{"its own append is not at the end", checker.Invalid, at("append x 1, read x 1 2", "append x 2")},
		{"its own appends in another order", checker.Invalid, turns("append x 1, append x 2, read x 2 1")},
		{"two reads that differ", checker.Invalid, at("read x, read x 1", "append x 1")},
		{"it read before what it found there", checker.Invalid, turns("read x 1, append x 1")},
		{"a value twice in a read", checker.Invalid, turns("append x 1", "read x 1 1")},
		{"two that read each other's lists as they were", checker.Invalid, at("read x, append y 1", "read y, append x 1")},
		{"the same, one after the other", checker.Invalid, turns("read x, append y 1", "read y, append x 1")},
		{"the same, in order", checker.Valid, turns("read x, append y 1", "read y 1, append x 1")},
		{"an update lost", checker.Invalid, at("read x, append x 1", "read x, append x 2", "read x 1 2")},
		{"a beginning, read late", checker.Invalid, turns("append x 1", "append x 2", "read x 1")},
		{"a beginning, read in time", checker.Valid, at("append x 1", "append x 2", "read x 1")},
		{"two orders of one list", checker.Invalid, at("append x 1", "append x 2", "read x 1 2", "read x 2")},
		{"three lists in a circle", checker.Invalid, at("read x, append y 1", "read y, append z 1", "read z, append x 1")},
		{"three lists in a row", checker.Valid, at("read x, append y 1", "read y, append z 1", "read z, append w 1")},
	} {
		h := r.require(t, newTransactions)
		require.Equal(t, r.want == checker.Valid, serializable(h.events), "%s: all orders", r.name)
	}
}
