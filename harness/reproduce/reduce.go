package reproduce

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usurper/usurper/nemesis"
)

// reduce leaves out faults until none can be spared (delta debugging, Zeller and
// Hildebrandt 2002). A fault and its healing are one step. Small parts are tried
// before big ones are taken apart, since most failures need one fault or two.
func (s *shrinker) reduce(ctx context.Context) error {
	for chunks := 2; len(s.best.steps) > 1; {
		n := len(s.best.steps)
		chunks = min(chunks, n)
		reduced, err := s.reduceOnce(ctx, chunks)
		switch {
		case err != nil:
			return err
		case reduced:
			chunks = max(2, chunks-1)
		case chunks == n:
			return nil
		default:
			chunks *= 2
		}
	}
	return nil
}

// reduceOnce cuts the plan into so many chunks and tries each alone, then all but
// each.
func (s *shrinker) reduceOnce(ctx context.Context, chunks int) (bool, error) {
	steps := s.best.steps
	n := len(steps)
	for alone := range 2 {
		for i := range chunks {
			// The last faults are nearest to the breach: they are left in for longest.
			from, to := i*n/chunks, (i+1)*n/chunks
			if alone == 0 {
				from, to = (chunks-1-i)*n/chunks, (chunks-i)*n/chunks
			}
			rest, what := without(steps, from, to), fmt.Sprintf("without %s", span(from, to))
			if alone == 0 {
				rest, what = steps[from:to], fmt.Sprintf("%s alone", span(from, to))
			}
			if taken, _, err := s.try(ctx, what, s.settled(rest)); err != nil || taken {
				return taken, err
			}
		}
	}
	return false, nil
}

func span(from, to int) string {
	if to == from+1 {
		return fmt.Sprintf("fault %d", to)
	}
	return fmt.Sprintf("faults %d to %d", from+1, to)
}

// settled is the best candidate with these steps, begun at once, and no longer
// than they need.
func (s *shrinker) settled(steps []nemesis.Step) candidate {
	c := s.best.with(steps)
	if len(steps) == 0 {
		return c
	}
	delta := max(0, begin(steps)-100*time.Millisecond)
	c.steps = shift(steps, -delta)
	c.length = max(c.length-delta, time.Second)
	return c
}

// simplify rewrites the faults that are left: adjacent ones as one, names as
// words, long ones as short ones, choosy ones as plain ones.
func (s *shrinker) simplify(ctx context.Context) error {
	if err := s.merge(ctx); err != nil {
		return err
	}
	if err := s.inWords(ctx); err != nil {
		return err
	}
	if len(s.best.steps) == 0 {
		return nil
	}
	halved := s.best.with(slices.Clone(s.best.steps))
	for i := range halved.steps {
		halved.steps[i].For = halved.steps[i].For.Round(2*time.Millisecond) / 2
	}
	_, _, err := s.try(ctx, "faults half as long", halved)
	return err
}

// merge joins steps that do the same soon after each other.
func (s *shrinker) merge(ctx context.Context) error {
	for i := 0; i+1 < len(s.best.steps); i++ {
		joined, ok := merge(s.best.steps[i], s.best.steps[i+1], 4*s.base.Election)
		if !ok {
			continue
		}
		steps := slices.Concat(s.best.steps[:i], []nemesis.Step{joined}, s.best.steps[i+2:])
		taken, _, err := s.try(ctx, fmt.Sprintf("%s as one", span(i, i+2)), s.best.with(steps))
		if err != nil {
			return err
		}
		if taken {
			i--
		}
	}
	return nil
}

// inWords says whom a fault is meant for in the words of the plan, where it names
// members: that reads better, and holds whoever leads.
func (s *shrinker) inWords(ctx context.Context) error {
	for i, step := range s.best.steps {
		for _, f := range s.finding.Firings {
			n := f.Step - 1
			if !f.Fired() || n < 0 || n >= len(s.finding.Config.Plan.Steps) {
				continue
			}
			written := s.finding.Config.Plan.Steps[n]
			resolved, err := nemesis.ParseStep(f.Resolved)
			if err != nil || resolved.Fault.String() != step.Fault.String() || written.Fault.String() == step.Fault.String() || hasWord(written.Fault, "it", "voter") {
				continue
			}
			steps := slices.Clone(s.best.steps)
			steps[i].Fault = written.Fault
			if _, _, err := s.try(ctx, fmt.Sprintf("%s as %q", span(i, i+1), written.Fault), s.best.with(steps)); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// The smallest cluster and load that shrinking tries.
const (
	fewNodes   = 3
	fewClients = 3
	lowRate    = 100
)

// lower cuts the run off after the breach and makes cluster and load smaller.
func (s *shrinker) lower(ctx context.Context) error {
	shorter := s.best.candidate
	shorter.length = min(shorter.length, roundUp(s.best.proved*5/4+500*time.Millisecond))
	if shorter.length < s.best.length*4/5 {
		if _, _, err := s.try(ctx, "a shorter run", shorter); err != nil {
			return err
		}
	}
	all := s.best.candidate
	all.nodes, all.clients = min(all.nodes, fewNodes), min(all.clients, fewClients)
	if all.rate == 0 || all.rate > lowRate {
		all.rate = lowRate
	}
	if taken, _, err := s.try(ctx, "fewer members and clients, and a lower rate", all); err != nil || taken {
		return err
	}
	for _, one := range []struct {
		what string
		make func(c candidate) candidate
	}{
		{"fewer members", func(c candidate) candidate { c.nodes = all.nodes; return c }},
		{"fewer clients", func(c candidate) candidate { c.clients = all.clients; return c }},
		{"a lower rate", func(c candidate) candidate { c.rate = all.rate; return c }},
	} {
		if _, _, err := s.try(ctx, one.what, one.make(s.best.candidate)); err != nil {
			return err
		}
	}
	return nil
}
