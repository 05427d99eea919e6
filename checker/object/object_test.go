package object_test

import (
	"strconv"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/object"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// oracle judges a history by porcupine alone: step returns the states that may follow.
func oracle(events []history.Event, step func(state string, op *history.Op, sure bool) []string) bool {
	operations := tape.AsOperations(events)
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{""} },
		Step: func(state, input, _ any) []any {
			in := input.(tape.Input)
			if in.Op.Type == history.Fail {
				return []any{state}
			}
			var next []any
			for _, s := range step(state.(string), &in.Op, in.Sure) {
				next = append(next, s)
			}
			if !in.Sure { // it may not happen at all
				next = append(next, state)
			}
			return next
		},
	}
	return porcupine.CheckOperations(m.ToModel(), operations)
}

func mutexStep(state string, op *history.Op, sure bool) []string {
	held, token := len(state) > 0 && state[0] == '!', 0
	if held {
		token, _ = strconv.Atoi(state[1:])
	} else if state != "" {
		token, _ = strconv.Atoi(state)
	}
	if (op.F == object.FLock) == held {
		return nil
	}
	if !held && sure && op.Got != "" {
		n, _ := strconv.Atoi(op.Got)
		if n <= token {
			return nil
		}
		token = n
	}
	if held {
		return []string{strconv.Itoa(token)}
	}
	return []string{"!" + strconv.Itoa(token)}
}

// queueStep has elements of two letters.
func queueStep(fifo bool) func(state string, op *history.Op, sure bool) []string {
	return func(state string, op *history.Op, sure bool) []string {
		word := func(v string) string { return v + string(make([]byte, 4-len(v))) }
		var next []string
		for at := 0; at < len(state) && (at == 0 || !fifo); at += 4 {
			if op.F == object.FDequeue && (!sure || word(op.Got) == state[at:at+4]) {
				next = append(next, state[:at]+state[at+4:])
			}
		}
		switch {
		case op.F == object.FEnqueue && fifo:
			return []string{state + word(op.Arg)}
		case op.F == object.FEnqueue:
			at := 0
			for at < len(state) && state[at:at+4] < word(op.Arg) {
				at += 4
			}
			return []string{state[:at] + word(op.Arg) + state[at:]}
		case sure && op.Got == "" && state == "":
			return []string{state}
		}
		return next
	}
}

func counterStep(state string, op *history.Op, sure bool) []string {
	n, _ := strconv.Atoi(state)
	if op.F == object.FIncrement {
		d, _ := strconv.Atoi(op.Arg)
		return []string{strconv.Itoa(n + d)}
	}
	if got, _ := strconv.Atoi(op.Got); sure && got != n {
		return nil
	}
	return []string{state}
}

// Every rule agrees with porcupine, which knows none of them.
func TestObjectsAgreeWithPorcupine(t *testing.T) {
	t.Parallel()
	seeds := 6000
	if testing.Short() {
		seeds = 1000
	}
	for name, row := range map[string]struct {
		fresh func() verdict.Checker
		draw  func(next tape.Choices, seed int) *tape.Tape
		step  func(state string, op *history.Op, sure bool) []string
	}{
		"mutex": {func() verdict.Checker { return object.NewMutex(false) },
			func(next tape.Choices, seed int) *tape.Tape { return tape.DrawMutex(next, 8+next(24), seed%4, false) }, mutexStep},
		"fenced": {func() verdict.Checker { return object.NewMutex(false) },
			func(next tape.Choices, seed int) *tape.Tape { return tape.DrawMutex(next, 8+next(24), seed%4, true) }, mutexStep},
		"any order": {func() verdict.Checker { return object.NewQueue(object.AnyOrder, verdict.Options{}) },
			func(next tape.Choices, seed int) *tape.Tape {
				return tape.DrawQueue(next, 8+next(20), seed%4, seed%3*(seed%2), false)
			}, queueStep(false)},
		"first in first out": {func() verdict.Checker { return object.NewQueue(object.FirstInFirstOut, verdict.Options{}) },
			func(next tape.Choices, seed int) *tape.Tape {
				return tape.DrawQueue(next, 8+next(20), seed%4, seed%3*(seed%2), true)
			}, queueStep(true)},
		"counter": {func() verdict.Checker { return object.NewCounter(verdict.Options{}) },
			func(next tape.Choices, seed int) *tape.Tape { return tape.DrawCounter(next, 8+next(24), seed%4, 2) }, counterStep},
		"counter of any": {func() verdict.Checker { return object.NewCounter(verdict.Options{}) },
			func(next tape.Choices, seed int) *tape.Tape {
				return tape.DrawCounter(next, 8+next(16), seed%4, 1, 3, -1)
			}, counterStep},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verdicts := make(map[verdict.Verdict]int)
			for seed := range seeds {
				h := row.draw(tape.Seeded(uint64(seed)), seed)
				got := h.Judge(row.fresh())
				right := oracle(h.Events, row.step)
				verdicts[got.Verdict]++
				if right {
					require.Empty(t, got.Violations, "seed %d: %s", seed, got.Summary)
				} else {
					require.Equal(t, verdict.Invalid, got.Verdict, "seed %d", seed)
				}
			}
			t.Log(verdicts)
			require.Greater(t, verdicts[verdict.Valid], seeds/20)
			require.Greater(t, verdicts[verdict.Invalid], seeds/20)
		})
	}
}
