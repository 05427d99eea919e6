package register

import (
	"flag"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

var searches = flag.Int("searches", 6000, "histories that the search for an order must judge as porcupine does")

// The search agrees with porcupine, without the rules that spare most of it.
func TestTimelyAgreesWithPorcupine(t *testing.T) {
	t.Parallel()
	verdicts := make(map[verdict.Verdict]int)
	for seed := range *searches {
		next := tape.Seeded(uint64(seed))
		h := tape.DrawRegister(next, tape.RegisterShape{Steps: 10 + next(40), Open: 2 + next(5), Lies: seed % 3})
		c := New(verdict.Options{})
		for i := range h.Events {
			c.Event(&h.Events[i])
		}
		var s search
		s.Budget = verdict.NewBudget(c.options)
		var r *register
		for _, r = range c.order {
			items := r.items(&s.space)
			if len(r.refused) > 0 {
				continue // told apart
			}
			got, why := s.check(passage{items: items, after: -1})
			require.Empty(t, why)
			verdicts[got]++
			require.Equal(t, tape.Linearizable(h.Events), got == verdict.Valid, "seed %d", seed)
		}
	}
	t.Log(verdicts)
	require.Greater(t, verdicts[verdict.Valid], *searches/10)
	require.Greater(t, verdicts[verdict.Invalid], *searches/10)
}

// one register of few values, twenty clients, some of whom get no answer.
func crowd(values, operations, timeouts int, seed uint64) *tape.Tape {
	next := tape.Seeded(seed)
	h := tape.New(history.Run{})
	value := ""
	type client struct {
		op    history.Op
		asked bool
		took  bool
	}
	clients := make(map[int]*client)
	process := make([]int, 20)
	for i := range process {
		process[i] = i
	}
	word := func() string { return fmt.Sprint("v", next(values)) }
	for done := 0; done < operations; {
		p := next(len(process))
		c := clients[p]
		if c == nil {
			c = new(client)
			clients[p] = c
		}
		switch {
		case !c.asked:
			*c = client{asked: true, op: []history.Op{tape.Get(""), tape.Put(word()), tape.Cas(word(), word())}[next(3)]}
			h.Ask(process[p], c.op)
		case !c.took:
			c.took = true
			switch {
			case c.op.F == history.FGet:
				c.op.Got, c.op.Saw = value, true
			case c.op.F == history.FPut, c.op.Old == value:
				value = c.op.Arg
			default:
				c.op.Type = history.Fail
			}
		default:
			outcome := history.OK
			if c.op.Type == history.Fail {
				outcome = history.Fail
			} else if next(100) < timeouts {
				outcome = history.Info
			}
			h.Answer(process[p], outcome, c.op)
			if outcome == history.Info {
				process[p] += len(process)
			}
			c.asked = false
			done++
		}
	}
	return h
}

// Many timeouts of few values are decided within the default budget: to leave it to
// porcupine takes minutes, if it ends.
func TestFewValuesManyTimeouts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		h := crowd(5, 1500, int(3*seed), seed)
		got := h.Judge(New(verdict.Options{}))
		require.Equal(t, verdict.Valid, got.Verdict, "seed %d: %s", seed, got.Summary)
		t.Log(got.Stats)
	}
}

// A value that nobody wrote is found among them, and shown by itself.
func TestFewValuesOneLie(t *testing.T) {
	t.Parallel()
	h := crowd(5, 600, 3, 1)
	h.Do(900, history.OK, tape.Put("v1"))
	h.Do(901, history.OK, tape.Get("v9"))
	got := h.Judge(New(verdict.Options{}))
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.LessOrEqual(t, len(got.Violations[0].Events), 4)
}

// A read of another value than there was, long after most of the others, is told by a few
// operations though a value has hundreds of writers.
func TestFewValuesOneStaleRead(t *testing.T) {
	t.Parallel()
	h := crowd(4, 400, 0, 5)
	h.Phase("faults")
	h.Do(900, history.OK, tape.Put("w"))
	h.Do(901, history.OK, tape.Get("w"))
	h.Do(902, history.OK, tape.Cas("w", "x"))
	h.Do(903, history.OK, tape.Get("w"))
	require.False(t, tape.Linearizable(h.Events[len(h.Events)-8:]))
	got := h.Judge(New(verdict.Options{}))
	require.Equal(t, verdict.Invalid, got.Verdict)
	require.LessOrEqual(t, len(got.Violations[0].Events), 16)
}

// What the budget leaves undecided says how far the key is decided, the same each time.
func TestDecidedPrefix(t *testing.T) {
	t.Parallel()
	h := crowd(5, 1500, 3, 4)
	o := verdict.Options{Steps: 2000}
	got := h.Judge(New(o))
	require.Equal(t, verdict.Unknown, got.Verdict)
	require.Regexp(t, `^key x: 0 of 1[0-9]+ operations decided; 1 passage undecided: the first, .*exceeded its steps \(2000; check takes --steps\); `+
		`its first [1-9][0-9]* answers have an order, up to [0-9.]+s$`, got.Summary)
	require.Equal(t, got, h.Judge(New(o)))
	require.Equal(t, verdict.Valid, h.Judge(New(verdict.Options{})).Verdict)
}
