package reproduce

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
)

// ShrinkOptions say how hard to try. Zero fields have the defaults named.
type ShrinkOptions struct {
	Budget   time.Duration // for all of it; 10 minutes
	Parallel int           // runs side by side; 2
	Measure  int           // fresh runs that tell the rate of the result; 20
	// Progress, if not nil, is told of every candidate that was judged, from one
	// goroutine.
	Progress func(Step)

	attempt attemptFunc // nil for real runs
}

// Step is one candidate of a search, judged.
type Step struct {
	What    string // how it differs from the best so far
	Plan    string // its plan, in a line
	Size    Size
	Count   Count
	Taken   bool // it is the best from now on
	Elapsed time.Duration
}

// String is "12.3s   yes  4 of 4  fault 2 alone: 1 fault, 2s, …".
func (s Step) String() string {
	mark := " no "
	if s.Taken {
		mark = " yes"
	}
	return fmt.Sprintf("%6.1fs  %s  %d of %d  %s: %s", s.Elapsed.Seconds(), mark, s.Count.Reproduced, s.Count.Runs, s.What, s.Size)
}

// Shrunk is a failure, reduced.
type Shrunk struct {
	Breach checker.Breach
	Dir    results.Dir   // a run of the reduced plan that broke the rule
	Config engine.Config // of that run
	Count  Count         // of fresh runs, made to tell the rate
	// Measured is false when there was no time for fresh runs: Count is then what
	// made the candidate the best, which flatters it.
	Measured      bool
	Before, After Size
	Taken         []Step // what was taken away, in order
	Runs          int    // made in all
	Elapsed       time.Duration
}

// goal is the rate at which a shrunk plan should reproduce its breach.
const goal = 0.8

// searchShare is the part of the budget that the search may use up; the rest is
// for measuring what it found.
const searchShare = 0.8

// ErrNotReproduced is the error of a run that did not fail again.
var ErrNotReproduced = errors.New("the failure does not come again")

// Shrink looks for the smallest run that still breaks the same rule, most of the
// time. Every candidate is judged by several runs, see [Acceptable].
//
// It guesses first (see openings), then leaves out faults one by one and in
// chunks, then makes times, cluster, clients and rate smaller. Last it measures
// the rate of what it has found, by fresh runs, and tries to raise it if it is
// low.
//
// When ctx ends early the best candidate so far is the result. Run directories
// are made below the Results of the finding's configuration, and all are removed
// but that of the result.
func Shrink(ctx context.Context, f Finding, o ShrinkOptions) (Shrunk, error) {
	s, err := newShrinker(f, o)
	if err != nil {
		return Shrunk{}, err
	}
	defer os.RemoveAll(s.scratch)
	search, cancel := context.WithTimeout(ctx, time.Duration(searchShare*float64(s.o.Budget)))
	defer cancel()
	err = s.search(search)
	switch {
	case err != nil && search.Err() == nil:
		return s.result(), err
	case !s.found() && ctx.Err() != nil:
		return s.result(), context.Cause(ctx)
	case !s.found():
		return s.result(), fmt.Errorf("%w often enough in %s, for which there was time: give it a larger budget, or replay it", ErrNotReproduced, count.Many(s.runs, "run"))
	}
	measure, cancel := context.WithTimeout(ctx, max(s.o.Budget-time.Since(s.begun), s.o.Budget/8))
	defer cancel()
	if err := s.finish(measure); err != nil && measure.Err() == nil {
		return s.result(), err
	}
	return s.keep()
}

// shrinker is a search under way.
type shrinker struct {
	o       ShrinkOptions
	finding Finding
	base    engine.Config
	scratch string
	begun   time.Time
	test    Sequential

	judged map[string]bool // candidates, by key
	runs   int
	taken  []Step

	// The candidate that was taken last, and those taken on the way to it from the
	// last opening.
	best  *taken
	trail []candidate
	// The candidate with the highest rate of those that were confirmed.
	sure *taken
}

// taken is a candidate that passed.
type taken struct {
	candidate
	dir    results.Dir // of a run of it that broke the rule, if one did
	count  Count
	proved time.Duration // the longest that a run took to break it
	fresh  bool          // count is of runs made once it had passed
	whole  bool          // and of as many as were to be made
}

// found tells whether there is something to show.
func (s *shrinker) found() bool { return s.best != nil || s.sure != nil }

func newShrinker(f Finding, o ShrinkOptions) (*shrinker, error) {
	if o.Budget <= 0 {
		o.Budget = 10 * time.Minute
	}
	if o.Parallel <= 0 {
		o.Parallel = 2
	}
	if o.Measure <= 0 {
		o.Measure = 20
	}
	if o.Progress == nil {
		o.Progress = func(Step) {}
	}
	root := f.Config.Results
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("shrink: %w", err)
	}
	scratch, err := os.MkdirTemp(root, ".shrink-")
	if err != nil {
		return nil, fmt.Errorf("shrink: %w", err)
	}
	plan := unlinked(f)
	f.Config.Plan = &plan
	s := &shrinker{o: o, finding: f, base: f.Config, scratch: scratch, begun: time.Now(), test: Acceptable()}
	s.base.Results, s.base.Progress = scratch, nil
	s.judged = make(map[string]bool)
	return s, nil
}

// search goes through the openings until one has led to a candidate that is
// confirmed. If none passes, the one that was reproduced most often has to do,
// and less is asked for from then on.
func (s *shrinker) search(ctx context.Context) error {
	var most *opening
	var mostly Count
	for _, o := range openings(s.finding) {
		passed, count, err := s.open(ctx, o)
		if err == nil && !passed && count.Reproduced > 0 && o.longer > 0 {
			o.what, o.length = o.what+", for longer", o.longer
			passed, count, err = s.open(ctx, o)
		}
		if err != nil {
			return err
		}
		if passed {
			if good, err := s.confirm(ctx); err != nil || good {
				return err
			}
		}
		if count.Rate() > mostly.Rate() {
			most, mostly = &o, count
		}
	}
	switch {
	case s.found():
		return nil
	case most == nil:
		return fmt.Errorf("%w: in none of %s, of the whole plan or a part of it: replay it more often", ErrNotReproduced, count.Many(s.runs, "run"))
	}
	rate := min(max(mostly.Rate(), 0.2), s.test.Often)
	s.test = Sequential{Often: rate, Seldom: rate / 2, Error: 0.2, Most: 12}
	clear(s.judged)
	most.what += ", though it fails only now and then"
	passed, _, err := s.open(ctx, *most)
	if err == nil && !passed {
		err = fmt.Errorf("%w often enough: %s: replay it more often", ErrNotReproduced, mostly)
	}
	return err
}

// open tries an opening and, if it passes, makes it as small as it gets.
func (s *shrinker) open(ctx context.Context, o opening) (passed bool, count Count, err error) {
	s.trail = nil
	if passed, count, err = s.try(ctx, o.what, o.candidate); err != nil || !passed {
		return passed, count, err
	}
	for _, phase := range []func(context.Context) error{s.reduce, s.simplify, s.lower} {
		if err := phase(ctx); err != nil {
			return true, count, err
		}
	}
	return true, count, nil
}

// try judges a candidate and takes it if the breach comes often enough.
func (s *shrinker) try(ctx context.Context, what string, c candidate) (passed bool, count Count, err error) {
	cfg := c.config(s.base)
	if s.judged[c.key()] || cfg.Validate() != nil {
		return false, count, nil
	}
	s.judged[c.key()] = true
	var kept results.Dir
	var proved time.Duration
	count, err = Trial{
		Config:   cfg,
		Breach:   s.finding.Breach,
		Same:     s.finding.Same,
		Parallel: s.o.Parallel,
		attempt:  s.o.attempt,
		Enough:   func(c Count) bool { return s.test.Decide(c.Reproduced, c.Runs) != Undecided },
		Done: func(a Attempt, _ Count) {
			s.runs++
			if a.Reproduced {
				proved = max(proved, a.Proved)
			}
			kept = keepFirst(kept, a)
		},
	}.Run(ctx)
	passed = err == nil && s.test.Decide(count.Reproduced, count.Runs) == Yes
	if err == nil {
		s.tell(Step{What: what, Plan: oneLine(c.steps), Size: c.size(), Count: count, Taken: passed})
	}
	if !passed {
		removeDir(kept)
		return false, count, err
	}
	if s.best != nil {
		removeDir(s.best.dir)
	}
	s.best = &taken{candidate: c, dir: kept, count: count, proved: proved}
	s.trail = append(s.trail, c)
	return true, count, nil
}

func (s *shrinker) tell(step Step) {
	step.Elapsed = time.Since(s.begun)
	if step.Taken {
		s.taken = append(s.taken, step)
	}
	s.o.Progress(step)
}

// keepFirst keeps the directory of the first reproduction and removes all others.
func keepFirst(kept results.Dir, a Attempt) results.Dir {
	if a.Reproduced && kept == (results.Dir{}) {
		return a.Dir
	}
	removeDir(a.Dir)
	return kept
}

func removeDir(dir results.Dir) {
	if dir != (results.Dir{}) {
		os.RemoveAll(dir.String())
	}
}

func (s *shrinker) result() Shrunk {
	shrunk := Shrunk{
		Breach:  s.finding.Breach,
		Before:  s.finding.Size(),
		Taken:   s.taken,
		Runs:    s.runs,
		Elapsed: time.Since(s.begun),
	}
	best := s.sure
	if best == nil {
		best = s.best
	}
	if best != nil {
		shrunk.Dir, shrunk.Config, shrunk.After = best.dir, best.config(s.base), best.size()
		shrunk.Count, shrunk.Measured = best.count, best.fresh
	}
	return shrunk
}

// keep moves the best run out of the scratch directory and describes there how it
// came to be.
func (s *shrinker) keep() (Shrunk, error) {
	shrunk := s.result()
	to := filepath.Join(s.finding.Config.Results, shrunk.Dir.Name()+"-shrunk")
	if err := os.Rename(shrunk.Dir.String(), to); err != nil {
		return shrunk, fmt.Errorf("keep the shrunk run: %w", err)
	}
	var err error
	if shrunk.Dir, err = results.Open(to); err != nil {
		return shrunk, err
	}
	shrunk.Dir.MakeLatest()
	if err := shrunk.Dir.WriteJSON(ReproductionFile, reproduction(s.finding, shrunk)); err != nil {
		return shrunk, err
	}
	return shrunk, shrunk.Dir.WriteText(ShrinkFile, shrunk.Table())
}
