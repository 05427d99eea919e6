package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// aim is what the words of a firing step are resolved with.
type aim struct {
	line   int          // the number of the step in its plan
	roles  func() Roles // who is who now, or as the step's event left them
	random *rand.PCG    // the step's own
}

// lookout is how long a step without a duration waits for whom it names.
const lookout = time.Second

// turn is the time by which steps that waited for the same event act one after
// the other, in the order of their lines: it makes them do the same again.
const turn = 10 * time.Microsecond

// patience is how long a step whose word means nobody just then waits for
// somebody: half of the time that it was to last, so that it still bites before
// it was to be over.
func (s Step) patience() time.Duration {
	if s.For > 0 {
		return s.For / 2
	}
	return lookout
}

// await waits until the step is to fire and tells how to ask who is who, or why
// it does not fire.
func (x *execution) await(ctx context.Context, step Step) (roles func() Roles, reason string) {
	t := step.Trigger
	if !step.triggered() {
		if !x.until(ctx, step.At) {
			return nil, cutShort(ctx)
		}
		return x.View.Roles, ""
	}
	if !x.until(ctx, t.From) {
		return nil, cutShort(ctx)
	}
	saw, ok := x.sight(ctx, t)
	if !ok {
		return nil, "no such event came"
	}
	if !wait(ctx, t.After) {
		return nil, cutShort(ctx)
	}
	return func() Roles { return x.View.after(saw) }, ""
}

// sight waits for an event that fires the trigger.
func (x *execution) sight(ctx context.Context, t Trigger) (sighting, bool) {
	if t.Until > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.Until-x.Now())
		defer cancel()
	}
	if ctx.Err() != nil {
		return sighting{}, false
	}
	w := x.View.watch(t)
	defer x.View.unwatch(w)
	select {
	case saw := <-w.found:
		return saw, true
	case <-ctx.Done():
		return sighting{}, false
	}
}

// resolve names whom the step's fault means and touches. While a word means
// nobody it waits, as patiently as the step is, for somebody to play that part;
// late says that it had to. What it draws does not depend on how often it tried.
func (x *execution) resolve(ctx context.Context, step Step, a aim) (fault Fault, nodes []string, late bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, step.patience())
	defer cancel()
	before, asked := *a.random, x.Now()
	for {
		changed := x.View.changed()
		*a.random = before
		scene := &Scene{Nodes: slices.Clone(x.env.Nodes()), Down: x.env.downs(), Roles: a.roles(), Rand: rand.New(a.random)}
		err = guard(func() (err error) {
			fault, err = step.Fault.Resolve(scene)
			return err
		})
		if !errors.Is(err, errNobody) {
			return fault, scene.touched(), late, err
		}
		select {
		case <-changed:
			wait(ctx, time.Duration(a.line)*turn)
			late = true
		case <-ctx.Done():
			return nil, nil, late, fmt.Errorf("%w (waited %s)", err, formatTime(x.Now()-asked))
		}
	}
}
