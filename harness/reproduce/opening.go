package reproduce

import (
	"cmp"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/nemesis"
)

// opening is a candidate to begin with, far smaller than the whole run.
type opening struct {
	what string
	candidate
	// longer is the length to try too if this one fails only now and then; 0 for
	// none.
	longer time.Duration
}

// struck is a step of the plan that fired before the breach was proved.
type struck struct {
	step    nemesis.Step // as written
	firings []engine.Firing
}

// openings lists guesses at what the breach needed, the smallest first: nothing
// at all, then the faults in force about the events that prove it, then ever more
// of those before. Each is tried in the words of the plan and on the members that
// they meant, and moved to the start of the run.
func openings(f Finding) []opening {
	all := whole(f.Config)
	t := f.Config.Election
	short := min(all.length, max(3*time.Second, 20*t))
	list := []opening{repeating("no fault", all.with(nil), short)}
	steps := before(f)
	if len(steps) == 0 { // it needed none, but may come more often with the first ones
		for _, step := range f.Config.Plan.Steps[:min(4, len(f.Config.Plan.Steps))] {
			steps = append(steps, struck{step: step})
		}
	}
	force := inForce(f, steps)
	add := func(what string, of []struck) {
		if len(of) == 0 || len(of) == len(f.Config.Plan.Steps) {
			return
		}
		list = append(list, opening{what: what, candidate: window(f, of, wordsOf)})
		if named := window(f, of, namesOf); len(named.steps) > 0 {
			list = append(list, opening{what: what + ", on the same members", candidate: named})
		}
	}
	add("the last fault before it", tail(steps, 1))
	add("the faults in force then", force)
	add("the last two faults", tail(steps, 2))
	again := func(what string, of []struck) {
		if len(of) == 0 {
			return
		}
		list = append(list, repeating(what, all.with(amplify(wordsOf(of), t)), max(8*time.Second, 50*t)))
	}
	again("the faults in force then, again and again", force)
	for _, step := range kinds(append(frequent(f.Config.Plan.Steps), tail(steps, 8)...), t) {
		list = append(list, repeating(step.Fault.String()+", again and again, with pauses", all.with([]nemesis.Step{step}), max(8*time.Second, 50*t)))
	}
	add("the last four faults", tail(steps, 4))
	again("the last four faults, again and again", tail(steps, 4))
	add("the last eight faults", tail(steps, 8))
	add("all faults before it", steps)
	return append(list, opening{what: "the whole plan", candidate: all})
}

// repeating is an opening that has its chance again and again, for as long as it
// lasts: what fails now and then may fail nearly always in three times that.
func repeating(what string, c candidate, length time.Duration) opening {
	o := opening{what: what, candidate: c}
	if o.length = min(length, c.length); c.length > 2*o.length {
		o.longer = min(3*o.length, c.length)
	}
	return o
}

// before lists the steps that fired before the breach was proved, in the order
// in which they first did.
func before(f Finding) []struck {
	_, last := f.Proof()
	byStep := make(map[int]*struck)
	for _, firing := range f.Firings {
		n := firing.Step - 1
		if !firing.Fired() || firing.Began > last || n < 0 || n >= len(f.Config.Plan.Steps) {
			continue
		}
		if byStep[n] == nil {
			byStep[n] = &struck{step: f.Config.Plan.Steps[n]}
		}
		byStep[n].firings = append(byStep[n].firings, firing)
	}
	var steps []struck
	for _, s := range byStep {
		steps = append(steps, *s)
	}
	slices.SortFunc(steps, func(a, b struck) int {
		return cmp.Or(cmp.Compare(a.firings[0].Began, b.firings[0].Began), cmp.Compare(a.firings[0].At, b.firings[0].At))
	})
	return steps
}

// inForce keeps the steps that were in force while the events came that prove the
// breach, or were over a short time before the first of them.
func inForce(f Finding, steps []struck) []struck {
	first, _ := f.Proof()
	var out []struck
	for _, s := range steps {
		if slices.ContainsFunc(s.firings, func(one engine.Firing) bool {
			return one.Ended == 0 || one.Ended+4*f.Config.Election >= first
		}) {
			out = append(out, s)
		}
	}
	return out
}

// frequent lists the faults that a plan has more than once, the most frequent
// last: one of them alone, on leader after leader, may do as well as all of it.
func frequent(plan []nemesis.Step) []struck {
	count := make(map[string]int)
	var out []struck
	for _, s := range plan {
		text := s.Fault.String()
		if count[text]++; count[text] == 2 {
			out = append(out, struck{step: s})
		}
	}
	slices.SortStableFunc(out, func(a, b struck) int {
		return cmp.Compare(count[a.step.Fault.String()], count[b.step.Fault.String()])
	})
	return out
}

// kinds lists what was done to leaders, each kind once, as a step that does it to
// one leader after the other and leaves each some time to lead.
func kinds(of []struck, t time.Duration) []nemesis.Step {
	var out []nemesis.Step
	for _, s := range slices.Backward(of) {
		if s.step.Fault.Span() != nemesis.Open || !hasWord(s.step.Fault, "leader", "it") {
			continue
		}
		step := amplified(s.step, t)
		if step.Trigger == (nemesis.Trigger{}) {
			continue
		}
		step.Trigger = nemesis.Trigger{On: "leader", Times: repeats, After: 3 * t}
		step.For = max(step.For, 6*t)
		if !slices.ContainsFunc(out, func(o nemesis.Step) bool { return o.Fault.String() == step.Fault.String() }) {
			out = append(out, step)
		}
	}
	return out
}

func tail(steps []struck, n int) []struck { return steps[max(0, len(steps)-n):] }

func wordsOf(of []struck) []nemesis.Step {
	steps := make([]nemesis.Step, len(of))
	for i, s := range of {
		steps[i] = s.step
	}
	return steps
}

// namesOf is what the steps came to be.
func namesOf(of []struck) []nemesis.Step {
	var firings []engine.Firing
	for _, s := range of {
		firings = append(firings, s.firings...)
	}
	slices.SortFunc(firings, func(a, b engine.Firing) int { return cmp.Compare(a.Began, b.Began) })
	plan, err := engine.Executed(firings)
	if err != nil {
		return wordsOf(of) // a history of another version
	}
	return plan.Steps
}

// window is the run in which these steps alone are carried out, from the start
// on, and which ends soon after the breach should be there.
func window(f Finding, of []struck, form func([]struck) []nemesis.Step) candidate {
	c := whole(f.Config).with(form(of))
	_, last := f.Proof()
	delta := max(0, begin(c.steps)-100*time.Millisecond)
	c.steps = shift(c.steps, -delta)
	end := max(last-delta, nemesis.Plan{Steps: c.steps}.End())
	c.length = min(c.length, roundUp(end+max(time.Second, 6*f.Config.Election)))
	return c
}

// roundUp keeps times readable.
func roundUp(d time.Duration) time.Duration {
	const unit = 100 * time.Millisecond
	return (d + unit - 1) / unit * unit
}
