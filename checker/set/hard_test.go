package set_test

import (
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func TestHardLists(t *testing.T) {
	as := func(process int, h *tape.Tape, of string) { h.Do(process, history.OK, tape.Extend(of)) }
	for _, r := range []tape.Hard{
		{Name: "the longer of two equal appends waits for the shorter", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Extend("v"))
			as(2, h, "v")
			as(3, h, "u")
			h.Do(4, history.OK, tape.Final("v", "u", "v"))
			h.Answer(1, history.OK, tape.Extend("v"))
		}},
		{Name: "both are over before what stands between them", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			as(2, h, "v")
			as(3, h, "u")
			h.Do(4, history.OK, tape.Final("v", "u", "v"))
		}},
		{Name: "both begin after what stands between them", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(3, h, "u")
			as(1, h, "v")
			as(2, h, "v")
			h.Do(4, history.OK, tape.Final("v", "u", "v"))
		}},
		{Name: "a copy was read before it was asked for", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			h.Do(2, history.OK, tape.Read("v", "v"))
			as(1, h, "v")
			h.Do(2, history.OK, tape.Final("v", "v"))
		}},
		{Name: "one of two acknowledged copies is lost", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			as(1, h, "v")
			h.Do(2, history.OK, tape.Final("v"))
		}},
		{Name: "the copy without an answer may be lost", Want: verdict.Valid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			h.Do(2, history.Info, tape.Extend("v"))
			h.Do(3, history.OK, tape.Final("v"))
		}},
		{Name: "but not come and go", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			h.Do(2, history.Info, tape.Extend("v"))
			h.Do(3, history.OK, tape.Read("v", "v"))
			h.Do(3, history.OK, tape.Final("v"))
		}},
		{Name: "a copy whose append failed", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			as(1, h, "v")
			h.Do(2, history.Fail, tape.Extend("v"))
			h.Do(3, history.OK, tape.Final("v", "v"))
		}},
		{Name: "beginnings in any order of reads that overlap", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Ask(8, tape.Read("a"))
			h.Ask(9, tape.Read("a", "b"))
			as(1, h, "a")
			as(1, h, "b")
			h.Answer(9, history.OK, tape.Read("a", "b"))
			h.Answer(8, history.OK, tape.Read("a"))
			h.Do(8, history.OK, tape.Final("a", "b"))
		}},
		{Name: "a copy explains a beginning, not another order", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Ask(1, tape.Extend("a"))
			h.Ask(2, tape.Extend("b"))
			h.Ask(3, tape.Extend("a"))
			h.Do(8, history.OK, tape.Read("a", "b"))
			h.Do(9, history.OK, tape.Final("b", "a", "a"))
		}},
	} {
		h := r.Require(t, func() verdict.Checker { return set.New() })
		require.Equal(t, r.Want == verdict.Valid, growing(h.Events, history.FAppend) == porcupine.Ok, "%s: porcupine", r.Name)
	}
}

func TestHardSets(t *testing.T) {
	for _, r := range []tape.Hard{
		{Name: "added again, it is there once", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}},
		{Name: "or as often as it was added", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a", "a"))
		}},
		{Name: "but not more often", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(1, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a", "a", "a"))
		}},
		{Name: "added again, it is not gone", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Add("a"))
			h.Ask(3, tape.Add("a"))
			h.Do(2, history.OK, tape.Read())
			h.Answer(3, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}},
		{Name: "the later of two additions is the one that happened", Want: verdict.Valid, Build: func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Add("a"))
			h.Do(2, history.OK, tape.Read())
			h.Ask(3, tape.Add("a"))
			h.Do(2, history.OK, tape.Read("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}},
		{Name: "the one that failed explains nothing", Want: verdict.Invalid, Build: func(h *tape.Tape) {
			h.Do(1, history.Fail, tape.Add("a"))
			h.Do(2, history.OK, tape.Read("a"))
			h.Do(3, history.OK, tape.Add("a"))
			h.Do(2, history.OK, tape.Final("a"))
		}},
	} {
		h := r.Require(t, func() verdict.Checker { return set.New() })
		require.Equal(t, r.Want == verdict.Valid, growing(h.Events, history.FAdd) == porcupine.Ok, "%s: porcupine", r.Name)
	}
}
