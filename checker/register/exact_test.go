package register_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
)

// compare judges a history with the checker and with porcupine; an error is a
// disagreement.
func compare(h *tape.Tape) (legal bool, result verdict.Result, err error) {
	want := verdict.Invalid
	legal = tape.Linearizable(h.Events)
	result = h.Judge(newLinearizable())
	switch {
	case legal && result.Stats["ops"] == 0:
		want = verdict.Unchecked
	case legal:
		want = verdict.Valid
	}
	if result.Verdict != want {
		var text strings.Builder
		for i := range h.Events {
			fmt.Fprintln(&text, verdict.Describe(&h.Events[i]))
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
				next := tape.Seeded(uint64(seed))
				h := tape.DrawRegister(next, tape.RegisterShape{Steps: 8 + next(20), Open: 2 + next(3), Lies: seed % 5, Plain: true})
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
		next := tape.Seeded(seed)
		_, _, err := compare(tape.DrawRegister(next, tape.RegisterShape{Steps: 10 + next(24), Open: 2 + next(2), Lies: int(seed % 3)}))
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
		_, _, err := compare(tape.DrawRegister(tape.Scripted(b), tape.RegisterShape{Steps: 30, Open: 4, Lies: 2, Plain: plain}))
		require.NoError(t, err)
	})
}
