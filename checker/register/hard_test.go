package register_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestHardRegisters(t *testing.T) {
	for _, r := range []tape.Hard{
		{Name: "a chain of unanswered cas, seen at its end", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("b", "c"))
			h.Do(2, history.Info, tape.Cas("a", "b"))
			h.Do(3, history.Info, tape.Cas("", "a"))
			h.Do(4, history.OK, tape.Get("c"))
		}},
		{Name: "the same, and then its middle", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("b", "c"))
			h.Do(2, history.Info, tape.Cas("a", "b"))
			h.Do(3, history.Info, tape.Cas("", "a"))
			h.Do(4, history.OK, tape.Get("c"))
			h.Do(4, history.OK, tape.Get("b"))
		}},
		{Name: "a chain whose first link is asked for too late", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("b", "c"))
			h.Do(2, history.Info, tape.Cas("a", "b"))
			h.Do(4, history.OK, tape.Get("c"))
			h.Do(3, history.Info, tape.Cas("", "a"))
		}},
		{Name: "one of two unanswered cas to a value, from a value that only another made", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Cas("", "c"))
			h.Do(2, history.OK, tape.Erase())
			h.Ask(3, tape.Put("a"))
			h.Ask(4, tape.Get("c"))
			h.Ask(5, tape.Cas("a", "b"))
			h.Ask(6, tape.Cas("b", "c"))
			h.Answer(4, history.OK, tape.Get("c"))
		}},
		{Name: "the same, but nobody made its first value", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Cas("", "c"))
			h.Do(2, history.OK, tape.Erase())
			h.Ask(4, tape.Get("c"))
			h.Ask(5, tape.Cas("a", "b"))
			h.Ask(6, tape.Cas("b", "c"))
			h.Answer(4, history.OK, tape.Get("c"))
		}},
		{Name: "a failed cas saw an unanswered write, so it cannot be undone", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.Info, tape.Put("b"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("z", "c"), "b"))
			h.Do(4, history.OK, tape.Get("a"))
		}},
		{Name: "a failed cas that tells nothing binds nothing", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.Info, tape.Put("b"))
			h.Do(3, history.Fail, tape.Cas("a", "c"))
			h.Do(4, history.OK, tape.Get("a"))
		}},
		{Name: "a failed cas saw a cas that was asked for before its own value", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("a", "b"))
			h.Do(2, history.OK, tape.Put("a"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("z", "c"), "b"))
		}},
		{Name: "the same, before that value was there", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("a", "b"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("z", "c"), "b"))
			h.Do(2, history.OK, tape.Put("a"))
		}},
		{Name: "a failed cas saw just what it expected", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("b", "c"), "b"))
		}},
		{Name: "the same, though it was there", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("a", "c"), "a"))
			h.Do(1, history.OK, tape.Get("a"))
		}},
		{Name: "a failed cas from nothing saw nothing", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(3, history.Fail, tape.Saw(tape.Cas("", "c"), ""))
		}},
		{Name: "a failed cas from a value to itself saw it", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Fail, tape.Saw(tape.Cas("a", "a"), "a"))
		}},
		{Name: "a failed cas that expected what is there does not tell what it saw", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Fail, tape.Cas("a", "c"))
			h.Do(4, history.Fail, tape.Cas("", "c"))
			h.Do(1, history.OK, tape.Get("a"))
		}},
		{Name: "a cas without an answer may have seen anything", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(3, history.Info, tape.Saw(tape.Cas("a", "c"), "a"))
			h.Do(1, history.OK, tape.Get("a"))
		}},
		{Name: "an unanswered write seen by an unanswered cas that was seen", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Put("a"))
			h.Do(2, history.Info, tape.Cas("a", "b"))
			h.Do(3, history.OK, tape.Get("b"))
			h.Do(4, history.OK, tape.Get(""))
		}},
		{Name: "neither of them seen", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Put("a"))
			h.Do(2, history.Info, tape.Cas("a", "b"))
			h.Do(4, history.OK, tape.Get(""))
			h.Do(3, history.OK, tape.Get("b"))
		}},
		{Name: "the initial value, read while the first write is on its way", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Ask(2, tape.Get(""))
			h.Answer(1, history.OK, tape.Put("a"))
			h.Answer(2, history.OK, tape.Get(""))
		}},
		{Name: "the initial value, after a read that overlaps the write", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Do(3, history.OK, tape.Get("a"))
			h.Do(2, history.OK, tape.Get(""))
			h.Answer(1, history.OK, tape.Put("a"))
		}},
		{Name: "a cas that is the last event explains nothing before it", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("b"))
			h.Ask(3, tape.Cas("a", "b"))
		}},
		{Name: "a cas that never returns explains a read that does", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(2, tape.Get("b"))
			h.Ask(3, tape.Cas("a", "b"))
			h.Answer(2, history.OK, tape.Get("b"))
		}},
		{Name: "a process that goes on after its answer", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.Fail, tape.Put("b"))
			h.Do(1, history.OK, tape.Get("a"))
		}},
		{Name: "there, gone and there again by two writes", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.OK, tape.Get("a"))
		}},
		{Name: "twice back by one more write", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Ask(3, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Get("a"))
			h.Do(1, history.OK, tape.Put("c"))
			h.Do(2, history.OK, tape.Get("a"))
		}},
		{Name: "a cas from a value to itself reads it", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(2, history.OK, tape.Cas("a", "a"))
		}},
		{Name: "two cas from nothing around a delete without an answer", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Cas("", "a"))
			h.Do(2, history.Info, tape.Erase())
			h.Do(1, history.OK, tape.Cas("", "b"))
			h.Do(2, history.OK, tape.Get("b"))
		}},
		{Name: "one delete cannot empty it twice", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.Info, tape.Erase())
			h.Do(3, history.OK, tape.Get(""))
			h.Do(1, history.OK, tape.Put("b"))
			h.Do(3, history.OK, tape.Get(""))
		}},
		{Name: "a failed delete empties nothing", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Do(2, history.Fail, tape.Erase())
			h.Do(3, history.OK, tape.Get(""))
		}},
		{Name: "cas in a circle without a beginning", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Cas("a", "b"))
			h.Do(2, history.Info, tape.Cas("b", "a"))
			h.Do(3, history.OK, tape.Get("a"))
		}},
	} {
		h := r.Require(t, newLinearizable)
		require.Equal(t, r.Want == verdict.Valid, tape.Linearizable(h.Events), "%s: porcupine", r.Name)
	}
}

// A client that begins an operation before its last one has ended breaks the rules of
// histories: that alone is never held against the system.
func TestHardProcesses(t *testing.T) {
	for _, r := range []tape.Hard{
		{Name: "a process that begins twice", Want: verdict.Unknown, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Do(1, history.OK, tape.Get("a"))
		}},
		{Name: "a process that ends twice", Want: verdict.Unknown, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Put("a"))
			h.Answer(1, history.OK, tape.Put("a"))
		}},
		{Name: "a process that ends another operation than it began", Want: verdict.Unknown, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Put("a"))
			h.Answer(1, history.OK, tape.Get("a"))
		}},
	} {
		r.Require(t, newLinearizable)
	}
}
