// Package reproduce makes failures happen again: it replays the plan of a saved
// run and counts, shrinks it to what the failure needs, and keeps the result.
//
// A failure is a [checker.Breach]: a rule that a checker found broken. Only the
// same rule of the same checker is a reproduction; whatever else goes wrong is
// counted apart. What happens to real processes is not repeatable, so nothing
// here is decided by a single run: see [Trial] and [Sequential].
//
// Files, in reading order: finding.go is what is to come again, trial.go and
// sequential.go tell how often it does. shrink.go is the search: from the guesses
// of opening.go, over reduce.go, which leaves out, to confirm.go. anchor.go and
// words.go rewrite plans, keep.go and report.go leave the result.
package reproduce

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// Finding is a saved run that broke a rule.
type Finding struct {
	engine.Saved
	Report    checker.Report
	Breach    checker.Breach
	Violation checker.Violation // the first that is the breach
	// Same, if not nil, tells whether a violation of the rule is the one that is to come
	// again: there are several bugs that break it.
	Same    func(checker.Violation) bool
	Firings []engine.Firing
	// Start is when the faults began, since the start of the run.
	Start time.Duration
}

// ErrNothingToReproduce is the error of a run that broke no rule, or not the one
// asked for.
var ErrNothingToReproduce = errors.New("nothing to reproduce")

// Load reads a run directory and judges its history again, within Config.Search. Of several broken
// rules it takes the one that the run is about (see [About]), else the one that the
// history proves first; if by is not "", only those of that checker count. models are the user's own, if the run was judged by
// any. The Config that it returns has no Target yet.
func Load(dir results.Dir, by string, models ...checker.Spec) (Finding, error) {
	var f Finding
	var err error
	if f.Saved, err = engine.Load(dir); err != nil {
		return f, err
	}
	if f.Report, err = engine.CheckWithin(dir.History(), f.Config.Search, models...); err != nil {
		return f, err
	}
	if f.Breach, err = choose(dir, &f.Report, by); err != nil {
		return f, fmt.Errorf("%s: %w", dir, err)
	}
	f.Violation, _ = f.Report.Violation(f.Breach)
	if f.Firings, err = engine.ReadFirings(dir); err != nil {
		return f, err
	}
	f.Start, err = faultsAt(dir)
	return f, err
}

// Aim makes another broken rule of the run what is to come again, if same is not nil only
// as it says.
func (f *Finding) Aim(b checker.Breach, same func(checker.Violation) bool) error {
	v, ok := shown(&f.Report, b, same)
	if !ok {
		what := b.String()
		if _, broken := f.Report.Violation(b); broken {
			what += " in that way"
		}
		return fmt.Errorf("%s: %w by %s: what is broken is %s", f.Dir, ErrNothingToReproduce, what, names(f.Report.Breaches()))
	}
	f.Breach, f.Violation, f.Same = b, v, same
	return nil
}

// shown is the first violation that is the breach and, if same is not nil, is such.
func shown(r *checker.Report, b checker.Breach, same func(checker.Violation) bool) (checker.Violation, bool) {
	if same == nil {
		return r.Violation(b)
	}
	result, _ := r.Result(b.Checker)
	for _, v := range result.Violations {
		if one := (checker.Result{Checker: b.Checker, Violations: []checker.Violation{v}}); one.Breaks(b) && same(v) {
			return v, true
		}
	}
	return checker.Violation{}, false
}

// About is the broken rule that a run was kept or shrunk for; false if the report does
// not show it, or it was neither.
func About(dir results.Dir, r *checker.Report) (checker.Breach, bool) {
	for _, name := range []string{ExpectedFile, ReproductionFile} {
		var about struct{ Breach checker.Breach }
		if err := dir.ReadJSON(name, &about); err == nil && about.Breach != (checker.Breach{}) {
			_, shown := r.Violation(about.Breach)
			return about.Breach, shown
		}
	}
	return checker.Breach{}, false
}

// choose takes of several broken rules the one that the run is about, else the first, if
// by is not "" of that checker.
func choose(dir results.Dir, r *checker.Report, by string) (checker.Breach, error) {
	if b, ok := About(dir, r); ok && (by == "" || by == b.Checker) {
		return b, nil
	}
	all := r.Breaches()
	if len(all) == 0 {
		return checker.Breach{}, fmt.Errorf("%w: the verdict is %s", ErrNothingToReproduce, r.Verdict)
	}
	i := 0
	if by != "" {
		i = slices.IndexFunc(all, func(b checker.Breach) bool { return b.Checker == by })
	}
	if i < 0 {
		return checker.Breach{}, fmt.Errorf("%w by %s: what is broken is %s", ErrNothingToReproduce, by, names(all))
	}
	return all[i], nil
}

func names(all []checker.Breach) string {
	texts := make([]string, len(all))
	for i, b := range all {
		texts[i] = b.String()
	}
	return strings.Join(texts, "; ")
}

// faultsAt returns when the faults of a run began, on the clock of its history.
func faultsAt(dir results.Dir) (time.Duration, error) {
	h, err := history.Open(dir.History())
	if err != nil {
		return 0, err
	}
	defer h.Close()
	for e, err := range h.Events() {
		if err != nil {
			return 0, err
		}
		if e.Run != nil && e.Run.Phase == history.PhaseFaults {
			return e.At, nil
		}
	}
	return 0, nil // it did not come to that
}

// Executed is the plan with every word replaced by the members that it meant and
// every trigger by the time at which it fired.
func (f *Finding) Executed() (nemesis.Plan, error) { return engine.Executed(f.Firings) }

// Size is that of the run: the faults that were carried out, not those that were
// planned.
func (f *Finding) Size() Size {
	size := whole(f.Config).size()
	done := make(map[int]bool)
	for i := range f.Firings {
		if what := f.Firings[i].What; what == history.FaultInject || what == history.FaultHeal {
			done[f.Firings[i].Step] = true
		}
	}
	size.Faults = len(done)
	return size
}

// Proof returns when the first and the last of the events that prove the breach
// came, counted from the start of the faults.
func (f *Finding) Proof() (first, last time.Duration) {
	return proof(f.Violation, f.Start)
}

func proof(v checker.Violation, start time.Duration) (first, last time.Duration) {
	for i := range v.Events {
		at := v.Events[i].At - start
		if i == 0 {
			first = at
		}
		first, last = min(first, at), max(last, at)
	}
	return first, last
}
