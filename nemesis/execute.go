package nemesis

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Options is what an execution needs besides the plan.
type Options struct {
	System System
	// Record takes every fault event; the receiver stamps it. It is called by
	// several goroutines, an inject event before the effect that it announces.
	Record func(history.Event)
	// Now is the time since the start of the faults; nil counts from the call of
	// Execute.
	Now func() time.Duration
	// Until is when the faults end, on Now's clock: what is then in force is
	// healed, what is then to come is not fired. 0 means that only the plan and
	// ctx end the execution: a step without an end then waits for ctx.
	Until time.Duration
	// Seed fixes what random targets draw. Each step has a stream of its own, so
	// that another step more or less changes nothing for the others.
	Seed uint64
	// Keeps are what disks may keep at a power failure that does not say, of the Keep
	// constants. Empty means nothing and names.
	Keeps []string
	// View is what is known of the members already; nil starts with nothing.
	// Execute goes on feeding it.
	View *View
	// Patience bounds each attempt to heal, and each signal; who heals waits longer for a
	// power failure that is under way. 0 means 10 s.
	Patience time.Duration
	Logf     func(format string, args ...any) // nil drops the lines
}

// Report is how the steps ended.
type Report struct {
	// Ends holds the last event of every firing: heal, skipped, not-fired, no-target
	// or not-started, in the order in which they came.
	Ends []history.Fault
	// Unhealed says what is still not healed, one line each; empty when all is
	// as it was before.
	Unhealed []string
}

// Count returns how many firings ended so.
func (r Report) Count(what history.FaultWhat) int {
	n := 0
	for _, f := range r.Ends {
		if f.What == what {
			n++
		}
	}
	return n
}

// Execute carries out a plan and returns once every fault is healed, whatever
// happens: the end of the plan, Until, the end of ctx, errors, panics of a
// fault. Healing has time of its own, bounded by Patience. The error says that
// ctx ended, that something could not be healed, or that a fault panicked;
// faults that are skipped are no error.
func Execute(ctx context.Context, o Options, plan Plan) (Report, error) {
	return ExecuteSteps(ctx, o, slices.Values(plan.Steps))
}

// ExecuteSteps is Execute for a plan that grows while it runs: it asks for the
// next step as soon as it has armed the one before, and returns when there are
// no more and all are over. Whoever yields the steps saves each one first, and
// ends when ctx does.
func ExecuteSteps(ctx context.Context, o Options, steps iter.Seq[Step]) (Report, error) {
	x := newExecution(o)
	run, cancel := x.period(ctx)
	defer cancel()
	unwatch := x.follow()
	number := 0
	var before Step
	for step := range steps {
		number++
		n, follows := number, step.follows(before)
		x.running.Go(func() { x.step(run, n, step, follows) })
		before = step
	}
	x.running.Wait()
	unwatch()
	x.sweep(ctx)
	return x.report, errors.Join(append(x.errs, ctx.Err())...)
}

var errEnd = errors.New("the faults are over")

// period is ctx limited to the time in which faults may be in force.
func (x *execution) period(ctx context.Context) (context.Context, context.CancelFunc) {
	if x.Until == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, max(0, x.Until-x.Now()), errEnd)
}

// execution is one run of a plan.
type execution struct {
	Options
	env     *Env
	hits    *hits
	running sync.WaitGroup

	mu     sync.Mutex
	report Report
	errs   []error
}

func newExecution(o Options) *execution {
	if o.Now == nil {
		start := time.Now()
		o.Now = func() time.Duration { return time.Since(start) }
	}
	if o.View == nil {
		o.View = NewView()
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return &execution{Options: o, hits: newHits(), env: newEnv(o.System, o.View, o.Logf, o.Patience)}
}

// follow feeds the view until the returned function is called.
func (x *execution) follow() (stop func()) {
	events, cancel := x.System.Watch()
	quit := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for {
			select {
			case e, ok := <-events:
				if !ok {
					return
				}
				x.View.Observe(e)
			case <-quit:
				return
			}
		}
	})
	return func() {
		cancel()
		close(quit)
		feeding.Wait()
	}
}

// step carries out step n: once at its time, or whenever its trigger fires. If it follows the
// one before it, it is as late as that was.
func (x *execution) step(ctx context.Context, n int, step Step, follows bool) {
	defer x.hits.ends(n)
	random := source(x.Seed, fmt.Sprintf("step %d", n))
	end := history.Fault{Step: n, Line: step.Line, Text: step.String(), Optional: step.Optional, Traffic: amongMembers(step.Fault)}
	if step.repeats() {
		x.repeat(ctx, end, step, n, random)
		return
	}
	var late time.Duration
	if follows && x.until(ctx, step.At) {
		late = x.hits.delay(ctx, n-1)
		step.At += late
	}
	for fired := range max(1, step.Trigger.Times) {
		roles, miss := x.await(ctx, step)
		if miss != nil {
			if fired == 0 {
				end.What, end.Reason = miss.what, miss.reason
				x.end(end)
			}
			return
		}
		x.fire(ctx, end, step, aim{n, roles, random, late})
	}
}

// repeat fires a step that repeats, each time as a step of its own. When is drawn from
// another stream than whom it means.
func (x *execution) repeat(ctx context.Context, end history.Fault, step Step, n int, random *rand.PCG) {
	pauses := rand.New(source(x.Seed, fmt.Sprintf("pauses of step %d", n)))
	repeat := step.Repeat
	step.Repeat = Repeat{}
	for fired := 0; repeat.Until == 0 || step.At < repeat.Until; fired++ {
		roles, miss := x.await(ctx, step)
		if miss != nil {
			if fired == 0 {
				end.What, end.Reason = miss.what, miss.reason
				x.end(end)
			}
			return
		}
		begun := step.At
		if step.triggered() {
			begun = x.Now()
		}
		x.fire(ctx, end, step, aim{n, roles, random, 0})
		pause := repeat.Every - repeat.Jitter + time.Duration(pauses.Float64()*float64(2*repeat.Jitter))
		next := max(begun+max(pause.Round(time.Millisecond), time.Millisecond), x.Now())
		if step.triggered() {
			step.Trigger.From = next
		} else {
			step.At = next
		}
	}
}

// until waits until Now is at and tells whether ctx lasted that long.
func (x *execution) until(ctx context.Context, at time.Duration) bool {
	return wait(ctx, max(0, at-x.Now()))
}

// miss is why a step does not fire.
type miss struct {
	what   history.FaultWhat
	reason string
}

// cutShort tells why a step that was to come does not: the faults are over, as they
// were to be, or the run was ended before that.
func cutShort(ctx context.Context) *miss {
	if errors.Is(context.Cause(ctx), errEnd) {
		return &miss{history.FaultNotFired, "the faults ended before it was due"}
	}
	return &miss{history.FaultNotStarted, "the run was cut short before it was due"}
}

// fire resolves the step's fault, puts it in force, waits and heals it.
func (x *execution) fire(ctx context.Context, f history.Fault, step Step, a aim) {
	r, err := x.resolve(ctx, step, a)
	if err != nil {
		f.What = history.FaultSkipped
		if errors.Is(err, ErrNoTarget) {
			f.What = history.FaultNoTarget
		}
		x.fail(f, err)
		return
	}
	f.Resolved, f.Nodes = x.resolved(step, r), r.touched
	f.What = history.FaultInject
	x.record(f)
	if r.late {
		a.late += (x.Now() - step.At).Round(time.Millisecond)
	}
	x.hits.begins(f.Step, r.hit, a.late)

	var in Injected
	err = guard(func() (err error) {
		in, err = r.fault.Inject(ctx, x.env)
		return err
	})
	if err != nil {
		x.hits.begins(f.Step, nil, 0)
		f.What = history.FaultSkipped
		x.fail(f, err)
		return
	}
	x.hold(ctx, step)
	x.heal(ctx, f, in)
}

// resolved is the step as it came to pass: at a time, with names for words.
func (x *execution) resolved(step Step, r resolution) string {
	if r.late || step.triggered() {
		step.At, step.Trigger = x.Now().Round(time.Millisecond), Trigger{}
	}
	step.Fault = r.fault
	return step.String()
}

// hold waits as long as the fault is to last.
func (x *execution) hold(ctx context.Context, step Step) {
	switch {
	case step.Fault.Span() == Instant:
	case step.For > 0:
		wait(ctx, step.For)
	default:
		<-ctx.Done()
	}
}

// heal takes the fault back, though ctx may be over.
func (x *execution) heal(ctx context.Context, f history.Fault, in Injected) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(x.Patience, in.Patience)+x.env.waits())
	defer cancel()
	var evidence Evidence
	err := persist(ctx, func(ctx context.Context) (err error) {
		evidence, err = in.Heal(ctx)
		return err
	})
	f.What, f.Evidence, f.Bit = history.FaultHeal, evidence, evidence.Bit()
	reasons := []string{in.Note}
	if in.Found != nil {
		reasons = append(reasons, in.Found())
	}
	if err != nil {
		x.problem(fmt.Errorf("%s: not healed: %w", f.Text, err))
		reasons = append(reasons, "not healed: "+note(err))
	}
	f.Reason = remarks(reasons...)
	x.end(f)
}

// fail ends a firing that did not come to be.
func (x *execution) fail(f history.Fault, err error) {
	if _, ok := errors.AsType[*panicError](err); ok {
		x.problem(err)
	}
	f.Reason = note(err)
	x.end(f)
}

// end records the last event of a firing.
func (x *execution) end(f history.Fault) {
	x.record(f)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.report.Ends = append(x.report.Ends, f)
}

// record passes on a copy of its own.
func (x *execution) record(f history.Fault) { x.Record(history.Event{Fault: &f}) }

// problem keeps an error that is the harness's, not the plan's.
func (x *execution) problem(err error) {
	if p, ok := errors.AsType[*panicError](err); ok {
		x.Logf("a fault panicked: %v\n%s", p.value, p.stack)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.errs = append(x.errs, err)
}

// sweep undoes what faults left behind, and reports what it cannot undo.
func (x *execution) sweep(ctx context.Context) {
	patience := x.Patience
	if x.env.anyAway() {
		patience = max(patience, membershipPatience)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := x.env.sweep(ctx); err != nil {
		x.problem(fmt.Errorf("not everything is healed: %w", err))
		x.report.Unhealed = strings.Split(err.Error(), "\n")
	}
}

// source derives a named source of randomness from a seed: adding one never
// shifts another.
func source(seed uint64, name string) *rand.PCG {
	h := fnv.New64a()
	io.WriteString(h, name)
	return rand.NewPCG(seed, h.Sum64())
}
