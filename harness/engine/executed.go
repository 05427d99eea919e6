package engine

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// Firing is one time that a step of a plan fired, or that it did not come to
// that. Its times count from the start of the faults, as those of a plan do.
type Firing struct {
	history.Fault // as it ended; What is FaultInject while no end is known

	// Began is when it was put in force, Ended when it was healed or given up.
	Began, Ended time.Duration
	// At is where in the history it was put in force.
	At uint64
}

// Fired tells whether the step was put in force.
func (f *Firing) Fired() bool { return f.Resolved != "" }

// Firings reads from a history what became of the steps of the plan, in the order
// in which they were put in force.
func Firings(events iter.Seq2[*history.Event, error]) ([]Firing, error) {
	c, err := conductOf(events)
	return c.firings, err
}

// conducted is what became of a plan.
type conducted struct {
	firings []Firing
	start   time.Duration // of the faults, since that of the run
	steps   int           // of the plan
	ending  string        // what the run did before its plan had ended
}

func conductOf(events iter.Seq2[*history.Event, error]) (conducted, error) {
	var c conducted
	var all []Firing
	open := make(map[int]int) // by step: index in all
	for e, err := range events {
		start := c.start
		switch {
		case err != nil:
			c.firings = all
			return c, err
		case e.Run != nil && e.Run.Phase == history.PhaseFaults:
			c.start = e.At
		case e.Run != nil && e.Run.What == history.RunBegin:
			c.steps, c.ending = e.Run.Steps, "ended early"
		case e.Run != nil && e.Run.What == history.RunEnd && e.Run.Text != "":
			c.ending = "was interrupted"
		case e.Fault == nil:
		case e.Fault.What == history.FaultInject:
			open[e.Fault.Step] = len(all)
			all = append(all, Firing{Fault: *e.Fault, Began: e.At - start, At: e.Seq})
		default:
			at, ok := open[e.Fault.Step]
			if !ok {
				at = len(all)
				all = append(all, Firing{Began: e.At - start, At: e.Seq})
			}
			all[at].Fault, all[at].Ended = *e.Fault, e.At-start
			delete(open, e.Fault.Step)
		}
	}
	c.firings = all
	return c, nil
}

// ReadFirings is Firings for the history of a run directory. It is also used on
// histories that were cut short.
func ReadFirings(dir results.Dir) ([]Firing, error) {
	c, err := readConduct(dir)
	return c.firings, err
}

func readConduct(dir results.Dir) (conducted, error) {
	h, err := history.Open(dir.History())
	if err != nil {
		return conducted{}, err
	}
	defer h.Close()
	return conductOf(neither(h.Batches()))
}

// neither goes over the events of a history that are neither operations nor of raft,
// of which there are few.
func neither(batches iter.Seq2[*history.Batch, error]) iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		for b, err := range batches {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range b.Others {
				if !yield(e, nil) {
					return
				}
			}
			b.Release()
		}
	}
}

// Executed is the plan that firings came to be: every word replaced by the
// members that it meant, every trigger by the time at which it fired. What had no
// effect then need not have one now, and no person wrote it.
func Executed(firings []Firing) (nemesis.Plan, error) {
	plan := nemesis.Plan{Generated: true}
	for i := range firings {
		f := &firings[i]
		if !f.Fired() {
			continue
		}
		step, err := nemesis.ParseStep(f.Resolved)
		if err != nil {
			return plan, fmt.Errorf("event %d: the step %q: %w", f.At, f.Resolved, err)
		}
		step.At = max(0, f.Began.Round(time.Millisecond))
		step.Optional = f.Optional || !f.Bit
		plan.Steps = append(plan.Steps, step)
	}
	return plan, nil
}

// WriteExecuted leaves the plan as it came to pass in the run directory, with
// what became of each step as comments.
func WriteExecuted(dir results.Dir) error {
	c, err := readConduct(dir)
	if err != nil {
		return err
	}
	firings := c.firings
	plan, err := Executed(firings)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(plan.String(), "\n"), "\n")
	var b strings.Builder
	b.WriteString("# The plan as it came to pass, with names for words and times for triggers.\n" + c.String() + lines[0] + "\n")
	next := 1
	for i := range firings {
		f := &firings[i]
		fmt.Fprintf(&b, "\n# step %d: %s\n#   %s\n", f.Step, f.Text, f.outcome())
		if f.Fired() {
			b.WriteString(lines[next] + "\n")
			next++
		}
	}
	return dir.WriteText(results.ExecutedFile, b.String())
}

// String is what the comments before the steps say of the plan as a whole.
func (c conducted) String() string {
	text := fmt.Sprintf("# Times count from the start of the faults, %s after that of the run.\n", c.start.Round(time.Millisecond))
	left := 0
	for i := range c.firings {
		if c.firings[i].What == history.FaultNotStarted {
			left++
		}
	}
	if left > 0 {
		text += fmt.Sprintf("# The run %s, %d of %s not started.\n", c.ending, left, count.Many(c.steps, "step"))
	}
	return text
}

// outcome says what became of the firing.
func (f *Firing) outcome() string {
	var parts []string
	if f.Fired() {
		parts = append(parts, "in force at "+f.Began.Round(time.Millisecond).String())
	}
	if f.What != history.FaultInject {
		what := strings.ReplaceAll(string(f.What), "-", " ")
		if f.What == history.FaultHeal {
			what = "healed"
		}
		parts = append(parts, what+" at "+f.Ended.Round(time.Millisecond).String())
	}
	if f.What == history.FaultHeal && !f.Bit {
		parts = append(parts, "without any effect")
	}
	for _, name := range slices.Sorted(maps.Keys(f.Evidence)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, f.Evidence[name]))
	}
	if f.Reason != "" {
		parts = append(parts, f.Reason)
	}
	return strings.ReplaceAll(strings.Join(parts, ", "), "\n", " ")
}
