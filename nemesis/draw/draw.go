// Package draw lets pgregory.net/rapid draw plans, for tests of whatever reads
// plans or carries them out. Everything that it draws parses and is possible for
// the members; rapid makes a plan that fails a test shorter and plainer. What
// stands first in a list here is what it prefers.
//
//	rapid.Check(t, func(t *rapid.T) {
//		plan := draw.Plan(draw.Options{Nodes: []string{"n1", "n2", "n3"}}).Draw(t, "plan")
//		…
//	})
//
// To add a fault, see [nemesis]: its generator is a line in faults.
package draw

import (
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/usurper/usurper/nemesis"
)

// Options shapes the plans. The zero Options draws from the whole language, for
// members that are not known.
type Options struct {
	// Nodes are the members, with [nemesis.Clients] among them if plans may name
	// clients. Empty means n1 to n5 and clients, and allows what five members allow.
	Nodes []string
	// Steps is how many a plan has at most, and one at least. 0 means 8.
	Steps int
	// Within bounds every time in the plan, each a multiple of Unit. 0 means 10 s
	// and 1 ms.
	Within, Unit time.Duration
	// Classes are the classes of messages that faults may name. Empty means some
	// words.
	Classes []string
	// Omit leaves out the faults whose first word it accepts; nil leaves out none.
	Omit func(fault string) bool
}

func (o Options) withDefaults() Options {
	if len(o.Nodes) == 0 {
		o.Nodes = []string{"n1", "n2", "n3", "n4", "n5", nemesis.Clients}
	}
	if o.Steps == 0 {
		o.Steps = 8
	}
	if o.Within == 0 {
		o.Within = 10 * time.Second
	}
	if o.Unit == 0 {
		o.Unit = time.Millisecond
	}
	if len(o.Classes) == 0 {
		o.Classes = []string{"append", "vote", "vote-response"}
	}
	if o.Omit == nil {
		o.Omit = func(string) bool { return false }
	}
	return o
}

// Plan draws plans of one step or more.
func Plan(o Options) *rapid.Generator[nemesis.Plan] {
	steps := rapid.SliceOfN(Step(o), 1, o.withDefaults().Steps)
	return rapid.Custom(func(t *rapid.T) nemesis.Plan {
		plan := nemesis.Plan{Steps: steps.Draw(t, "steps")}
		for i := range plan.Steps {
			plan.Steps[i].Line = i + 1 // as it is once printed and read
		}
		return plan
	}).Filter(func(p nemesis.Plan) bool { // its first step has none before it
		return !slices.Contains(strings.Fields(p.Steps[0].Fault.String()), nemesis.Same)
	})
}

// Step draws single steps.
func Step(o Options) *rapid.Generator[nemesis.Step] {
	d := drawer{o.withDefaults()}
	setting := nemesis.Setting{Clients: slices.Contains(d.Nodes, nemesis.Clients)}
	setting.Nodes = slices.DeleteFunc(slices.Clone(d.Nodes), func(n string) bool { return n == nemesis.Clients })
	possible := func(s nemesis.Step) bool { return s.Check(setting) == nil }
	return rapid.Custom(d.step).Filter(possible)
}

// drawer draws the parts of a plan.
type drawer struct{ Options }

func (d drawer) step(t *rapid.T) nemesis.Step {
	var s nemesis.Step
	if rare(t, "triggered") {
		s.Trigger = d.trigger(t)
	} else {
		s.At = d.time(t, "at")
	}
	s.Fault = d.fault(t, s.Trigger.On != "")
	switch s.Fault.Span() {
	case nemesis.Bounded:
		s.For = d.positive(t, "for")
	case nemesis.Open:
		s.For = d.time(t, "for") // 0: until the end
	}
	if s.Trigger.On == "" && rare(t, "repeats") {
		s.Repeat = d.repeat(t, s.At)
		if s.Fault.Span() != nemesis.Instant {
			s.For = max(s.For, d.Unit)
		}
	}
	s.Optional = rare(t, "maybe")
	return s
}

func (d drawer) repeat(t *rapid.T, at time.Duration) nemesis.Repeat {
	r := nemesis.Repeat{Every: d.positive(t, "every")}
	r.Jitter = d.Unit * time.Duration(rapid.IntRange(0, int(r.Every/d.Unit)-1).Draw(t, "jitter"))
	if rapid.Bool().Draw(t, "until") {
		r.Until = at + d.positive(t, "until")
	}
	return r
}

func (d drawer) trigger(t *rapid.T) nemesis.Trigger {
	on := nemesis.Triggers()
	trigger := nemesis.Trigger{On: rapid.SampledFrom(on).Draw(t, "on").Name}
	switch rapid.IntRange(0, 3).Draw(t, "by") {
	case 1:
		trigger.By = nemesis.Target(rapid.SampledFrom([]string{"leader", "followers", "candidate"}).Draw(t, "by whom"))
	case 2:
		trigger.By = d.some(t)
	}
	if rare(t, "limited") {
		trigger.From = d.time(t, "from")
		trigger.Until = trigger.From + d.positive(t, "until")
	}
	if rare(t, "repeated") {
		trigger.Times = rapid.IntRange(2, 4).Draw(t, "times")
	}
	if rare(t, "delayed") {
		trigger.After = d.time(t, "after")
	}
	return trigger
}

// time draws 0 or a multiple of Unit, below Within.
func (d drawer) time(t *rapid.T, label string) time.Duration {
	return d.Unit * time.Duration(rapid.IntRange(0, int(d.Within/d.Unit)-1).Draw(t, label))
}

// positive is time without 0.
func (d drawer) positive(t *rapid.T, label string) time.Duration { return d.time(t, label) + d.Unit }

// rare draws true in a quarter of the cases.
func rare(t *rapid.T, label string) bool { return rapid.IntRange(0, 3).Draw(t, label) == 3 }
