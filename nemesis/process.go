package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kill ends processes with SIGKILL. They are started again when it heals.
type Kill struct{ Who Target }

// String is "kill leader".
func (f Kill) String() string { return "kill " + string(f.Who) }

// Span is Open.
func (f Kill) Span() Span { return Open }

// Check checks the target.
func (f Kill) Check(s Setting) error { return checkAll(s, f.Who) }

// Resolve names the targets; one of them at least must be running.
func (f Kill) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Kill{Who: who}, err
}

// Inject kills those that run.
func (f Kill) Inject(ctx context.Context, env *Env) (Injected, error) {
	k := killing{env: env}
	if err := k.kill(ctx, f.Who.words()); len(k.down) == 0 {
		return Injected{}, err
	} else {
		return Injected{Heal: k.heal, Note: note(err), Found: k.served.String}, nil
	}
}

// Pause stops processes with SIGSTOP and continues them when it heals. Pauses
// of one process add up: it goes on when the last one is over.
type Pause struct{ Who Target }

// String is "pause leader".
func (f Pause) String() string { return "pause " + string(f.Who) }

// Span is Open.
func (f Pause) Span() Span { return Open }

// Check checks the target.
func (f Pause) Check(s Setting) error { return checkAll(s, f.Who) }

// Resolve names the targets; one of them at least must be running.
func (f Pause) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Pause{Who: who}, err
}

// Inject stops those that run.
func (f Pause) Inject(ctx context.Context, env *Env) (Injected, error) {
	var errs []error
	paused := make(map[string]uint64)
	for _, n := range f.Who.words() {
		inc, err := env.Pause(ctx, n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		paused[n] = inc
	}
	err := errors.Join(errs...)
	if len(paused) == 0 {
		return Injected{}, err
	}
	done := Evidence{"stopped": int64(len(paused)), "continued": 0}
	var served served
	heal := func(ctx context.Context) (Evidence, error) {
		for _, n := range slices.Sorted(maps.Keys(paused)) {
			survived, who, err := env.Resume(ctx, n, paused[n])
			served.add(who)
			if err != nil {
				return done, err
			}
			delete(paused, n)
			if survived {
				done["continued"]++
			}
		}
		return served.in(done), nil
	}
	return Injected{Heal: heal, Note: note(err), Found: served.String}, nil
}

// Restart kills processes and starts them again at once.
type Restart struct{ Who Target }

// String is "restart leader".
func (f Restart) String() string { return "restart " + string(f.Who) }

// Span is Instant.
func (f Restart) Span() Span { return Instant }

// Check checks the target.
func (f Restart) Check(s Setting) error { return checkAll(s, f.Who) }

// Resolve names the targets; one of them at least must be running.
func (f Restart) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Restart{Who: who}, err
}

// Inject kills; its healing, which follows at once, starts.
func (f Restart) Inject(ctx context.Context, env *Env) (Injected, error) {
	return Kill(f).Inject(ctx, env)
}

// RestartStorm kills processes and starts them again, over and over.
type RestartStorm struct {
	Who   Target
	Every time.Duration // from one kill to the next
}

// String is "restart-storm one every 1s".
func (f RestartStorm) String() string {
	return fmt.Sprintf("restart-storm %s every %s", f.Who, formatTime(f.Every))
}

// Span is Bounded.
func (f RestartStorm) Span() Span { return Bounded }

// Check checks the target and the interval.
func (f RestartStorm) Check(s Setting) error {
	return errors.Join(checkAll(s, f.Who), checkEvery(f.Every))
}

// Resolve names the targets; one of them at least must be running.
func (f RestartStorm) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return RestartStorm{Who: who, Every: f.Every}, err
}

// Inject makes the first round and leaves a goroutine that makes the others
// until it is healed.
func (f RestartStorm) Inject(ctx context.Context, env *Env) (Injected, error) {
	k := killing{env: env}
	if err := k.restart(ctx, f.Who.words()); err != nil && k.gone == 0 {
		return Injected{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() {
		stopped <- guard(func() error {
			for wait(ctx, f.Every) {
				// A member that another fault holds down sits this round out.
				_ = k.restart(ctx, f.Who.words())
			}
			return nil
		})
	}()
	heal := env.afterwards("restart-storm", stop, stopped, k.heal)
	return Injected{Heal: heal, Found: k.served.String}, nil
}

// afterwards returns a heal that ends what goes on meanwhile: it stops that, waits until it
// has ended, and heals. It may be called again after an error.
func (e *Env) afterwards(what string, stop func(), stopped <-chan error, heal func(context.Context) (Evidence, error)) func(context.Context) (Evidence, error) {
	running := true
	return func(ctx context.Context) (Evidence, error) {
		stop()
		if running {
			select {
			case err := <-stopped:
				running = false
				if err != nil {
					e.logf("%s: %v", what, err)
				}
			case <-ctx.Done():
				return nil, fmt.Errorf("%s does not stop: %w", what, ctx.Err())
			}
		}
		return heal(ctx)
	}
}

// RollingRestart restarts processes one after the other, each once.
type RollingRestart struct {
	Who   Target        // "" means all
	Every time.Duration // from one restart to the next
}

// String is "rolling-restart every 1s", with or without targets.
func (f RollingRestart) String() string {
	if f.Who == "" {
		return "rolling-restart every " + formatTime(f.Every)
	}
	return fmt.Sprintf("rolling-restart %s every %s", f.Who, formatTime(f.Every))
}

// Span is Instant: it is over when everybody had a turn.
func (f RollingRestart) Span() Span { return Instant }

func (f RollingRestart) who() Target {
	if f.Who == "" {
		return "all"
	}
	return f.Who
}

// Check checks the target and the interval.
func (f RollingRestart) Check(s Setting) error {
	return errors.Join(checkAll(s, f.who()), checkEvery(f.Every))
}

// Resolve names the targets; one of them at least must be running.
func (f RollingRestart) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.who())
	return RollingRestart{Who: who, Every: f.Every}, err
}

// Inject goes through the targets. It stops early when ctx is done.
func (f RollingRestart) Inject(ctx context.Context, env *Env) (Injected, error) {
	k := killing{env: env}
	var errs []error
	for i, n := range f.Who.words() {
		if i > 0 && !wait(ctx, f.Every) {
			break
		}
		errs = append(errs, k.restart(ctx, []string{n}))
	}
	err := errors.Join(errs...)
	if k.gone == 0 {
		return Injected{}, err
	}
	return Injected{Heal: k.heal, Note: note(err), Found: k.served.String}, nil
}

// resolveRunning names the target of a process fault. It fails when everybody
// meant is down already, so that the fault is skipped before it is recorded.
func resolveRunning(s *Scene, who Target) (Target, error) {
	names, err := s.Resolve(who)
	if err != nil {
		return "", err
	}
	var down []string
	for _, n := range names[0].words() {
		if !s.Down[n] {
			return names[0], nil
		}
		down = append(down, n)
	}
	var how []string
	for _, n := range down {
		if s.ended == nil {
			break
		}
		if end := s.ended(n); end != "" {
			how = append(how, n+": "+end)
		}
	}
	err = fmt.Errorf("each of %s %w", strings.Join(down, ", "), errDown)
	if len(down) == 1 {
		err = fmt.Errorf("%s %w", down[0], errDown)
	}
	if len(how) > 0 {
		err = fmt.Errorf("%w (%s)", err, strings.Join(how, "; "))
	}
	return "", err
}

func checkEvery(d time.Duration) error {
	if d <= 0 {
		return errors.New("the interval is missing: end with, for example, every 500ms")
	}
	return nil
}

// killing is a fault's hold on the processes that it has killed. Only one
// goroutine uses it at a time.
type killing struct {
	env          *Env
	down         map[string]bool // killed by this fault and not yet started again
	gone, starts int64
	served       served
}

// served is who served in the place of members that a fault had killed or paused.
type served []string

func (s *served) add(who string) {
	if who != "" && !slices.Contains(*s, who) {
		*s = append(*s, who)
	}
}

// in returns evidence with their number.
func (s *served) in(e Evidence) Evidence {
	if len(*s) > 0 {
		e[StillServed] = int64(len(*s))
	}
	return e
}

// String tells of the first, and of how many more.
func (s *served) String() string {
	switch len(*s) {
	case 0:
		return ""
	case 1:
		return (*s)[0]
	}
	return fmt.Sprintf("%s (and %d more)", (*s)[0], len(*s)-1)
}

// kill kills each node. It fails with the errors of those that it could not
// kill.
func (k *killing) kill(ctx context.Context, nodes []string) error {
	if k.down == nil {
		k.down = make(map[string]bool)
	}
	var errs []error
	for _, n := range nodes {
		if k.down[n] {
			continue
		}
		if _, err := k.env.Kill(ctx, n); err != nil {
			errs = append(errs, err)
			continue
		}
		k.served.add(k.env.Serves(ctx, n))
		k.down[n] = true
		k.gone++
	}
	return errors.Join(errs...)
}

func (k *killing) start(ctx context.Context) error {
	var errs []error
	for _, n := range slices.Sorted(maps.Keys(k.down)) {
		k.served.add(k.env.Serves(ctx, n)) // perhaps only since a while
		if err := k.env.Start(ctx, n); err != nil {
			errs = append(errs, err)
			continue
		}
		delete(k.down, n)
		k.starts++
	}
	return errors.Join(errs...)
}

func (k *killing) restart(ctx context.Context, nodes []string) error {
	err := k.kill(ctx, nodes)
	return errors.Join(err, k.start(ctx))
}

func (k *killing) heal(ctx context.Context) (Evidence, error) {
	err := k.start(ctx)
	return k.served.in(Evidence{PidsGone: k.gone, "starts": k.starts}), err
}

func note(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// remarks is what there is to say, in one line.
func remarks(all ...string) string {
	return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), "; ")
}

// wait waits for d and tells whether ctx lasted that long.
func wait(ctx context.Context, d time.Duration) bool {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
