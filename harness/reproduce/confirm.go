package reproduce

import (
	"context"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// confirm makes fresh runs of what the last opening has led to. A search that
// tries many candidates also takes some by luck, so that the runs which made it
// take one say too much for it. If the rate turns out to be below the goal, it
// goes back on its trail, and then tries forms that strike more often.
func (s *shrinker) confirm(ctx context.Context) (good bool, err error) {
	for i, c := range slices.Backward(s.trail) {
		what := "confirmed"
		if i < len(s.trail)-1 {
			what = "one step back"
		}
		if good, err := s.measure(ctx, what, c, false); err != nil || good {
			return good, err
		}
	}
	for _, o := range s.stronger() {
		cfg := o.config(s.base)
		if s.judged[o.key()] || cfg.Validate() != nil {
			continue
		}
		s.judged[o.key()] = true
		if good, err := s.measure(ctx, o.what, o.candidate, false); err != nil || good {
			return good, err
		}
	}
	return false, nil
}

// measure makes fresh runs of a candidate, which becomes the sure one if it has a
// higher rate. Unless all runs are wanted it gives up once the goal is missed.
func (s *shrinker) measure(ctx context.Context, what string, c candidate, all bool) (good bool, err error) {
	var kept results.Dir
	lost := func(n Count) bool {
		return float64(n.Runs-n.Reproduced) > (1-goal)*float64(s.o.Measure)+1e-9
	}
	count, err := Trial{
		Config:   c.config(s.base),
		Breach:   s.finding.Breach,
		Same:     s.finding.Same,
		Parallel: s.o.Parallel,
		attempt:  s.o.attempt,
		Enough:   func(n Count) bool { return n.Runs >= s.o.Measure || !all && lost(n) },
		Done: func(a Attempt, _ Count) {
			s.runs++
			kept = keepFirst(kept, a)
		},
	}.Run(ctx)
	if ctx.Err() != nil && (all || !lost(count)) {
		err = nil // out of time: fewer runs than wanted, but fresh ones
	}
	same := s.sure != nil && s.sure.key() == c.key()
	if err != nil || count.Reproduced == 0 || same && count.Runs < s.sure.count.Runs {
		removeDir(kept)
		return false, err
	}
	better := s.sure == nil || same || count.Rate() > s.sure.count.Rate()
	s.tell(Step{What: what, Plan: oneLine(c.steps), Size: c.size(), Count: count, Taken: better})
	if !better {
		removeDir(kept)
		return false, nil
	}
	if s.sure != nil {
		removeDir(s.sure.dir)
	}
	s.sure = &taken{candidate: c, dir: kept, count: count, fresh: true, whole: count.Runs >= s.o.Measure}
	return count.Rate() >= goal && s.sure.whole, nil
}

// finish measures what the search has ended with, as far as it has not been.
func (s *shrinker) finish(ctx context.Context) error {
	if s.best != nil && (s.sure == nil || s.sure.count.Rate() < goal && !slices.ContainsFunc(s.trail, func(c candidate) bool { return c.key() == s.sure.key() })) {
		if _, err := s.measure(ctx, "measured", s.best.candidate, true); err != nil {
			return err
		}
	}
	if s.sure != nil && !s.sure.whole {
		_, err := s.measure(ctx, "measured", s.sure.candidate, true)
		return err
	}
	return nil
}

// stronger lists forms of the best candidate that should break the rule more
// often.
func (s *shrinker) stronger() []opening {
	t := s.base.Election
	best := s.best.candidate
	long := max(best.length, 8*time.Second, 50*t)
	again := best.with(amplify(best.steps, t))
	again.length = long
	calm, hasty := again, again
	calm.steps, hasty.steps = slices.Clone(again.steps), slices.Clone(again.steps)
	for i, step := range again.steps {
		if step.Trigger != (nemesis.Trigger{}) {
			calm.steps[i].Trigger.After += 2 * t
			hasty.steps[i].Trigger.After = (t / 3).Round(time.Millisecond)
		}
	}
	longer := best
	longer.length = 2 * best.length
	list := []opening{
		{what: "again and again", candidate: again},
		{what: "again and again, with pauses", candidate: calm},
		{what: "again and again, at once", candidate: hasty},
		{what: "for longer", candidate: longer},
	}
	plan, n, err := Anchor(s.finding)
	if err == nil && n > 0 && len(best.steps) > 0 {
		list = append(list, opening{what: "with triggers for times", candidate: best.with(anchoredAs(best.steps, s.finding.Config.Plan.Steps, plan.Steps))})
	}
	return list
}

// anchoredAs replaces the steps that are, but for their time, among those of the
// plan as written by their anchored form.
func anchoredAs(steps, written, anchored []nemesis.Step) []nemesis.Step {
	out := slices.Clone(steps)
	for i, s := range steps {
		for j, w := range written {
			if s.Fault.String() == w.Fault.String() && anchored[j].Trigger != w.Trigger {
				out[i] = anchored[j]
				out[i].For, out[i].Trigger.From = s.For, 0
				break
			}
		}
	}
	return out
}
