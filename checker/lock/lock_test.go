package lock_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/lock"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

func newLock() verdict.Checker { return lock.New() }

func TestLock(t *testing.T) {
	on := func(build func(h *tape.Tape)) func() *tape.Tape {
		return func() *tape.Tape {
			h := tape.New(history.Run{})
			h.Do(9, history.OK, history.Op{F: history.FAcquire, Key: "another", Arg: "x", Got: "1"})
			build(h)
			return h
		}
	}
	tape.Verdicts(t, newLock, []tape.Row{
		{Name: "one after the other", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.OK, tape.Release("a", "1"))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
		}), Want: verdict.Valid},
		{Name: "two at once", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
			h.Do(1, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "got while the release was on its way", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Ask(1, tape.Release("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
			h.Answer(1, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Valid},
		{Name: "never released", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "released without an answer", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.Info, tape.Release("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
		}), Want: verdict.Valid},
		{Name: "a release that failed", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.Fail, tape.Release("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "a release without an answer, and one that found the lock", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.Info, tape.Release("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "2"))
			h.Do(3, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "an acquire without an answer", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Acquire("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "1"))
		}), Want: verdict.Valid},
		{Name: "an acquire without an answer that was released", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Acquire("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "1"))
			h.Do(3, history.OK, tape.Release("a", "2"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "the same, when it can have been the last", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Info, tape.Acquire("a", ""))
			h.Do(2, history.OK, tape.Acquire("b", "1"))
			h.Do(2, history.OK, tape.Release("b", "1"))
			h.Do(3, history.OK, tape.Release("a", "2"))
		}), Want: verdict.Valid},
		{Name: "one token twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.OK, tape.Release("a", "1"))
			h.Do(2, history.OK, tape.Acquire("b", "1"))
		}), Want: verdict.Invalid, Rule: "one token twice"},
		{Name: "tokens against time", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "2"))
			h.Do(1, history.OK, tape.Release("a", "2"))
			h.Do(2, history.OK, tape.Acquire("b", "1"))
		}), Want: verdict.Invalid, Rule: "a token against time"},
		{Name: "tokens of acquires at one time", Build: on(func(h *tape.Tape) {
			h.Ask(2, tape.Acquire("b", ""))
			h.Do(1, history.OK, tape.Acquire("a", "2"))
			h.Do(1, history.OK, tape.Release("a", "2"))
			h.Ask(3, tape.Release("b", ""))
			h.Answer(2, history.OK, tape.Acquire("b", "1"))
		}), Want: verdict.Invalid, Rule: "two holders at once"},
		{Name: "the same, released in time", Build: on(func(h *tape.Tape) {
			h.Ask(2, tape.Acquire("b", ""))
			h.Ask(3, tape.Release("b", ""))
			h.Do(1, history.OK, tape.Acquire("a", "2"))
			h.Do(1, history.OK, tape.Release("a", "2"))
			h.Answer(2, history.OK, tape.Acquire("b", "1"))
		}), Want: verdict.Valid},
		{Name: "a release of nobody's", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Invalid, Rule: "a release without the lock"},
		{Name: "a release of a refused one", Build: on(func(h *tape.Tape) {
			h.Do(1, history.Fail, tape.Acquire("a", ""))
			h.Do(1, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Invalid, Rule: "a release without the lock"},
		{Name: "released twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.OK, tape.Release("a", "1"))
			h.Do(1, history.OK, tape.Release("a", "1"))
		}), Want: verdict.Invalid, Rule: "released twice"},
		{Name: "another token at the release", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.OK, tape.Release("a", "2"))
		}), Want: verdict.Invalid, Rule: "another token at the release"},
		{Name: "an old token passes", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Fence("v", "2"))
			h.Do(2, history.OK, tape.Fence("w", "1"))
		}), Want: verdict.Invalid, Rule: "an old token passed the fence"},
		{Name: "an old token is refused", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Fence("v", "2"))
			h.Do(2, history.Fail, tape.Fence("w", "1"))
			h.Do(2, history.Info, tape.Fence("x", "1"))
		}), Want: verdict.Valid},
		{Name: "an old token meanwhile", Build: on(func(h *tape.Tape) {
			h.Ask(2, tape.Fence("w", "1"))
			h.Do(1, history.OK, tape.Fence("v", "2"))
			h.Answer(2, history.OK, tape.Fence("w", "1"))
		}), Want: verdict.Valid},
		{Name: "a token that is none", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "many"))
		}), Want: verdict.Unknown},
		{Name: "a name twice", Build: on(func(h *tape.Tape) {
			h.Do(1, history.OK, tape.Acquire("a", "1"))
			h.Do(1, history.OK, tape.Acquire("a", "2"))
		}), Want: verdict.Unknown},
	})
}

func TestLockNeedsHolders(t *testing.T) {
	h := tape.New(history.Run{})
	h.Do(1, history.Info, tape.Acquire("a", ""))
	require.Equal(t, verdict.Unknown, h.Judge(newLock()).Verdict, "nobody got the lock")
	require.Equal(t, verdict.Unchecked, tape.New(history.Run{}).Judge(newLock()).Verdict)
}

// lockOrder tries every order of the operations on one lock.
type lockOrder struct {
	ops  []lockDeed
	seen map[lockState]bool
}

type lockDeed struct {
	history.Op
	from, to int
	sure     bool
}

type lockState struct {
	done          uint32
	holder        string
	token, passed uint64
}

func lockOrderOf(events []history.Event) *lockOrder {
	o := &lockOrder{seen: make(map[lockState]bool)}
	open := make(map[int]int)
	for i := range events {
		op := events[i].Op
		switch {
		case op == nil:
		case op.Type == history.Invoke:
			open[op.Process] = len(o.ops)
			o.ops = append(o.ops, lockDeed{Op: *op, from: i, to: 1 << 30})
		case op.Type == history.OK:
			d := &o.ops[open[op.Process]]
			d.Op, d.to, d.sure = *op, i, true
		case op.Type == history.Fail:
			o.ops[open[op.Process]].F = history.FGet // it has no effect
		}
	}
	return o
}

// from tells whether the rest has an order from a state on.
func (o *lockOrder) from(s lockState) bool {
	if o.seen[s] {
		return false
	}
	o.seen[s] = true
	earliest, left := 1<<30, false
	for i := range o.ops {
		if d := &o.ops[i]; s.done&(1<<i) == 0 && d.sure {
			earliest, left = min(earliest, d.to), true
		}
	}
	if !left {
		return true
	}
	for i := range o.ops {
		d := &o.ops[i]
		if s.done&(1<<i) != 0 || d.from > earliest {
			continue
		}
		for _, next := range d.lead(s) {
			next.done = s.done | 1<<i
			if o.from(next) {
				return true
			}
		}
	}
	return false
}

// lead returns the states that the operation may lead to.
func (d *lockDeed) lead(s lockState) (out []lockState) {
	got, _ := strconv.ParseUint(d.Got, 10, 64)
	old, _ := strconv.ParseUint(d.Old, 10, 64)
	switch {
	case d.F == history.FAcquire && s.holder == "":
		for token := s.token + 1; token < 8; token++ {
			if !d.sure || token == got {
				out = append(out, lockState{0, d.Arg, token, s.passed})
			}
		}
	case d.F == history.FRelease && s.holder == d.Arg && (!d.sure || s.token == got):
		out = append(out, lockState{0, "", s.token, s.passed})
	case d.F == history.FFenced && old >= s.passed:
		out = append(out, lockState{0, s.holder, s.token, old})
	}
	return out
}

// The checker and the trial of all orders agree on small histories.
func TestLockAgreesWithAllOrders(t *testing.T) {
	legal := 0
	const histories = 20_000
	for seed := range uint64(histories) {
		next := tape.Seeded(seed)
		h := tape.DrawLock(next, 8+next(24), int(seed%4))
		h.Do(0, history.OK, history.Op{F: history.FAcquire, Key: "another", Arg: "x", Got: "1"})
		want := verdict.Invalid
		if lockOrderOf(h.Events[:len(h.Events)-2]).from(lockState{}) {
			want = verdict.Valid
			legal++
		}
		got := h.Judge(newLock())
		if got.Verdict != want {
			for i := range h.Events {
				t.Log(verdict.Describe(&h.Events[i]))
			}
			require.Equal(t, want, got.Verdict, "seed %d: %+v", seed, got)
		}
		for _, v := range got.Violations {
			require.LessOrEqual(t, len(v.Events), 8, "at most four operations")
		}
	}
	require.Greater(t, legal, histories/4)
	require.Less(t, legal, 4*histories/5)
}

func FuzzLock(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz0123456789"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h := tape.DrawLock(tape.Scripted(b), 32, 3)
		legal := lockOrderOf(h.Events).from(lockState{})
		require.Equal(t, !legal, h.Judge(newLock()).Verdict == verdict.Invalid)
	})
}

func BenchmarkLock(b *testing.B) {
	events := tape.Locks(tape.New(history.Run{}), tape.Million).Events
	b.Run("valid", func(b *testing.B) { tape.Measure(b, events, newLock, verdict.Valid) })
	late := *events[len(events)-2].Op // the last release begins
	late.Arg = "n1"
	twice := append(slices.Clone(events), history.Event{Seq: uint64(len(events)), Op: &late})
	done := late
	done.Type, done.Got = history.OK, "2"
	twice = append(twice, history.Event{Seq: uint64(len(events)) + 1, Op: &done})
	b.Run("released-twice", func(b *testing.B) { tape.Measure(b, twice, newLock, verdict.Invalid) })
}
