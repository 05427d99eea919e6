package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// aim is what the words of a firing step are resolved with.
type aim struct {
	line   int           // the number of the step in its plan
	roles  func() Roles  // who is who now, or as the step's event left them
	random *rand.PCG     // the step's own
	late   time.Duration // by how much later it is due than planned, since it follows another
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
func (x *execution) await(ctx context.Context, step Step) (roles func() Roles, why *miss) {
	t := step.Trigger
	if !step.triggered() {
		if !x.until(ctx, step.At) {
			return nil, cutShort(ctx)
		}
		return x.View.Roles, nil
	}
	if !x.until(ctx, t.From) {
		return nil, cutShort(ctx)
	}
	saw, ok := x.sight(ctx, t)
	if !ok {
		if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errEnd) {
			return nil, &miss{history.FaultNotStarted, "the run was cut short before such an event came"}
		}
		return nil, &miss{history.FaultNotFired, "no such event came"}
	}
	if !wait(ctx, t.After) {
		return nil, cutShort(ctx)
	}
	return func() Roles { return x.View.after(saw) }, nil
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

// resolution is what a step's words have come to mean.
type resolution struct {
	fault        Fault
	touched, hit []string
	late         bool // it had to wait for that
}

// scene is the moment as it is.
func (x *execution) scene(a aim) *Scene {
	return &Scene{
		Nodes: slices.Clone(x.env.Nodes()),
		Down:  x.env.downs(),
		ended: x.env.ended,
		Roles: a.roles(),
		Rand:  rand.New(a.random),
		Keeps: x.Keeps,
		same:  func() ([]string, error) { return x.hits.of(a.line - 1) },
	}
}

// resolve names whom the step's fault means, touches and hits. While a word means
// nobody it waits, as patiently as the step is, for somebody to play that part. What
// it draws does not depend on how often it tried.
func (x *execution) resolve(ctx context.Context, step Step, a aim) (r resolution, err error) {
	ctx, cancel := context.WithTimeout(ctx, step.patience())
	defer cancel()
	before, asked := *a.random, x.Now()
	for {
		roles, hit := x.View.changed(), x.hits.changed()
		*a.random = before
		scene := x.scene(a)
		scene.For = step.For
		err = guard(func() (err error) {
			r.fault, err = step.Fault.Resolve(scene)
			if err == nil {
				r.touched, r.hit = scene.touched(), scene.hit(r.fault)
			}
			return err
		})
		if !errors.Is(err, errNobody) {
			return r, err
		}
		select {
		case <-roles:
			wait(ctx, time.Duration(a.line)*turn)
		case <-hit:
		case <-ctx.Done():
			return r, fmt.Errorf("%w (waited %s)", err, formatTime(x.Now()-asked))
		}
		r.late = true
	}
}

// Same is the word for the members that the step on the line before has hit, or is
// just hitting: those that it names, all and rest aside, or all that it touches if
// it names nobody else. A step that asks before that waits as it would for a leader.
// If the step before fires again and again, its last time counts, and if it was
// skipped, never fired or found nobody, the word means nobody.
const Same = "same"

// hits is whom the steps of an execution have hit, by number.
type hits struct {
	mu     sync.Mutex
	by     map[int][]string
	late   map[int]time.Duration // how much later than planned
	over   map[int]bool          // will not fire any more
	change chan struct{}         // closed when there is next something new
}

func newHits() *hits {
	return &hits{by: make(map[int][]string), late: make(map[int]time.Duration), over: make(map[int]bool), change: make(chan struct{})}
}

// begins notes whom a step is about to hit, and how late; nobody if it turned out that it
// could not.
func (h *hits) begins(step int, nodes []string, late time.Duration) {
	h.tell(func() { h.by[step], h.late[step] = nodes, late })
}

// delay is how much later than planned a step hit somebody. It waits for that; 0 means that it
// hit nobody, or that ctx ended.
func (h *hits) delay(ctx context.Context, step int) time.Duration {
	for {
		change := h.changed()
		_, err := h.of(step)
		if err == nil || !errors.Is(err, errNobody) {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.late[step]
		}
		select {
		case <-change:
		case <-ctx.Done():
			return 0
		}
	}
}

// ends notes that a step is over.
func (h *hits) ends(step int) {
	h.tell(func() { h.over[step] = true })
}

func (h *hits) tell(news func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news()
	close(h.change)
	h.change = make(chan struct{})
}

// changed returns a channel that is closed at the next news.
func (h *hits) changed() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.change
}

var (
	errNotYet = nobody{"the step before it has hit nobody yet"}
	errMissed = errors.New("the step before it hit nobody")
)

// of returns whom a step has hit.
func (h *hits) of(step int) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch nodes := h.by[step]; {
	case len(nodes) > 0:
		return nodes, nil
	case h.over[step] || step == 0:
		return nil, errMissed
	}
	return nil, errNotYet
}

// hit returns whom the resolved fault hits, in order.
func (s *Scene) hit(resolved Fault) []string {
	left := strings.Fields(resolved.String())
	hit := slices.DeleteFunc(slices.Clone(s.struck), func(n string) bool { return !slices.Contains(left, n) })
	switch {
	case len(hit) > 0: // without those that are down already
		return s.inOrder(hit)
	case len(s.struck) > 0:
		return s.inOrder(s.struck)
	}
	return s.touched()
}

// follows tells whether a step goes on with whom the one before it hit, a time after it.
func (s Step) follows(before Step) bool {
	timed := func(s Step) bool { return !s.triggered() && !s.repeats() }
	return links(s.Fault) && timed(s) && before.Fault != nil && timed(before) && before.At <= s.At
}

// links tells whether a fault goes by what the step before it hit.
func links(f Fault) bool { return slices.Contains(strings.Fields(f.String()), Same) }
