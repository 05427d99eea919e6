package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
)

// PowerFailure takes the power from members at one instant, so that their disks lose
// what was not synced. They are started again when it heals.
//
//	at 5s for 1s  power-failure all keep nothing quiet
type PowerFailure struct {
	Who  Target
	Keep Keep // without What it is drawn, and so is the Seed of KeepSome if it is 0
	// Quiet has clients wait just before until all that is under way is answered: nothing
	// that is asked for later brings what was acknowledged last to the disk.
	Quiet bool
}

// OnPower tells whether a fault is one of power, so that what was not synced is lost.
func OnPower(f Fault) bool {
	if s, ok := f.(Staggered); ok {
		f = s.Of
	}
	_, ok := f.(PowerFailure)
	return ok
}

// keepWord begins what a disk keeps; quietWord has clients wait.
const (
	keepWord  = "keep"
	quietWord = "quiet"
)

// keeps lists what may be kept, of any disk.
func keeps() []string { return []string{KeepNothing, KeepNames, KeepSome} }

// maxSeed bounds the seeds that faults draw: a person has to read them.
const maxSeed = 1_000_000

// String is as a plan has it: "nothing", "some 17".
func (k Keep) String() string {
	if k.Seed != 0 {
		return k.What + " " + strconv.FormatUint(k.Seed, 10)
	}
	return k.What
}

// check reports what no disk keeps, or not that of the system.
func (k Keep) check(o *Offer) error {
	switch {
	case k.What != "" && !slices.Contains(keeps(), k.What):
		return fmt.Errorf("keep %s: a disk keeps one of %s: for example %s", k.What, strings.Join(keeps(), ", "), exampleOf("power-failure"))
	case k.Seed != 0 && k.What != KeepSome:
		return fmt.Errorf("keep %s: only of %s a number draws what", k, KeepSome)
	}
	if err := o.able("power-failure"); err != nil || o == nil {
		return err
	}
	switch {
	case len(o.Keeps) == 0:
		return fmt.Errorf("power-failure: the disks of %s lose no power: give each member one of its own with --disk", o.System)
	case k.What != "" && !slices.Contains(o.Keeps, k.What):
		return fmt.Errorf("power-failure: the disks of %s cannot keep %s, but %s", o.System, k.What, strings.Join(o.Keeps, ", "))
	}
	return nil
}

// draw says what is not said.
func (k Keep) draw(s *Scene) Keep {
	if k.What == "" {
		from := s.Keeps
		if len(from) == 0 {
			from = []string{KeepNothing, KeepNames}
		}
		k.What = from[s.Rand.IntN(len(from))]
	}
	if k.What == KeepSome && k.Seed == 0 {
		k.Seed = 1 + s.Rand.Uint64N(maxSeed)
	}
	return k
}

// String is "power-failure leader keep names".
func (f PowerFailure) String() string {
	words := []string{"power-failure", string(f.Who)}
	if f.Keep != (Keep{}) {
		words = append(words, keepWord, f.Keep.String())
	}
	if f.Quiet {
		words = append(words, quietWord)
	}
	return strings.Join(words, " ")
}

// Span is Open.
func (f PowerFailure) Span() Span { return Open }

// Check checks the target, and whether the disks lose power and keep this.
func (f PowerFailure) Check(s Setting) error {
	if err := f.Keep.check(s.System); err != nil {
		return err
	}
	return checkAll(s, f.Who)
}

// Resolve names the targets, of which one at least must be running, and says what their
// disks keep.
func (f PowerFailure) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	if err != nil {
		return nil, err
	}
	return PowerFailure{Who: who, Keep: f.Keep.draw(s), Quiet: f.Quiet}, nil
}

// Inject takes the power from them.
func (f PowerFailure) Inject(ctx context.Context, env *Env) (Injected, error) {
	o, err := f.cut(ctx, env)
	if len(o.Down) == 0 {
		return Injected{}, err
	}
	k := o.hold(ctx, env, o.Down...)
	return Injected{Heal: o.heal(k, o.Evidence), Note: remarks(o.Note, note(err)), Found: k.served.String}, nil
}

// cut takes the power. Who is down then is in the answer, also after an error.
func (f PowerFailure) cut(ctx context.Context, env *Env) (outage, error) {
	o, err := env.CutPower(ctx, f.Who.words(), f.Keep, f.Quiet)
	return outage{o}, err
}

// parts is what a power failure did to each member, for those to come back one by one.
// The first has the evidence of all.
func (f PowerFailure) parts(ctx context.Context, env *Env, back []time.Duration) ([]*part, error) {
	o, err := f.cut(ctx, env)
	var parts []*part
	for i, n := range f.Who.words() {
		if !slices.Contains(o.Down, n) {
			continue
		}
		k := o.hold(ctx, env, n)
		in := Injected{Heal: o.heal(k, nil), Found: k.served.String}
		if len(parts) == 0 {
			in = Injected{Heal: o.heal(k, o.Evidence), Found: k.served.String, Note: o.Note}
		}
		parts = append(parts, &part{in: in, back: back[i]})
	}
	return parts, err
}

// outage is what a power failure did.
type outage struct{ Outage }

// CanariesSurvived counts what was written without sync just before the power failed, and
// is there all the same: it was no power failure.
const CanariesSurvived = "canaries-survived"

// DisksEmpty counts the members that had nothing on their disks when the power failed. If
// none had anything, nothing was tried.
const DisksEmpty = "disks-empty"

// DisksUnused counts, likewise, the members that wrote nothing to their disks, but to files
// elsewhere.
const DisksUnused = "disks-unused"

// canariesLost counts the members whose disks lost what was not synced.
const canariesLost = "canaries-lost"

// hold is the hold on members that a power failure took down.
func (o outage) hold(ctx context.Context, env *Env, nodes ...string) *killing {
	k := &killing{env: env, down: make(map[string]bool), gone: int64(len(nodes))}
	for _, n := range nodes {
		k.served.add(env.Serves(ctx, n))
		k.down[n] = true
	}
	return k
}

// heal starts members again. That processes are gone shows nothing if no disk lost
// anything.
func (o outage) heal(k *killing, evidence Evidence) func(context.Context) (Evidence, error) {
	return func(ctx context.Context) (Evidence, error) {
		all := Evidence{}
		done, err := k.heal(ctx)
		if Evidence(o.Evidence).Bit() {
			all = done
		}
		maps.Copy(all, evidence)
		return k.served.in(all), err
	}
}

// outagePatience bounds a power failure: file systems are unmounted, mounted, and recover.
const outagePatience = 40 * time.Second

// waits is how much longer the turn of a member may be waited for, since power failures are
// under way.
func (e *Env) waits() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.outages) * outagePatience
}

// CutPower takes the power from members at one instant and while nobody else acts on any of
// them; pauses of them are over. One at least has to run. Those that it took down are in the
// answer, also after an error, which also names those that were down before: their disks
// lose power with the others, but it is not for this fault to start them.
func (e *Env) CutPower(ctx context.Context, nodes []string, keep Keep, quiet bool) (out Outage, err error) {
	powered, ok := e.system.(Powered)
	if !ok {
		return Outage{}, fmt.Errorf("power-failure: %w", ErrUnsupported)
	}
	e.set(func() { e.outages++ })
	defer e.set(func() { e.outages-- })
	turns, err := e.take(ctx, nodes)
	if err != nil {
		return Outage{}, err
	}
	defer turns()
	var all, up []string
	var errs []error
	for _, n := range e.Nodes() {
		if !slices.Contains(nodes, n) {
			continue
		}
		all = append(all, n)
		if e.isDown(e.members[n]) {
			errs = append(errs, fmt.Errorf("%s %w", n, errDown))
		} else {
			up = append(up, n)
		}
	}
	if len(up) == 0 {
		return Outage{}, errors.Join(errs...)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(e.patience, outagePatience))
	defer cancel()
	for _, n := range up {
		e.set(func() { e.members[n].doubt = true })
		if err := e.thaw(ctx, e.members[n]); err != nil {
			return Outage{}, errors.Join(append(errs, err)...)
		}
	}
	out, err = powered.CutPower(ctx, all, keep, quiet)
	out.Evidence = maps.Clone(out.Evidence)
	delete(out.Evidence, PidsGone) // those are counted by who starts them
	out.Down = slices.DeleteFunc(out.Down, func(n string) bool { return !slices.Contains(up, n) })
	if left := slices.DeleteFunc(slices.Clone(up), func(n string) bool { return slices.Contains(out.Down, n) }); err == nil && len(left) > 0 {
		err = fmt.Errorf("power-failure: %s: %w", strings.Join(left, ", "), ErrGone)
	}
	e.lost(out.Down)
	return out, errors.Join(append(errs, err)...)
}

// take waits for the turns of several members, in an order in which nobody waits for
// another who waits for him, and returns what gives them back.
func (e *Env) take(ctx context.Context, nodes []string) (release func(), err error) {
	var taken []*member
	release = func() {
		for _, m := range taken {
			<-m.turn
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, n := range e.Nodes() {
		if !slices.Contains(nodes, n) {
			continue
		}
		select {
		case e.members[n].turn <- struct{}{}:
			taken = append(taken, e.members[n])
		case <-ctx.Done():
			release()
			return nil, fmt.Errorf("wait for what else is done to %s: %w", n, context.Cause(ctx))
		}
	}
	return release, nil
}

// lost notes that the processes of members are gone.
func (e *Env) lost(nodes []string) {
	e.set(func() {
		for _, n := range nodes {
			m := e.members[n]
			m.down, m.doubt, m.pauses, m.inc = true, false, 0, m.inc+1
		}
	})
	for _, n := range nodes {
		e.view.gone(n)
	}
}

func parsePower(_ string, r *reader) (Fault, error) {
	f := PowerFailure{Who: r.target("|", ">", "<>", keepWord, quietWord, staggered)}
	if r.accept(keepWord) {
		f.Keep.What = r.next()
		if !slices.Contains(keeps(), f.Keep.What) {
			return nil, fmt.Errorf("keep %q%s: a disk keeps one of %s: for example %s", f.Keep.What, text.DidYouMean(f.Keep.What, keeps()), strings.Join(keeps(), ", "), exampleOf("power-failure"))
		}
		if f.Keep.What == KeepSome && r.peek() != "" && r.peek() != staggered && r.peek() != quietWord {
			var err error
			if f.Keep.Seed, err = r.seed(); err != nil {
				return nil, fmt.Errorf("keep some: %w", err)
			}
		}
	}
	f.Quiet = r.accept(quietWord)
	return parseStaggered(f, r)
}
