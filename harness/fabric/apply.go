package fabric

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Supports tells why the fabric cannot carry out a rule; nil means that it can.
func (f *Fabric) Supports(r Rule) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.supportsLocked(r)
}

// Apply installs a rule on all its links, or returns an error and on none. When
// it returns, the rule is in force: no byte leaves against it any more. Rules
// that act on what enters (Delay, Drop, Duplicate, Reorder, Hold) leave alone
// what had entered before; Cut and Throttle don't.
func (f *Fabric) Apply(r Rule) (*Applied, error) {
	a := &Applied{fabric: f}
	f.mu.Lock()
	if err := f.supportsLocked(r); err != nil {
		f.mu.Unlock()
		return nil, err
	}
	a.install(r, f.number)
	f.number++
	f.applied[a] = struct{}{}
	lasts := r.Action != Reset
	var acks []<-chan struct{}
	if lasts {
		for _, e := range a.effects {
			e.link.rules = e.link.rules.with(e.effect)
		}
		acks = f.tellLocked(a)
	}
	var victims []*conn
	if r.Action == Reset || r.Action == Refuse {
		victims = f.carryingLocked(a)
	}
	f.mu.Unlock()

	for _, c := range victims {
		if c.kill() {
			a.tally.add(ConnsReset, 1)
		}
	}
	if err := await(acks); err != nil {
		a.Remove()
		return nil, fmt.Errorf("apply %s: %w", r.Action, err)
	}
	return a, nil
}

// ackWait bounds how long Apply waits for connections to take a rule. They are
// interrupted, so only a stuck Observer takes this long.
const ackWait = 10 * time.Second

func await(acks []<-chan struct{}) error {
	if len(acks) == 0 {
		return nil
	}
	timeout := time.NewTimer(ackWait)
	defer timeout.Stop()
	for _, ack := range acks {
		select {
		case <-ack:
		case <-timeout.C:
			return fmt.Errorf("a connection did not take the rule within %s; is the observer stuck?", ackWait)
		}
	}
	return nil
}

// Applied is a rule in force.
type Applied struct {
	fabric  *Fabric
	rule    Rule
	tally   *tally
	touched atomic.Int64 // against Rule.Count
	effects []effectOn
	once    sync.Once
}

type effectOn struct {
	*effect
	link *link
}

func (a *Applied) install(r Rule, number uint64) {
	r.Links = dedupe(r.Links)
	a.rule = r
	for _, l := range r.Links {
		a.effects = append(a.effects, effectOn{newEffect(a, a.fabric.opts.Seed, number, l), a.fabric.links[l]})
	}
	a.tally = newTally(a.effects[0].action)
}

// Remove takes the rule out and reports what it did. What the rule held or
// still delayed becomes due at once, in order. The second call, also after
// Heal, reports the same.
func (a *Applied) Remove() Evidence {
	a.once.Do(func() {
		f := a.fabric
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.applied, a)
		for _, e := range a.effects {
			e.link.rules = e.link.rules.without(a)
		}
		f.tellLocked(a)
	})
	return a.tally.evidence()
}

// Heal removes every rule, and ends the following and recording of a schedule.
func (f *Fabric) Heal() {
	f.scheduler.end()
	f.mu.Lock()
	all := make([]*Applied, 0, len(f.applied))
	for a := range f.applied {
		all = append(all, a)
	}
	f.mu.Unlock()
	for _, a := range all {
		a.Remove()
	}
}

// tellLocked tells every stream on the rule's links what is in force there
// now. The channels close once each has stopped acting on anything older.
func (f *Fabric) tellLocked(a *Applied) []<-chan struct{} {
	var acks []<-chan struct{}
	for c := range f.conns {
		for _, s := range []*stream{c.forward, c.backward} {
			if a.on(s.link) {
				if ack := s.setRules(s.link.rules); ack != nil {
					acks = append(acks, ack)
				}
			}
		}
	}
	return acks
}

func (f *Fabric) carryingLocked(a *Applied) []*conn {
	var conns []*conn
	for c := range f.conns {
		if a.on(c.forward.link) || a.on(c.backward.link) {
			conns = append(conns, c)
		}
	}
	return conns
}

func (a *Applied) on(l *link) bool {
	return slices.ContainsFunc(a.effects, func(e effectOn) bool { return e.link == l })
}

func (f *Fabric) supportsLocked(r Rule) error {
	if f.closed {
		return fmt.Errorf("rule %s: %w", r.Action, ErrClosed)
	}
	if err := r.check(); err != nil {
		return fmt.Errorf("rule %s: %w", r.Action, err)
	}
	framed := r.framed()
	for _, name := range r.Links {
		l := f.links[name]
		switch {
		case l == nil:
			return fmt.Errorf("rule %s: unknown link %s: no listener joins the two", r.Action, name)
		case framed && !l.decoded:
			return fmt.Errorf("rule %s: link %s is not decoded, so its frames cannot be told apart", r.Action, name)
		}
	}
	if framed {
		if err := r.checkClass(f.opts.Protocol); err != nil {
			return fmt.Errorf("rule %s: %w", r.Action, err)
		}
	}
	return nil
}

// framed tells whether the rule needs a decoder.
func (r Rule) framed() bool {
	switch r.Action {
	case Drop, Duplicate, Reorder, Hold:
		return true
	}
	return r.Class != ""
}

// check looks at the rule alone. A field that the action would ignore is an
// error: a rule must do all that it says.
func (r Rule) check() error {
	var delay, rate, chance, count, class bool // which fields mean something
	switch r.Action {
	case Cut:
		class = true
		chance, count = r.Class != "", r.Class != ""
	case Delay:
		delay, chance, class = true, true, true
	case Throttle:
		rate, class = true, true
	case Reset, Refuse:
	case Drop, Duplicate, Hold:
		chance, count, class = true, true, true
	case Reorder:
		delay, chance, count, class = true, true, true, true
	default:
		return errors.New("no such action")
	}
	switch {
	case len(r.Links) == 0:
		return errors.New("names no link")
	case r.Class != "" && !class:
		return fmt.Errorf("works on whole connections, not on class %q", r.Class)
	case !delay && (r.Delay != 0 || r.Jitter != 0):
		return errors.New("takes no delay")
	case r.Delay < 0 || r.Jitter < 0 || r.Jitter > r.Delay:
		return fmt.Errorf("delay %s ± %s: want 0 ≤ jitter ≤ delay", r.Delay, r.Jitter)
	case r.Action == Delay && r.Delay == 0:
		return errors.New("delay must be over 0")
	case rate != (r.Rate > 0) || r.Rate < 0:
		return fmt.Errorf("rate %d bytes a second: throttle wants one over 0, others none", r.Rate)
	case !(r.Chance >= 0 && r.Chance <= 1):
		return fmt.Errorf("chance %v: want one in (0, 1]", r.Chance)
	case !chance && r.Chance != 0 && r.Chance != 1:
		return fmt.Errorf("takes no chance, has %v", r.Chance)
	case r.Count < 0 || !count && r.Count != 0:
		return fmt.Errorf("count %d: want 0, or a bound on frames that are dropped, doubled, reordered or held", r.Count)
	}
	return nil
}

func (r Rule) checkClass(p Protocol) error {
	classes := p.Classes()
	if r.Class != "" && !slices.Contains(classes, r.Class) {
		return fmt.Errorf("unknown class %q, want one of %q", r.Class, classes)
	}
	if r.Action == Delay || r.Action == Throttle {
		return nil
	}
	if r.Class != "" && !p.Lossy(r.Class) {
		return fmt.Errorf("frames of class %q may not be lost or overtaken in this protocol", r.Class)
	}
	if r.Class == "" && !slices.ContainsFunc(classes, p.Lossy) {
		return errors.New("this protocol tolerates no loss or overtaking")
	}
	return nil
}

func dedupe(links []Link) []Link {
	var out []Link
	for _, l := range links {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}
