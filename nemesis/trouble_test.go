package nemesis_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/nemesis/draw"
)

// trouble fails some calls, panics in some, and leaves off after a while. A call that took
// effect is not refused.
func trouble(f *fake, random *rand.Rand, percent int, late bool) func() error {
	return func() error {
		if time.Since(f.start) > 12*time.Second || random.IntN(100) >= percent {
			return nil
		}
		switch random.IntN(8) {
		case 0:
			panic("planned")
		case 1:
			if !late {
				return nemesis.ErrRefused
			}
		}
		return errors.New("planned")
	}
}

// Whatever a plan does, whatever fails meanwhile, before or after it took effect, and
// whenever it is cut short: in the end all is as it was, or somebody says that it is not.
func TestEverythingHeals(t *testing.T) {
	nodes := members(5)
	plans := draw.Plan(draw.Options{Nodes: nodes, Steps: 12, Unit: 100 * time.Millisecond})
	for seed := range 300 {
		plan, random := plans.Example(seed), rand.New(rand.NewPCG(uint64(seed), 1))
		plan.Steps = append(plan.Steps, nemesis.Step{At: 12500 * time.Millisecond, Fault: nemesis.Restart{Who: "n1"}}) // no trouble by then
		percent := []int{0, 10, 40}[seed%3]
		cut := 20 * time.Second
		if percent == 0 && random.IntN(2) == 0 {
			cut = time.Duration(random.IntN(12_000)) * time.Millisecond
		}
		var f *fake
		var report nemesis.Report
		var err error
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), cut)
			defer cancel()
			f = newFake(nodes...)
			f.deadly, f.slow["cut power"] = random.IntN(2) == 0, 300*time.Millisecond
			f.trouble = trouble(f, random, percent, false)
			f.late = trouble(f, random, percent/2, true)
			if random.IntN(2) == 0 {
				f.tell(candidate("n2", 4))
				f.tell(vote("n3", "n2", 4))
				f.tell(leader("n2", 4))
			}
			report, err = nemesis.Execute(ctx, nemesis.Options{System: f, Record: f.record, Seed: 1, Until: 13 * time.Second}, plan)
		})
		if percent == 0 && !errors.Is(err, context.DeadlineExceeded) {
			require.NoError(t, err)
		}
		require.Empty(t, report.Unhealed, "seed %d:\n%s\n%s", seed, plan, strings.Join(f.calls, "\n"))
		require.NoError(t, f.healed(), "seed %d:\n%s\n%s", seed, plan, strings.Join(f.calls, "\n"))
	}
}
