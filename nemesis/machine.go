package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Constrained changes what the machine is to members: their wall clocks, how much of a
// processor or of memory they may use, whether they go on at all. It outlasts their
// processes, but for freeze: whoever is killed meanwhile stands no more.
//
//	at 5s for 3s  clock leader +1h
//	at 9s for 2s  slow leader 5%
type Constrained struct {
	Who Target
	Constraint
}

// OnMachine tells whether a fault is of what the machine is to single members.
func OnMachine(f Fault) bool {
	switch f.(type) {
	case Constrained, Deaf:
		return true
	}
	return false
}

// Kind is the first word of the fault that the constraint is: clock, slow, starve, freeze,
// or "" for none.
func (c Constraint) Kind() string {
	switch {
	case c.Clock != nil:
		return "clock"
	case c.CPU != 0:
		return "slow"
	case c.Memory != 0, c.Share != 0:
		return "starve"
	case c.Freeze:
		return "freeze"
	}
	return ""
}

// String is as a plan has it: "+1h", "-30s", "drift 200ppm", "strobe ±5s every 200ms".
func (c Clock) String() string {
	switch {
	case c.Every != 0:
		return fmt.Sprintf("strobe ±%s every %s", formatTime(c.Offset), formatTime(c.Every))
	case c.Drift != 0:
		return "drift " + strconv.FormatFloat(c.Drift, 'f', -1, 64) + "ppm"
	case c.Offset < 0:
		return "-" + formatTime(-c.Offset)
	}
	return "+" + formatTime(c.Offset)
}

// String is "clock leader +1h", "slow leader 5%", "starve one 64MB", "starve one 110%", "freeze one".
func (f Constrained) String() string {
	words := []string{f.Kind(), string(f.Who)}
	switch {
	case f.Clock != nil:
		words = append(words, f.Clock.String())
	case f.CPU != 0:
		words = append(words, formatPercent(f.CPU))
	case f.Memory != 0:
		words = append(words, formatSize(f.Memory))
	case f.Share != 0:
		words = append(words, formatPercent(f.Share))
	}
	return strings.Join(words, " ")
}

// Span is Open.
func (f Constrained) Span() Span { return Open }

// Bounds of what a machine is made to be.
const (
	maxOffset = 20 * 365 * 24 * time.Hour
	maxDrift  = 500_000 // parts per million
	minCPU    = 0.1     // percent
	minMemory = 1_000_000
	maxShare  = 10_000 // percent
)

// Check checks the numbers, the target, and whether the machine can do this.
func (f Constrained) Check(s Setting) error {
	if f.Clock != nil {
		if err := f.Clock.check(); err != nil {
			return err
		}
	}
	switch {
	case f.Kind() == "":
		return errors.New("it changes nothing")
	case f.CPU != 0 && !(f.CPU >= minCPU && f.CPU <= 100):
		return fmt.Errorf("slow leaves %v%% of a processor or more, and at most 100%%: for example slow leader 5%%", minCPU)
	case f.Memory != 0 && f.Memory < minMemory:
		return fmt.Errorf("starve leaves %s or more: for example starve one 64MB", formatSize(minMemory))
	}
	if f.Share != 0 && !(f.Share >= 100 && f.Share <= maxShare && f.Memory == 0) {
		return fmt.Errorf("starve leaves what is in use, 100%%, or up to %d%% of it: for example starve one 110%%", maxShare)
	}
	if err := s.System.able(f.Kind()); err != nil {
		return err
	}
	return checkAll(s, f.Who)
}

func (c Clock) check() error {
	switch {
	case c.Offset.Abs() > maxOffset:
		return fmt.Errorf("a clock is wrong by %s at most", formatTime(maxOffset))
	case c.Every != 0 && (c.Every < time.Millisecond || c.Offset <= 0 || c.Drift != 0):
		return errors.New("strobe jumps to and fro by a time above 0, every 1ms or more: for example clock one strobe ±5s every 200ms")
	case c.Drift != 0 && (math.IsNaN(c.Drift) || math.Abs(c.Drift) > maxDrift || c.Offset != 0):
		return fmt.Errorf("a clock drifts by %dppm at most: for example clock one drift 200ppm", maxDrift)
	case c == Clock{}:
		return errors.New("this clock is right: for example clock one +1h")
	}
	return nil
}

// Resolve names the targets; one of them at least must be running.
func (f Constrained) Resolve(s *Scene) (Fault, error) {
	var err error
	f.Who, err = resolveRunning(s, f.Who)
	return f, err
}

// Inject puts the constraint in force at those that run. A member that the machine killed
// for want of memory is started again when it heals.
func (f Constrained) Inject(ctx context.Context, env *Env) (Injected, error) {
	return inForce(f.Who.words(), func(n string) (*Installed, error) { return env.Constrain(ctx, n, f.Constraint) })
}

// Deaf closes the listening sockets of members under them, for good. Connections live on.
// They are restarted when it heals, unless another process is there by then.
//
//	at 5s for 3s  deaf leader
type Deaf struct{ Who Target }

// String is "deaf leader".
func (f Deaf) String() string { return "deaf " + string(f.Who) }

// Span is Open.
func (f Deaf) Span() Span { return Open }

// Check checks the target, and whether the machine can do this.
func (f Deaf) Check(s Setting) error {
	if err := s.System.able("deaf"); err != nil {
		return err
	}
	return checkAll(s, f.Who)
}

// Resolve names the targets; one of them at least must be running.
func (f Deaf) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Deaf{Who: who}, err
}

// Inject closes the sockets of those that run.
func (f Deaf) Inject(ctx context.Context, env *Env) (Injected, error) {
	return inForce(f.Who.words(), func(n string) (*Installed, error) { return env.Deafen(ctx, n) })
}

// stands is the kind of constraint that no other act on the process goes with.
const stands = "freeze"

// errHeld is the error of what does not go with a constraint in force.
var errHeld = errors.New("does not go with what is in force there")

// Constrain puts a fault of the machine in force at a member that runs; a second one of
// the same kind does not go with the first, nor one of clocks with one that stands.
func (e *Env) Constrain(ctx context.Context, node string, c Constraint) (in *Installed, err error) {
	machine, ok := e.system.(Machine)
	kind := c.Kind()
	if !ok {
		return nil, fmt.Errorf("%s: %w", kind, ErrUnsupported)
	}
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		if err := e.goesWith(node, m, kind); err != nil {
			return err
		}
		applied, err := machine.Constrain(ctx, node, c)
		if err != nil {
			return fmt.Errorf("%s %s: %w", kind, node, err)
		}
		if kind == "starve" {
			applied = &deadly{revival: revival{env: e, node: node, member: m}, Applied: applied}
		}
		in = e.keep(&Installed{what: kind + " of " + node, applied: applied, node: node, kind: kind})
		e.set(func() { m.held[kind] = in })
		return errIdle
	})
	return in, err
}

// goesWith tells why something cannot be done to a member beside what is in force there.
func (e *Env) goesWith(node string, m *member, what string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	against := map[string][]string{"clock": {stands}, "pause": {stands}, stands: {"clock"}}[what]
	for _, kind := range append(against, what) {
		if m.held[kind] != nil {
			return fmt.Errorf("%s %s: %w: %s", what, node, errHeld, kind)
		}
	}
	if what == stands && m.pauses > 0 {
		return fmt.Errorf("%s %s: %w: pause", what, node, errHeld)
	}
	return nil
}

// thaw lets a member go on whose turn is held, so that it can be killed.
func (e *Env) thaw(ctx context.Context, m *member) error {
	e.mu.Lock()
	in := m.held[stands]
	e.mu.Unlock()
	if in == nil {
		return nil
	}
	_, err := in.remove(ctx)
	return err
}

// Deafen closes the listening sockets of a member. Removing that restarts the member,
// unless it was killed since.
func (e *Env) Deafen(ctx context.Context, node string) (in *Installed, err error) {
	machine, ok := e.system.(Machine)
	if !ok {
		return nil, fmt.Errorf("deaf: %w", ErrUnsupported)
	}
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		deaf := &deafened{revival: revival{env: e, node: node, member: m}}
		e.set(func() { deaf.inc = m.inc })
		// Even after an error some may be closed, and are looked after at the end.
		in = e.keep(&Installed{what: "deaf " + node, applied: deaf, node: node})
		evidence, err := machine.Deafen(ctx, node)
		if deaf.evidence = evidence; err == nil {
			return errIdle
		}
		if refused(err) {
			in.forget()
		}
		return fmt.Errorf("deaf %s: %w", node, err)
	})
	return in, err
}

// deafened is a member that listens no more, as a rule in force.
type deafened struct {
	revival
	inc      uint64
	evidence map[string]int64
}

// Remove restarts the process, unless another is there.
func (d *deafened) Remove(ctx context.Context) (map[string]int64, error) {
	var there bool
	d.env.set(func() { there = d.member.inc == d.inc && !d.member.down })
	if there {
		if _, err := d.env.kill(ctx, d.node, d.member); err != nil && !errors.Is(err, ErrGone) {
			return nil, err
		}
		d.dies()
	}
	return d.evidence, d.revive(ctx)
}

// revival starts a member whose process ended of a fault. Its turn is held.
type revival struct {
	env    *Env
	node   string
	member *member
	due    bool
}

func (r *revival) dies() {
	r.due = true
	if !r.env.isDown(r.member) {
		r.env.lost([]string{r.node})
	}
}

func (r *revival) revive(ctx context.Context) error {
	if !r.due {
		return nil
	}
	if err := r.env.start(ctx, r.node, r.member); err != nil && !errors.Is(err, errIdle) {
		return err
	}
	r.due = false
	return nil
}

func parseConstrained(name string, r *reader) (Fault, error) {
	var f Constrained
	var err error
	switch name {
	case "clock":
		f.Who = r.until(isClock)
		f.Clock, err = parseClock(r)
	case "slow":
		f.Who = r.until(startsAmount)
		f.CPU, err = parsePercent(r.next())
	case "starve":
		f.Who = r.until(startsAmount)
		f.Memory, f.Share, err = parseMemory(r.next())
	case stands:
		f.Who, f.Freeze = r.target("|", ">", "<>"), true
	}
	return f, err
}

// parseMemory reads how much memory is left: a size, or percent of what is in use.
func parseMemory(word string) (size int64, share float64, err error) {
	if number, ok := strings.CutSuffix(word, "%"); ok {
		if share, err = strconv.ParseFloat(number, 64); err != nil || !(share > 0) {
			return 0, 0, fmt.Errorf("bad percentage %q: write 100%% or more, for example 110%%", word)
		}
		return 0, share, nil
	}
	size, err = parseSize(word)
	return size, 0, err
}

// isClock tells whether a word begins what a clock is like.
func isClock(word string) bool {
	return startsAmount(word) || word == "drift" || word == "strobe"
}

func parseClock(r *reader) (*Clock, error) {
	word := r.next()
	var c Clock
	var err error
	switch {
	case word == "drift":
		drift, ok := strings.CutSuffix(r.next(), "ppm")
		if c.Drift, err = strconv.ParseFloat(drift, 64); !ok || err != nil || c.Drift == 0 {
			return nil, fmt.Errorf("a clock drifts by so many millionths: for example clock leader drift 200ppm")
		}
	case word == "strobe":
		by := strings.Replace(r.next(), "+-", "±", 1)
		if c.Offset, err = parseTime(strings.TrimPrefix(by, "±")); err != nil {
			return nil, fmt.Errorf("after \"strobe\": %w", err)
		}
		if !r.accept("every") {
			return nil, errors.New("how often? For example clock leader strobe ±5s every 200ms")
		}
		c.Every, err = r.positive("every")
	case strings.HasPrefix(word, "+"):
		c.Offset, err = parseTime(word[1:])
	case strings.HasPrefix(word, "-"):
		c.Offset, err = parseTime(word[1:])
		c.Offset = -c.Offset
	default:
		return nil, fmt.Errorf("%q is no way for a clock to be wrong: write +1h, -30s, drift 200ppm or strobe ±5s every 200ms", word)
	}
	return &c, err
}
