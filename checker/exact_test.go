package checker_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// shape is what a drawn history may have.
type shape struct {
	steps int
	open  int  // operations at once
	lies  int  // of 4 answers, how many may be false
	plain bool // every value is written once, and nothing is deleted
}

// draw makes a history of one key: of a true register whose answers are
// sometimes false.
func draw(next choices, s shape) *tape {
	values, state := []string{""}, ""
	return drawing{
		steps: s.steps, open: s.open,
		ask: func() history.Op {
			op := history.Op{F: []history.F{history.FGet, history.FGet, history.FPut, history.FCas, history.FCas, history.FDelete}[next(6)]}
			if op.F == history.FDelete && s.plain {
				op.F = history.FPut
			}
			if op.F == history.FCas {
				op.Old = values[max(next(len(values)), next(len(values)))]
			}
			if op.F == history.FPut || op.F == history.FCas {
				op.Arg = fmt.Sprint("v", len(values))
				if !s.plain {
					op.Arg = fmt.Sprint("v", next(3))
				}
				values = append(values, op.Arg)
			}
			return op
		},
		take: func(op *history.Op) {
			switch {
			case op.F == history.FGet:
				op.Got, op.Saw = state, true
			case op.F == history.FCas && state != op.Old:
				op.Got, op.Saw = state, next(4) > 0
				op.Type = history.Fail
			default:
				state = op.Arg
			}
		},
		lie: func(op *history.Op, outcome history.OpType) history.OpType {
			if next(4) >= s.lies {
				return outcome
			}
			switch {
			case op.Saw:
				op.Got = values[next(len(values))]
			case op.F == history.FCas:
				return history.OK
			case op.F == history.FPut && next(4) == 0:
				return history.Fail
			}
			return outcome
		},
	}.draw(next)
}

// compare judges a history with the checker and with porcupine; an error is a
// disagreement.
func compare(h *tape) (legal bool, result checker.Result, err error) {
	want := checker.Invalid
	legal = oracle(h.events)
	if legal {
		want = checker.Valid
	}
	if result = h.judge(newLinearizable()); result.Verdict != want {
		var text strings.Builder
		for i := range h.events {
			fmt.Fprintln(&text, checker.Describe(&h.events[i]))
		}
		err = fmt.Errorf("porcupine says %s, the checker %+v of\n%s", want, result, &text)
	}
	return legal, result, err
}

// The exact checker and porcupine agree on small histories of plain values, of
// which every one must be decided without a search.
func TestBlocksAgreeWithPorcupine(t *testing.T) {
	histories := 200_000
	if testing.Short() {
		histories = 20_000
	}
	var legal, long atomic.Int64
	var gone sync.WaitGroup
	shards := runtime.GOMAXPROCS(0)
	for shard := range shards {
		gone.Go(func() {
			for seed := shard; seed < histories && !t.Failed(); seed += shards {
				next := seeded(uint64(seed))
				h := draw(next, shape{steps: 8 + next(20), open: 2 + next(3), lies: seed % 5, plain: true})
				ok, result, err := compare(h)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
				if ok {
					legal.Add(1)
				}
				if result.Stats["searched"] > 0 {
					t.Errorf("seed %d: a history of plain values was searched", seed)
				}
				for _, v := range result.Violations {
					if len(v.Events) > 8 {
						long.Add(1)
					}
				}
			}
		})
	}
	gone.Wait()
	require.Greater(t, legal.Load(), int64(histories/4))
	require.Less(t, legal.Load(), int64(3*histories/4))
	require.Less(t, long.Load(), int64(histories/100), "few proofs need more than four operations")
}

// With deletes and values that repeat, some histories are decided and the others
// searched; both agree with porcupine.
func TestMixedHistoriesAgreeWithPorcupine(t *testing.T) {
	for seed := range uint64(20_000) {
		next := seeded(seed)
		_, _, err := compare(draw(next, shape{steps: 10 + next(24), open: 2 + next(2), lies: int(seed % 3)}))
		require.NoError(t, err, "seed %d", seed)
	}
}

func FuzzBlocks(f *testing.F) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		b := make([]byte, 60)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, plain bool) {
		_, _, err := compare(draw(scripted(b), shape{steps: 30, open: 4, lies: 2, plain: plain}))
		require.NoError(t, err)
	})
}
