package model

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// What a page shows about a proof adds no contradiction: any window of a legal
// history, whatever it is about, is legal.
func TestWindowsOfLegalHistories(t *testing.T) {
	t.Parallel()
	sizes := make(map[bool]int)
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 4))
		c := &cell{key: "r", judge: register.New(verdict.Options{}), ops: registerModel(nil).checker(verdict.Options{})}
		for _, e := range tape.Cell(r, 60, 0) {
			c.Event(&e)
		}
		require.Equal(t, verdict.Valid, c.judge.Finish().Verdict, "seed %d", seed)
		var ops []*operation
		for _, op := range c.ops.keys["r"].ops {
			if telling(op) {
				ops = append(ops, op)
			}
		}
		about := ops[r.IntN(len(ops))]
		if wrote, _ := writtenBy(about); !wrote {
			continue // a proof holds the writes that it needs
		}
		part := c.window(ops, func(op *operation) bool { return op == about && op.op.F == history.FPut }, r.IntN(30))
		got, why := part.check(verdict.NewBudget(c.ops.options))
		require.Equal(t, verdict.Valid, got, "seed %d: %s", seed, why)
		sizes[len(part.ops) > 3]++
	}
	require.Greater(t, sizes[true], 20, "%v", sizes)
}
