// Package audit asks members what they hold, and records what each says. It judges
// nothing: the checker "divergence" does.
//
// audit.go waits until the members of a healed, idle cluster have come to rest and
// compares digests; compare.go goes through their keys where digests do not settle
// it. watch.go compares whoever answers while a run is under way.
package audit

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// Options says whom to ask.
type Options struct {
	Target  target.Auditable
	Members []target.Member
	Record  func(history.Event) // is told of every answer, one at a time
	Pause   time.Duration       // between two rounds of questions
}

type audit struct {
	Options
	amid  bool          // the run is under way
	round int           // of an audit amid the run
	limit time.Duration // of one question
}

const (
	// quietRounds is how many rounds in a row must be the same before members that
	// agree on a revision are asked for digests: one may catch a member between its
	// data and the index that it has applied.
	quietRounds = 2
	// lastingRounds and lastingTime are for members that do not agree on one: the
	// checker takes it for more than a delay only then.
	lastingRounds = 6
	lastingTime   = 1200 * time.Millisecond
	// askTimeout bounds one question, a digest of much data among them.
	askTimeout = 5 * time.Second
)

// Run compares what the members hold. It ends when ctx does, with what there is.
func Run(ctx context.Context, o Options) {
	a := audit{Options: o, limit: askTimeout}
	a.run(ctx)
}

func (a *audit) run(ctx context.Context) {
	at, lowest, settled := a.settle(ctx)
	if !settled {
		return
	}
	digests, whole := a.digests(ctx, lowest)
	agree := whole && alike(at, func(p target.Position) uint64 { return p.Revision })
	if agree && alike(digests, func(d target.Digest) target.Digest { return d }) {
		return
	}
	if a.compare(ctx, lowest) || agree {
		return
	}
	// What the members share is the same, or forgotten. One of them has more.
	a.compare(ctx, 0)
}

// settle asks for positions until nothing moves, and returns the last ones and
// the lowest revision among them. It reports false if members never came to rest.
func (a *audit) settle(ctx context.Context) (at map[string]target.Position, lowest uint64, settled bool) {
	var before map[string]target.Position
	var since time.Time
	same := 0
	for round := 1; ctx.Err() == nil; round++ {
		at = a.positions(ctx, round)
		if len(at) < len(a.Members) || !maps.Equal(at, before) {
			before, same, since = at, 0, time.Now()
		}
		same++
		if len(at) == len(a.Members) && alike(at, func(p target.Position) uint64 { return p.Applied }) {
			agree := alike(at, func(p target.Position) uint64 { return p.Revision })
			if agree && same >= quietRounds || same >= lastingRounds && time.Since(since) >= lastingTime {
				lowest := slices.Min(slices.Collect(maps.Values(revisions(at))))
				return at, lowest, true
			}
		}
		select {
		case <-time.After(a.Pause):
		case <-ctx.Done():
		}
	}
	return at, 0, false
}

// positions asks every member for its position at once.
func (a *audit) positions(ctx context.Context, round int) map[string]target.Position {
	return each(ctx, a, func(ctx context.Context, m target.Member) (target.Position, history.State, error) {
		p, err := a.Target.Position(ctx, m)
		return p, history.State{What: history.StatePosition, Round: round, Revision: p.Revision, Applied: p.Applied}, err
	})
}

// digests asks every member for its digest; it reports whether all told.
func (a *audit) digests(ctx context.Context, revision uint64) (map[string]target.Digest, bool) {
	told := each(ctx, a, func(ctx context.Context, m target.Member) (target.Digest, history.State, error) {
		d, err := a.Target.Digest(ctx, m, revision)
		return d, history.State{What: history.StateHash, Revision: revision, Compacted: d.Compacted, Hash: d.Hash}, err
	})
	return told, len(told) == len(a.Members)
}

// each asks all members at once, records in their order what they say, and
// returns the answers by member.
func each[T any](ctx context.Context, a *audit, ask func(context.Context, target.Member) (T, history.State, error)) map[string]T {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	answers := make([]T, len(a.Members))
	states := make([]history.State, len(a.Members))
	var asked sync.WaitGroup
	for i, m := range a.Members {
		asked.Go(func() {
			var err error
			answers[i], states[i], err = ask(ctx, m)
			states[i].Node = m.Name
			if err != nil {
				states[i].Error = err.Error()
			}
		})
	}
	asked.Wait()
	told := make(map[string]T)
	for i, m := range a.Members {
		a.record(&states[i])
		if states[i].Error == "" {
			told[m.Name] = answers[i]
		}
	}
	return told
}

// record records what was told.
func (a *audit) record(s *history.State) {
	if a.amid {
		s.Amid, s.Round = true, a.round
	}
	a.Record(history.Event{State: s})
}

// alike tells whether what the members told is the same.
func alike[T any, U comparable](told map[string]T, of func(T) U) bool {
	values := make(map[U]bool)
	for _, t := range told {
		values[of(t)] = true
	}
	return len(values) <= 1
}

func revisions(at map[string]target.Position) map[string]uint64 {
	out := make(map[string]uint64, len(at))
	for n, p := range at {
		out[n] = p.Revision
	}
	return out
}
