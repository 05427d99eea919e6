package reproduce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
)

// Trial repeats one configuration to see how often a breach comes. Runs end
// early where the breach can be told while they are under way.
type Trial struct {
	Config   engine.Config
	Breach   checker.Breach
	Same     func(checker.Violation) bool // of the [Finding]; nil: any violation of the rule
	Parallel int                          // runs side by side, at least 1
	// Enough ends the trial; it is asked after each run, one at a time. Runs that
	// are then under way are cut short and not counted.
	Enough func(Count) bool
	// Done, if not nil, is told of each run that counts, one at a time. It owns the
	// run's directory from then on; if nil, the directory is removed.
	Done func(Attempt, Count)

	attempt attemptFunc // nil for real runs
}

// attemptFunc makes one run and looks whether the breach came.
type attemptFunc func(context.Context, engine.Config, checker.Breach) (Attempt, error)

// Attempt is one run of a trial.
type Attempt struct {
	Dir        results.Dir
	Report     checker.Report
	Reproduced bool
	// Proved is how long after the start of the faults the breach was proved.
	Proved  time.Duration
	Elapsed time.Duration
	// Followed is how far the run kept to the schedule of its configuration; nil if
	// that has none.
	Followed *engine.Followed
}

// Count is what the runs of a trial gave so far.
type Count struct {
	Reproduced, Runs int
	// Others counts, by rule, the runs that broke another rule and not this one.
	Others map[checker.Breach]int
	// Failed counts attempts without a verdict, which are not among Runs; Failure
	// is the last one's error.
	Failed  int
	Failure error
}

// Rate is the share of the runs that reproduced the breach, 0 if there was none.
func (c Count) Rate() float64 {
	if c.Runs == 0 {
		return 0
	}
	return float64(c.Reproduced) / float64(c.Runs)
}

// String is "7 of 8 (95 % sure: 47 % to 100 %)".
func (c Count) String() string {
	low, high := Interval(c.Reproduced, c.Runs, Confidence)
	return fmt.Sprintf("%d of %d (%.0f %% sure: %.0f %% to %.0f %%)", c.Reproduced, c.Runs, 100*Confidence, 100*low, 100*high)
}

// OtherText lists what else was broken, "" for nothing.
func (c Count) OtherText() string {
	var parts []string
	order := func(a, b checker.Breach) int { return strings.Compare(a.String(), b.String()) }
	for _, b := range slices.SortedFunc(maps.Keys(c.Others), order) {
		parts = append(parts, fmt.Sprintf("%d× %s", c.Others[b], b))
	}
	return strings.Join(parts, "; ")
}

// maxFailed is how many attempts in all may fail before a trial gives up: then
// the machine, or the configuration, is not fit for it.
const maxFailed = 3

// errDecided cuts short the runs that are no longer needed.
var errDecided = errors.New("the question is answered")

// Run carries out the trial. An error means that ctx ended or that runs failed
// again and again; the count is what there is all the same.
func (t Trial) Run(ctx context.Context) (Count, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	count := Count{Others: make(map[checker.Breach]int)}
	if t.attempt == nil {
		t.attempt = attempt
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range max(1, t.Parallel) {
		wg.Go(func() {
			for ctx.Err() == nil {
				a, err := t.attempt(ctx, t.Config, t.Breach)
				if a.Reproduced && t.Same != nil {
					_, a.Reproduced = shown(&a.Report, t.Breach, t.Same)
				}
				mu.Lock()
				t.take(ctx, a, err, &count)
				if ctx.Err() == nil && (t.Enough(count) || count.Failed >= maxFailed) {
					stop(errDecided)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	switch cause := context.Cause(ctx); {
	case count.Failed >= maxFailed:
		return count, count.Failure
	case errors.Is(cause, errDecided):
		return count, nil
	default:
		return count, cause
	}
}

// take counts an attempt, unless it was cut short.
func (t Trial) take(ctx context.Context, a Attempt, err error, count *Count) {
	switch {
	case ctx.Err() != nil:
		a.remove()
		return
	case err != nil:
		count.Failed, count.Failure = count.Failed+1, err
		a.remove()
		return
	}
	count.Runs++
	if a.Reproduced {
		count.Reproduced++
	} else {
		for _, b := range a.Report.Breaches() {
			count.Others[b]++
		}
	}
	if t.Done == nil {
		a.remove()
		return
	}
	copied := *count
	copied.Others = maps.Clone(count.Others)
	t.Done(a, copied)
}

func (a *Attempt) remove() {
	if a.Dir != (results.Dir{}) {
		os.RemoveAll(a.Dir.String())
	}
}

// attempt is a real run.
func attempt(ctx context.Context, cfg engine.Config, b checker.Breach) (Attempt, error) {
	cfg.Until, cfg.FailFast = b, false
	cfg.PlainIfValid = true // most are thrown away
	begun := time.Now()
	result, err := engine.Run(ctx, cfg)
	a := Attempt{Dir: result.Dir, Report: result.Report, Elapsed: time.Since(begun), Followed: result.Followed}
	if err != nil && result.Report.Verdict != checker.Invalid {
		return a, err
	}
	v, found := result.Report.Violation(b)
	if !found {
		return a, nil
	}
	a.Reproduced = true
	start, err := faultsAt(a.Dir)
	_, a.Proved = proof(v, start)
	return a, err
}
