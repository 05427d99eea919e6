package engine

import (
	"context"
	"slices"
	"time"

	"github.com/usurper/usurper/checker"
)

// Hunted is what a hunt found.
type Hunted struct {
	Results  []Result      // every run that has a verdict, in order
	Lost     int           // runs that have none
	Elapsed  time.Duration // from the first start to the last verdict
	Caught   bool          // the last run was judged invalid
	Checkers []string      // the checkers that judged it invalid
}

// By tells whether the named checker was among those that caught it.
func (h Hunted) By(name string) bool { return slices.Contains(h.Checkers, name) }

// Hunt repeats a run under consecutive seeds, from cfg.Seed on, until the named
// checker calls one invalid ("" for any checker), or budget is spent. A run that
// has begun is finished. One that has no verdict, as when a busy machine did not let the
// system start, is passed over; after three in a row, or if there was no other, the error
// is the last one's. build makes the configuration for a seed.
func Hunt(ctx context.Context, name string, budget time.Duration, build func(n int) (Config, error)) (Hunted, error) {
	var h Hunted
	var lost error
	row := 0
	begun := time.Now()
	for n := 0; ctx.Err() == nil && (n == 0 || time.Since(begun) < budget); n++ {
		cfg, err := build(n)
		if err != nil {
			return h, err
		}
		result, err := Run(ctx, cfg)
		h.Elapsed = time.Since(begun)
		if err != nil {
			h.Lost, lost = h.Lost+1, err
			if row++; row == giveUp || ctx.Err() != nil {
				return h, err
			}
			continue
		}
		row = 0
		h.Results = append(h.Results, result)
		h.Caught = result.Report.Verdict == checker.Invalid
		h.Checkers = invalidBy(result.Report)
		if h.Caught && (name == "" || h.By(name)) {
			return h, nil
		}
	}
	if err := context.Cause(ctx); err != nil || len(h.Results) > 0 {
		return h, err
	}
	return h, lost
}

// giveUp is how many runs in a row may have no verdict.
const giveUp = 3

func invalidBy(r checker.Report) []string {
	var names []string
	for _, result := range r.Results {
		if result.Verdict == checker.Invalid {
			names = append(names, result.Checker)
		}
	}
	return names
}
