package reproduce

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/nemesis"
)

// Size is what shrinking makes smaller.
type Size struct {
	Faults  int           `json:"faults"`
	Length  time.Duration `json:"length"` // of the attack
	Nodes   int           `json:"nodes"`
	Clients int           `json:"clients"`
	Rate    float64       `json:"rate"` // operations a second; 0: no limit
}

// String is "3 faults, 4.2s, 5 nodes, 10 clients, 400 op/s".
func (s Size) String() string {
	rate := "any rate"
	if s.Rate > 0 {
		rate = fmt.Sprintf("%g op/s", s.Rate)
	}
	return fmt.Sprintf("%s, %s, %s, %s, %s", faults(s.Faults), s.Length, count.Many(s.Nodes, "node"), count.Many(s.Clients, "client"), rate)
}

func faults(n int) string {
	if n == 0 {
		return "no fault"
	}
	return count.Many(n, "fault")
}

// candidate is a run that may be enough for the breach.
type candidate struct {
	steps   []nemesis.Step
	length  time.Duration
	nodes   int
	clients int
	rate    float64
}

// whole is the candidate that leaves everything as it was.
func whole(cfg engine.Config) candidate {
	return candidate{cfg.Plan.Steps, cfg.For, cfg.Nodes, cfg.Clients, cfg.Rate}
}

// with is the candidate with other steps.
func (c candidate) with(steps []nemesis.Step) candidate {
	c.steps = steps
	return c
}

// config is the configuration of the candidate's run.
func (c candidate) config(base engine.Config) engine.Config {
	base.Plan, base.PlanName = &nemesis.Plan{Steps: c.steps, Generated: true}, engine.ShrunkPlan
	base.For, base.Nodes, base.Clients, base.Rate = c.length, c.nodes, c.clients, c.rate
	return base
}

func (c candidate) size() Size {
	return Size{len(c.steps), c.length, c.nodes, c.clients, c.rate}
}

// key tells candidates apart.
func (c candidate) key() string {
	return fmt.Sprintf("%s\n%s", c.size(), nemesis.Plan{Steps: c.steps})
}

// shift moves steps in time; a negative delta makes them earlier. None begins
// before the faults do.
func shift(steps []nemesis.Step, delta time.Duration) []nemesis.Step {
	moved := slices.Clone(steps)
	for i := range moved {
		s := &moved[i]
		if s.Trigger == (nemesis.Trigger{}) {
			s.At = max(0, s.At+delta)
			if s.Repeat.Until > 0 {
				s.Repeat.Until = max(s.At+time.Millisecond, s.Repeat.Until+delta)
			}
			continue
		}
		s.Trigger.From = max(0, s.Trigger.From+delta)
		if s.Trigger.Until > 0 {
			s.Trigger.Until = max(s.Trigger.From+time.Millisecond, s.Trigger.Until+delta)
		}
	}
	return moved
}

// begin is when the first of the steps may begin.
func begin(steps []nemesis.Step) time.Duration {
	first := time.Duration(-1)
	for _, s := range steps {
		if at := max(s.At, s.Trigger.From); first < 0 || at < first {
			first = at
		}
	}
	return max(first, 0)
}

// repeats bounds how often an amplified step fires.
const repeats = 50

// amplify makes each step strike again and again for as long as the run lasts
// instead of once: one line that gives a rare failure many chances. t is the
// election timeout.
func amplify(steps []nemesis.Step, t time.Duration) []nemesis.Step {
	var out []nemesis.Step
	for _, s := range steps {
		s = amplified(s, t)
		if !slices.ContainsFunc(out, func(o nemesis.Step) bool { return o.String() == s.String() }) {
			out = append(out, s)
		}
	}
	return out
}

func amplified(s nemesis.Step, t time.Duration) nemesis.Step {
	s.Optional = true
	switch {
	case s.Trigger != (nemesis.Trigger{}):
		s.Trigger.From, s.Trigger.Until, s.Trigger.Times = 0, 0, repeats
	case s.Repeat != (nemesis.Repeat{}):
		s.At, s.Repeat.Until = 0, 0
	case background(s):
		s.At, s.For = 0, 0
	case hasWord(s.Fault, "leader"):
		if fault, ok := replaceWord(s.Fault, "leader", "it"); ok {
			s.At, s.Fault = 0, fault
			s.Trigger = nemesis.Trigger{On: "leader", Times: repeats, After: 2 * t} // once it has got somewhere
		}
	case s.Fault.Span() != nemesis.Bounded:
		s.At = 0
		s.Trigger = nemesis.Trigger{On: "commit", Times: repeats, After: 2 * t}
	}
	return s
}

// background tells whether a step disturbs traffic so little that a cluster can
// live with it all the time.
func background(s nemesis.Step) bool {
	f, ok := s.Fault.(nemesis.Traffic)
	return ok && (f.Action == "delay" || f.Action == "duplicate" || f.Action == "reorder" || f.Action == "drop" && f.Percent > 0 && f.Percent <= 50)
}

// merge joins two steps that do the same, one soon after the other, and tells
// whether they are such.
func merge(a, b nemesis.Step, gap time.Duration) (nemesis.Step, bool) {
	timed := a.Trigger == (nemesis.Trigger{}) && b.Trigger == (nemesis.Trigger{}) && a.For > 0 && b.For > 0
	timed = timed && a.Repeat == (nemesis.Repeat{}) && b.Repeat == (nemesis.Repeat{})
	if !timed || a.Fault.String() != b.Fault.String() {
		return a, false
	}
	if b.At < a.At {
		a, b = b, a
	}
	if b.At > a.At+a.For+gap {
		return a, false
	}
	a.For = max(a.At+a.For, b.At+b.For) - a.At
	a.Optional = a.Optional || b.Optional
	return a, true
}

// without returns the steps but those from i up to j.
func without(steps []nemesis.Step, i, j int) []nemesis.Step {
	return slices.Concat(steps[:i], steps[j:])
}

// oneLine is a plan as a phrase.
func oneLine(steps []nemesis.Step) string {
	texts := make([]string, len(steps))
	for i, s := range steps {
		texts[i] = s.String()
	}
	return strings.Join(texts, "; ")
}
