package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Env is the system as faults reach it. It keeps track of everything that
// faults have done, so that faults which overlap do not undo each other's work
// and whatever a fault leaves behind is undone at the end. Its methods may be
// called from several goroutines.
type Env struct {
	system System
	view   *View
	logf   func(format string, args ...any)
	// patience bounds each signal: once begun it is not cut short by the end of
	// the run, for then nobody would know whether it took effect.
	patience time.Duration

	members map[string]*member

	mu      sync.Mutex
	rules   map[*Installed]struct{}
	outages int // power failures that are under way
}

// member is what is known of one process. Whoever holds its turn may act on it;
// its fields are guarded by Env.mu.
type member struct {
	turn   chan struct{}
	inc    uint64 // counts kills
	down   bool   // killed and not started since
	pauses int    // pauses in force
	away   bool   // removed from the membership, or perhaps, and not added again
	doubt  bool   // a signal was begun and did not succeed

	held map[string]*Installed // what the machine is to it, by kind
}

func newEnv(system System, view *View, logf func(string, ...any), patience time.Duration) *Env {
	e := &Env{
		system:   system,
		view:     view,
		logf:     logf,
		patience: patience,
		members:  make(map[string]*member),
		rules:    make(map[*Installed]struct{}),
	}
	for _, n := range system.Nodes() {
		e.members[n] = &member{turn: make(chan struct{}, 1), held: make(map[string]*Installed)}
	}
	return e
}

// Nodes lists the members, in order.
func (e *Env) Nodes() []string { return e.system.Nodes() }

var errDown = errors.New("is already down")

// Kill ends a member's process. It fails when the member is down already; a
// pause of it is over.
func (e *Env) Kill(ctx context.Context, node string) (pid int, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		pid, err = e.kill(ctx, node, m)
		return err
	})
	return pid, err
}

// kill ends the process of a member whose turn is held.
func (e *Env) kill(ctx context.Context, node string, m *member) (pid int, err error) {
	if err := e.thaw(ctx, m); err != nil {
		return 0, err
	}
	if pid, err = e.system.Kill(ctx, node); err != nil {
		return 0, fmt.Errorf("kill %s: %w", node, err)
	}
	e.set(func() { m.down, m.pauses, m.inc = true, 0, m.inc+1 })
	e.view.gone(node)
	return pid, nil
}

// Serves says who serves in the place of a member that was killed or paused, if the
// system can tell; "" for nobody.
func (e *Env) Serves(ctx context.Context, node string) string {
	if w, ok := e.system.(Witness); ok {
		return w.Serves(ctx, node)
	}
	return ""
}

// Start starts a member that was killed; for any other, and for one that is no
// member just now, it does nothing.
func (e *Env) Start(ctx context.Context, node string) error {
	return e.act(ctx, node, func(ctx context.Context, m *member) error {
		return e.start(ctx, node, m)
	})
}

// start starts a member whose turn is held.
func (e *Env) start(ctx context.Context, node string, m *member) error {
	if !e.isDown(m) || e.isAway(node) {
		return errIdle
	}
	if err := e.system.Start(ctx, node); err != nil {
		return fmt.Errorf("start %s: %w", node, err)
	}
	e.set(func() { m.down = false })
	return nil
}

// Pause stops a member's process, unless it is stopped already, and returns a
// token for Resume.
func (e *Env) Pause(ctx context.Context, node string) (token uint64, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		if err := e.goesWith(node, m, "pause"); err != nil {
			return err
		}
		if m.pauses == 0 {
			if err := e.system.Pause(ctx, node); err != nil {
				return fmt.Errorf("pause %s: %w", node, err)
			}
		}
		e.set(func() { m.pauses++; token = m.inc })
		return nil
	})
	return token, err
}

// Resume ends one pause; the last one to end continues the process. It tells
// whether the process that was paused is still the one there, and who has served in
// its place.
func (e *Env) Resume(ctx context.Context, node string, token uint64) (survived bool, served string, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if m.inc != token || m.pauses == 0 {
			return errIdle
		}
		served = e.Serves(ctx, node)
		if m.pauses == 1 {
			if err := e.system.Resume(ctx, node); err != nil {
				return fmt.Errorf("resume %s: %w", node, err)
			}
		}
		e.set(func() { m.pauses--; survived = true })
		return nil
	})
	return survived, served, err
}

// act runs f while nobody else acts on the node's process. ctx bounds the wait
// for the turn; f gets a context that outlives ctx, bounded by the patience.
func (e *Env) act(ctx context.Context, node string, f func(context.Context, *member) error) error {
	m := e.members[node]
	if m == nil {
		return fmt.Errorf("unknown member %q", node)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for what else is done to %s: %w", node, context.Cause(ctx))
	}
	defer func() { <-m.turn }()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.patience)
	defer cancel()
	var before bool
	e.set(func() { before, m.doubt = m.doubt, true })
	err := f(ctx, m)
	// A panic of the system leaves the doubt, as does a failed signal.
	switch {
	case err == nil:
		e.set(func() { m.doubt = false })
	case errors.Is(err, errIdle) || errors.Is(err, errDown) || errors.Is(err, errHeld) || refused(err):
		e.set(func() { m.doubt = before })
	}
	if errors.Is(err, errIdle) {
		return nil
	}
	return err
}

// errIdle says that nothing was done that tells how the process is.
var errIdle = errors.New("nothing to do")

func (e *Env) set(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
}

func (e *Env) isDown(m *member) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return m.down
}

// ended says how a member ended by itself that a fault did not take down; "" for any other.
func (e *Env) ended(node string) string {
	witness, knows := e.system.(Witness)
	if m := e.members[node]; m == nil || e.isDown(m) || !knows {
		return ""
	}
	return witness.Ended(node)
}

// downs returns the members that are down, by whatever.
func (e *Env) downs() map[string]bool {
	witness, knows := e.system.(Witness)
	e.mu.Lock()
	defer e.mu.Unlock()
	down := make(map[string]bool)
	for n, m := range e.members {
		if m.down || knows && !witness.Runs(n) {
			down[n] = true
		}
	}
	return down
}

// Installed is something in force, of links or at a member.
type Installed struct {
	env     *Env
	what    string
	applied Applied
	turn    chan struct{}

	node, kind string // "" for rules of links; a kind is held at its member

	done     bool
	evidence Evidence
}

// Apply installs a rule. An error means that nothing was installed.
func (e *Env) Apply(ctx context.Context, r Rule) (*Installed, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	applied, err := e.system.Apply(ctx, r)
	if err != nil {
		return nil, err
	}
	return e.keep(&Installed{what: r.Action, applied: applied}), nil
}

// keep has what is in force taken out in the end, whoever forgets it.
func (e *Env) keep(in *Installed) *Installed {
	in.env, in.turn = e, make(chan struct{}, 1)
	e.set(func() { e.rules[in] = struct{}{} })
	return in
}

// forget ends that.
func (in *Installed) forget() {
	in.env.set(func() {
		delete(in.env.rules, in)
		if m := in.env.members[in.node]; m != nil && m.held[in.kind] == in {
			delete(m.held, in.kind)
		}
	})
}

// Remove takes it out and reports what it did. Once it has succeeded, further calls only
// repeat the evidence.
func (in *Installed) Remove(ctx context.Context) (evidence Evidence, err error) {
	if in.node == "" {
		return in.remove(ctx)
	}
	err = in.env.act(ctx, in.node, func(ctx context.Context, _ *member) error {
		if evidence, err = in.remove(ctx); err == nil {
			return errIdle
		}
		return err
	})
	return evidence, err
}

// remove is Remove while the turn of the member, if there is one, is held.
func (in *Installed) remove(ctx context.Context) (Evidence, error) {
	select {
	case in.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-in.turn }()
	if in.done {
		return in.evidence, nil
	}
	evidence, err := in.applied.Remove(ctx)
	if err != nil {
		return nil, fmt.Errorf("remove %s: %w", in.what, err)
	}
	in.done, in.evidence = true, evidence
	in.forget()
	return evidence, nil
}

// sweep undoes whatever faults have left behind, trying again until ctx is
// done, and returns what it could not undo.
func (e *Env) sweep(ctx context.Context) error {
	return persist(ctx, func(ctx context.Context) error {
		var errs []error
		for _, in := range e.leftRules() {
			errs = append(errs, guard(func() error { _, err := in.Remove(ctx); return err }))
		}
		for _, n := range e.Nodes() {
			errs = append(errs, guard(func() error { return e.restore(ctx, n) }))
		}
		return errors.Join(errs...)
	})
}

func (e *Env) leftRules() []*Installed {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Keys(e.rules))
}

// restore brings one member back to life, whatever state it is in.
func (e *Env) restore(ctx context.Context, node string) error {
	m := e.members[node]
	e.mu.Lock()
	token, paused := m.inc, m.pauses > 0
	if paused {
		m.pauses = 1
	}
	e.mu.Unlock()
	var stopped error
	if paused {
		_, _, stopped = e.Resume(ctx, node, token)
	}
	if err := e.Start(ctx, node); err != nil {
		return err
	}
	if _, err := e.Return(ctx, node); err != nil {
		return err
	}
	e.mu.Lock()
	doubt := m.doubt
	e.mu.Unlock()
	if !doubt {
		return nil
	}
	// A signal failed: the process may be stopped, gone or neither. Whichever of
	// these is wrong fails, and changes nothing.
	return e.act(ctx, node, func(ctx context.Context, m *member) error {
		if err := e.system.Resume(ctx, node); err != nil {
			if err := e.system.Start(ctx, node); err != nil && stopped != nil {
				return stopped
			}
		}
		e.set(func() { m.pauses = 0 })
		return nil
	})
}

// persist calls f until it succeeds, panics or ctx is done, and returns the
// last error.
func persist(ctx context.Context, f func(context.Context) error) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		err := guard(func() error { return f(ctx) })
		if _, panicked := err.(*panicError); err == nil || panicked || !wait(ctx, pause) {
			return err
		}
	}
}

// guard calls f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return f()
}

// panicError is a panic of a fault or of the system.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
