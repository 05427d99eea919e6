package checker_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

func newLock() checker.Checker { return checker.NewLock() }

func acquire(name, token string) history.Op {
	return history.Op{F: history.FAcquire, Key: "l", Arg: name, Got: token}
}

func release(name, token string) history.Op {
	return history.Op{F: history.FRelease, Key: "l", Arg: name, Got: token}
}

func fence(value, token string) history.Op {
	return history.Op{F: history.FFenced, Key: "l", Arg: value, Old: token}
}

func TestLock(t *testing.T) {
	on := func(build func(h *tape)) func() *tape {
		return func() *tape {
			h := newTape(history.Run{})
			h.do(9, history.OK, history.Op{F: history.FAcquire, Key: "another", Arg: "x", Got: "1"})
			build(h)
			return h
		}
	}
	verdicts(t, newLock, []row{
		{"one after the other", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.OK, release("a", "1"))
			h.do(2, history.OK, acquire("b", "2"))
		}), checker.Valid, ""},
		{"two at once", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(2, history.OK, acquire("b", "2"))
			h.do(1, history.OK, release("a", "1"))
		}), checker.Invalid, "two holders at once"},
		{"got while the release was on its way", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.ask(1, release("a", ""))
			h.do(2, history.OK, acquire("b", "2"))
			h.answer(1, history.OK, release("a", "1"))
		}), checker.Valid, ""},
		{"never released", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(2, history.OK, acquire("b", "2"))
		}), checker.Invalid, "two holders at once"},
		{"released without an answer", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.Info, release("a", ""))
			h.do(2, history.OK, acquire("b", "2"))
		}), checker.Valid, ""},
		{"a release that failed", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.Fail, release("a", ""))
			h.do(2, history.OK, acquire("b", "2"))
		}), checker.Invalid, "two holders at once"},
		{"a release without an answer, and one that found the lock", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.Info, release("a", ""))
			h.do(2, history.OK, acquire("b", "2"))
			h.do(3, history.OK, release("a", "1"))
		}), checker.Invalid, "two holders at once"},
		{"an acquire without an answer", on(func(h *tape) {
			h.do(1, history.Info, acquire("a", ""))
			h.do(2, history.OK, acquire("b", "1"))
		}), checker.Valid, ""},
		{"an acquire without an answer that was released", on(func(h *tape) {
			h.do(1, history.Info, acquire("a", ""))
			h.do(2, history.OK, acquire("b", "1"))
			h.do(3, history.OK, release("a", "2"))
		}), checker.Invalid, "two holders at once"},
		{"the same, when it can have been the last", on(func(h *tape) {
			h.do(1, history.Info, acquire("a", ""))
			h.do(2, history.OK, acquire("b", "1"))
			h.do(2, history.OK, release("b", "1"))
			h.do(3, history.OK, release("a", "2"))
		}), checker.Valid, ""},
		{"one token twice", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.OK, release("a", "1"))
			h.do(2, history.OK, acquire("b", "1"))
		}), checker.Invalid, "one token twice"},
		{"tokens against time", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "2"))
			h.do(1, history.OK, release("a", "2"))
			h.do(2, history.OK, acquire("b", "1"))
		}), checker.Invalid, "a token against time"},
		{"tokens of acquires at one time", on(func(h *tape) {
			h.ask(2, acquire("b", ""))
			h.do(1, history.OK, acquire("a", "2"))
			h.do(1, history.OK, release("a", "2"))
			h.ask(3, release("b", ""))
			h.answer(2, history.OK, acquire("b", "1"))
		}), checker.Invalid, "two holders at once"},
		{"the same, released in time", on(func(h *tape) {
			h.ask(2, acquire("b", ""))
			h.ask(3, release("b", ""))
			h.do(1, history.OK, acquire("a", "2"))
			h.do(1, history.OK, release("a", "2"))
			h.answer(2, history.OK, acquire("b", "1"))
		}), checker.Valid, ""},
		{"a release of nobody's", on(func(h *tape) {
			h.do(1, history.OK, release("a", "1"))
		}), checker.Invalid, "a release without the lock"},
		{"a release of a refused one", on(func(h *tape) {
			h.do(1, history.Fail, acquire("a", ""))
			h.do(1, history.OK, release("a", "1"))
		}), checker.Invalid, "a release without the lock"},
		{"released twice", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.OK, release("a", "1"))
			h.do(1, history.OK, release("a", "1"))
		}), checker.Invalid, "released twice"},
		{"another token at the release", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.OK, release("a", "2"))
		}), checker.Invalid, "another token at the release"},
		{"an old token passes", on(func(h *tape) {
			h.do(1, history.OK, fence("v", "2"))
			h.do(2, history.OK, fence("w", "1"))
		}), checker.Invalid, "an old token passed the fence"},
		{"an old token is refused", on(func(h *tape) {
			h.do(1, history.OK, fence("v", "2"))
			h.do(2, history.Fail, fence("w", "1"))
			h.do(2, history.Info, fence("x", "1"))
		}), checker.Valid, ""},
		{"an old token meanwhile", on(func(h *tape) {
			h.ask(2, fence("w", "1"))
			h.do(1, history.OK, fence("v", "2"))
			h.answer(2, history.OK, fence("w", "1"))
		}), checker.Valid, ""},
		{"a token that is none", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "many"))
		}), checker.Unknown, ""},
		{"a name twice", on(func(h *tape) {
			h.do(1, history.OK, acquire("a", "1"))
			h.do(1, history.OK, acquire("a", "2"))
		}), checker.Unknown, ""},
	})
}

func TestLockNeedsHolders(t *testing.T) {
	h := newTape(history.Run{})
	h.do(1, history.Info, acquire("a", ""))
	require.Equal(t, checker.Unknown, h.judge(newLock()).Verdict, "nobody got the lock")
	require.Equal(t, checker.Valid, newTape(history.Run{}).judge(newLock()).Verdict)
}

// drawLock makes a history of a true lock of which some answers are false.
func drawLock(next choices, steps, lies int) *tape {
	var holder string
	var token, passed uint64
	names := 0
	format := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return drawing{
		steps: steps, open: 3,
		ask: func() history.Op {
			op := history.Op{F: history.FAcquire, Key: "l", Arg: fmt.Sprint("n", names)}
			switch next(5) {
			case 0, 1:
				names++
			case 2, 3:
				op.F, op.Arg = history.FRelease, fmt.Sprint("n", next(names+1))
				if holder != "" && next(4) > 0 {
					op.Arg = holder
				}
			default:
				op.F, op.Old = history.FFenced, format(1+uint64(next(3)))
			}
			return op
		},
		take: func(op *history.Op) {
			switch old, _ := strconv.ParseUint(op.Old, 10, 64); {
			case op.F == history.FAcquire && holder == "":
				token++
				holder, op.Got = op.Arg, format(token)
			case op.F == history.FRelease && holder == op.Arg:
				holder, op.Got = "", format(token)
			case op.F == history.FFenced && old >= passed:
				passed = old
			default:
				op.Type = history.Fail
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(8) >= lies {
				return outcome
			}
			if op.F != history.FFenced {
				op.Got = format(1 + uint64(next(4)))
			}
			return history.OK
		},
	}.draw(next)
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
		next := seeded(seed)
		h := drawLock(next, 8+next(24), int(seed%4))
		h.do(0, history.OK, history.Op{F: history.FAcquire, Key: "another", Arg: "x", Got: "1"})
		want := checker.Invalid
		if lockOrderOf(h.events[:len(h.events)-2]).from(lockState{}) {
			want = checker.Valid
			legal++
		}
		got := h.judge(newLock())
		if got.Verdict != want {
			for i := range h.events {
				t.Log(checker.Describe(&h.events[i]))
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
		h := drawLock(scripted(b), 32, 3)
		legal := lockOrderOf(h.events).from(lockState{})
		require.Equal(t, !legal, h.judge(newLock()).Verdict == checker.Invalid)
	})
}

// lockHistory is a million operations on one lock: somebody takes it while another
// is refused, writes once, and releases it.
func lockHistory() []history.Event {
	h := newTape(history.Run{})
	h.events = make([]history.Event, 0, 2*million+1)
	for n := 0; n < million/4; n++ {
		name, token := fmt.Sprint("n", n), strconv.Itoa(n+1)
		p := n % 10
		h.ask(p, acquire(name, ""))
		h.ask(10+p, acquire("-"+name, ""))
		h.answer(p, history.OK, acquire(name, token))
		h.answer(10+p, history.Fail, acquire("-"+name, ""))
		h.do(p, history.OK, fence(name, token))
		h.do(p, history.OK, release(name, token))
	}
	return h.events
}

func BenchmarkLock(b *testing.B) {
	events := lockHistory()
	b.Run("valid", func(b *testing.B) { measure(b, events, newLock, checker.Valid) })
	late := *events[len(events)-2].Op // the last release begins
	late.Arg = "n1"
	twice := append(slices.Clone(events), history.Event{Seq: uint64(len(events)), Op: &late})
	done := late
	done.Type, done.Got = history.OK, "2"
	twice = append(twice, history.Event{Seq: uint64(len(events)) + 1, Op: &done})
	b.Run("released-twice", func(b *testing.B) { measure(b, twice, newLock, checker.Invalid) })
}
