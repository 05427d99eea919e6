package nemesis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Staggered is a kill, a pause or a power failure whose members come back one after the other, each at a
// moment of its own before the end of the fault.
//
//	at 5s for 3s  kill several staggered
type Staggered struct {
	Of Fault // a Kill, a Pause or a PowerFailure
	// Back is when each of its members comes back, since the fault began, in the order
	// in which they are named. Empty: drawn evenly from the time of the fault.
	Back []time.Duration
}

// staggered is the word for it.
const staggered = "staggered"

// String is "kill several staggered", or "kill n1 n2 staggered 1.2s 300ms".
func (f Staggered) String() string {
	words := []string{f.Of.String(), staggered}
	for _, d := range f.Back {
		words = append(words, formatTime(d))
	}
	return strings.Join(words, " ")
}

// Span is Bounded.
func (f Staggered) Span() Span { return Bounded }

// Check checks the fault, and that there is a time for each member or for none.
func (f Staggered) Check(s Setting) error {
	names := f.who().words()
	for _, d := range f.Back {
		if d <= 0 {
			return fmt.Errorf("%s needs times above 0: for example kill n1 n2 %s 500ms 2s", staggered, staggered)
		}
	}
	if len(f.Back) > 0 {
		for _, w := range names {
			if !nodeName.MatchString(w) {
				return fmt.Errorf("%q is no member's name: write times after %s only where members are named, for example kill n1 n2 %s 500ms 2s", w, staggered, staggered)
			}
		}
		if len(f.Back) != len(names) {
			return fmt.Errorf("%d times for %d members: name one for each, or none", len(f.Back), len(names))
		}
	}
	return f.Of.Check(s)
}

func (f Staggered) who() Target {
	switch of := f.Of.(type) {
	case Kill:
		return of.Who
	case Pause:
		return of.Who
	case PowerFailure:
		return of.Who
	}
	return ""
}

// one is the fault for a single member.
func (f Staggered) one(node string) Fault {
	if _, ok := f.Of.(Pause); ok {
		return Pause{Target(node)}
	}
	return Kill{Target(node)}
}

// Resolve names the targets and draws when each comes back.
func (f Staggered) Resolve(s *Scene) (Fault, error) {
	of, err := f.Of.Resolve(s)
	if err != nil {
		return nil, err
	}
	r := Staggered{Of: of, Back: f.Back}
	if len(f.Back) > 0 {
		return r, nil
	}
	for range r.who().words() {
		at := time.Duration(s.Rand.Float64() * float64(s.For))
		r.Back = append(r.Back, max(at.Round(time.Millisecond), time.Millisecond))
	}
	return r, nil
}

// part is what a staggered fault did to one member.
type part struct {
	in   Injected
	back time.Duration
	done bool
	sum  Evidence
}

// heal brings the member back, once.
func (p *part) heal(ctx context.Context) error {
	if p.done {
		return nil
	}
	sum, err := p.in.Heal(ctx)
	p.sum, p.done = sum, err == nil
	return err
}

// Inject strikes all members at once and leaves a goroutine that brings each back at
// its time. Healing brings back those that are left.
func (f Staggered) Inject(ctx context.Context, env *Env) (Injected, error) {
	parts, err := f.strike(ctx, env)
	if len(parts) == 0 {
		return Injected{}, err
	}
	noted := remarks(parts[0].in.Note, note(err))
	ctx, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- guard(func() error { return bringBack(ctx, env, parts) }) }()
	heal := env.afterwards("staggered", stop, stopped, func(ctx context.Context) (Evidence, error) { return healed(ctx, parts) })
	return Injected{Heal: heal, Note: noted, Found: func() string { return found(parts) }}, nil
}

// strike strikes all members. Where that is no deed for all of them together, it is one
// for each.
func (f Staggered) strike(ctx context.Context, env *Env) ([]*part, error) {
	if of, ok := f.Of.(PowerFailure); ok {
		return of.parts(ctx, env, f.Back)
	}
	var parts []*part
	var errs []error
	for i, n := range f.who().words() {
		in, err := f.one(n).Inject(ctx, env)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		parts = append(parts, &part{in: in, back: f.Back[i]})
	}
	return parts, errors.Join(errs...)
}

// bringBack heals each part at its time, until ctx is done. What fails is left for the
// end of the fault.
func bringBack(ctx context.Context, env *Env, parts []*part) error {
	for passed := time.Duration(0); ; {
		var next *part
		for _, p := range parts {
			if !p.done && p.back > passed && (next == nil || p.back < next.back) {
				next = p
			}
		}
		if next == nil || !wait(ctx, next.back-passed) {
			return nil
		}
		passed = next.back
		for _, p := range parts {
			if p.back == passed {
				_ = p.heal(context.WithoutCancel(ctx)) // which the patience of env bounds
			}
		}
	}
}

// healed heals what is left and sums up what all parts did.
func healed(ctx context.Context, parts []*part) (Evidence, error) {
	var errs []error
	sum := Evidence{}
	for _, p := range parts {
		errs = append(errs, p.heal(ctx))
		for name, n := range p.sum {
			sum[name] += n
		}
	}
	return sum, errors.Join(errs...)
}

// found is what the parts found besides, each thing once.
func found(parts []*part) string {
	var all served
	for _, p := range parts {
		if p.in.Found != nil {
			all.add(p.in.Found())
		}
	}
	return all.String()
}

// parseStaggered reads what may follow such a fault.
func parseStaggered(f Fault, r *reader) (Fault, error) {
	if !r.accept(staggered) {
		return f, nil
	}
	s := Staggered{Of: f}
	for r.peek() != "" {
		d, err := r.time(staggered)
		if err != nil {
			return nil, err
		}
		s.Back = append(s.Back, d)
	}
	return s, nil
}
