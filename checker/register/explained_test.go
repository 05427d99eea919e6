package register_test

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// orphan is what explanations say of a value without an author.
var orphan = regexp.MustCompile(`("(?:[^"\\]|\\.)*") (?:was read by [0-9.]+s, but (?:no client ever wrote it|its write certainly failed)|is there, but no client had added it)`)

// writers counts the operations that may have written a value to a key, or added it,
// and, of those, the ones that failed.
func writers(h *tape.Tape, key, value string) (may, failed int) {
	outcome := make(map[int]*history.Op) // what each process has open
	count := func(op *history.Op, t history.OpType) {
		if op == nil || op.Key != key || op.Arg != value || op.F == history.FGet || op.F == history.FRead || op.F == history.FCas && op.Old == value {
			return
		}
		if t == history.Fail {
			failed++
			return
		}
		may++
	}
	for i := range h.Events {
		op := h.Events[i].Op
		switch {
		case op == nil:
		case op.Type == history.Invoke:
			count(outcome[op.Process], history.Info)
			outcome[op.Process] = op
		default:
			count(outcome[op.Process], op.Type)
			delete(outcome, op.Process)
		}
	}
	for _, op := range outcome {
		count(op, history.Info)
	}
	return may, failed
}

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// What an explanation says in words holds: nobody is left out who wrote a value of
// which it says that nobody did, and a key that holds nothing is not called a value.
func TestExplanationsSayWhatIsSo(t *testing.T) {
	t.Parallel()
	invalid, orphans := 0, 0
	for _, seed := range append(slices.Collect(numbers(4_000)), 7220, 7448) { // two that told of writers wrongly
		next := tape.Seeded(uint64(seed))
		checker := verdict.PerKey(register.New(verdict.Options{}))
		var h *tape.Tape
		switch seed % 4 {
		case 0, 1:
			h = tape.DrawRegister(next, tape.RegisterShape{Plain: seed%4 == 1, Steps: 8 + next(24), Open: 2 + next(3), Lies: 1 + next(4)})
		case 2:
			checker = verdict.PerKey(set.New())
			h = tape.Growth{F: history.FAppend, Steps: 8 + next(14), Lies: 1 + next(4), Few: 2, Copies: next(3) == 0}.Draw(next)
		case 3:
			checker = verdict.PerKey(set.New())
			h = tape.Growth{F: history.FAdd, Steps: 8 + next(14), Lies: 1 + next(4), Few: 3, Copies: next(3) == 0}.Draw(next)
		}
		got := h.Judge(checker)
		for _, v := range got.Violations {
			invalid++
			require.NotRegexp(t, `(before|after|of|replaced) nothing\b|: nothing (was|is)`, v.Text, "seed %d", seed)
			m := orphan.FindStringSubmatch(v.Text)
			if m == nil {
				continue
			}
			orphans++
			value, err := strconv.Unquote(m[1])
			require.NoError(t, err)
			if strings.Contains(v.Text, "had added it") {
				continue // later ones do not count
			}
			key := strings.TrimPrefix(strings.SplitN(v.Text, ":", 2)[0], "key ")
			may, failed := writers(h, key, value)
			require.Zero(t, may, "seed %d: %s", seed, v.Text)
			require.Equal(t, strings.Contains(v.Text, "failed"), failed > 0, "seed %d: %s", seed, v.Text)
		}
	}
	require.Greater(t, invalid, 500)
	require.Greater(t, orphans, 20)
}
