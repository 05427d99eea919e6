package nemesis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Plan is what to do to a system, and when. Its steps run side by side: their
// order says nothing but the number of each, counted from 1, by which the
// history knows it.
type Plan struct {
	Steps []Step
	// Generated says that no person wrote the plan. Where a person did, each step
	// that is not marked "maybe" is to strike: one that was skipped, never fired or
	// found nobody leaves the run without a verdict, see [history.Run].Authored.
	Generated bool
	// Themes names the [Themes] that a generated plan is about, if any.
	Themes []string
}

// Step is one line of a plan: a fault that begins at a time or at an event.
type Step struct {
	At      time.Duration // since the start of the faults; 0 for a triggered step
	Trigger Trigger       // the zero Trigger for a timed step
	Repeat  Repeat        // the zero Repeat for a step that fires once, or Trigger.Times
	For     time.Duration // how long; 0 means until the end, or at once over
	Fault   Fault
	// Optional marks a step that need not bite: "maybe".
	Optional bool
	// Line is that of the text which the step was read from; 0 if there is none.
	Line int
}

// Repeat says that a step fires again and again: its next time begins some time after
// the last one did, drawn evenly from Every±Jitter, and never before that is over; with a
// Trigger, at the first event from then on.
type Repeat struct {
	Every, Jitter time.Duration // 0 <= Jitter < Every
	// Until is when no more begin; 0 is the end of the faults. A Trigger has its own.
	Until time.Duration
}

// String is "every 2s±1s until 20s".
func (r Repeat) String() string {
	text := "every " + formatTime(r.Every)
	if r.Jitter > 0 {
		text += "±" + formatTime(r.Jitter)
	}
	if r.Until > 0 {
		text += " until " + formatTime(r.Until)
	}
	return text
}

func (s Step) repeats() bool { return s.Repeat != Repeat{} }

// check reports what is wrong with how a step repeats.
func (s Step) checkRepeat() error {
	r := s.Repeat
	switch {
	case s.triggered() && s.Trigger.Times > 1:
		return errors.New(`"every" fires a step again without end: leave out "times"`)
	case r.Every <= 0 || r.Until < 0:
		return errors.New("a step repeats after a time: for example at 5s every 2s±1s for 500ms kill one")
	case r.Jitter < 0 || r.Jitter >= r.Every:
		return fmt.Errorf("a jitter of %s is not less than the %s from one time to the next", formatTime(r.Jitter), formatTime(r.Every))
	case r.Until > 0 && r.Until <= s.At:
		return fmt.Errorf("until %s is not after at %s", formatTime(r.Until), formatTime(s.At))
	case s.For == 0 && s.Fault.Span() != Instant:
		return errors.New(`a fault without an end is not over before the next: say for how long, for example "for 500ms"`)
	}
	return nil
}

func (s Step) triggered() bool { return s.Trigger != Trigger{} }

// Name is how a person finds the n-th step of a plan: "step 2, in line 5".
func (s Step) Name(n int) string {
	if s.Line == 0 {
		return fmt.Sprintf("step %d", n)
	}
	return fmt.Sprintf("step %d, in line %d", n, s.Line)
}

// String is the step as a plan has it, with single blanks.
func (s Step) String() string {
	return strings.Join(s.columns(), " ")
}

// columns returns when, for how long (if it says so), and what.
func (s Step) columns() []string {
	when := "at " + formatTime(s.At)
	if s.triggered() {
		when = s.Trigger.String()
	}
	if s.repeats() {
		when += " " + s.Repeat.String()
	}
	if s.Optional {
		when = "maybe " + when
	}
	if s.For > 0 {
		return []string{when, "for " + formatTime(s.For), s.Fault.String()}
	}
	return []string{when, s.Fault.String()}
}

// Check reports what makes the step impossible in any run of this setting.
func (s Step) Check(setting Setting) error {
	if s.Fault == nil {
		return errors.New("the step has no fault")
	}
	if s.At < 0 || s.For < 0 {
		return errors.New("a time is negative")
	}
	setting.triggered = s.triggered()
	if setting.triggered {
		if s.At != 0 {
			return errors.New(`a step has "at" or "on", not both: use "from" with "on"`)
		}
		if err := s.Trigger.check(setting); err != nil {
			return err
		}
	}
	if err := s.Fault.Check(setting); err != nil {
		return err
	}
	if s.repeats() {
		if err := s.checkRepeat(); err != nil {
			return err
		}
	}
	name, _, _ := strings.Cut(s.Fault.String(), " ")
	switch span := s.Fault.Span(); {
	case span == Instant && s.For > 0:
		return fmt.Errorf("%s is over by itself: leave out \"for %s\"", name, formatTime(s.For))
	case span == Bounded && s.For == 0:
		return fmt.Errorf("%s needs a time: write, for example, \"for 3s\" before it", name)
	}
	return setting.reachable(s.Fault)
}

// String is the plan as text that [Parse] reads back, its columns aligned.
func (p Plan) String() string {
	var when, span int
	for _, s := range p.Steps {
		if s.triggered() || s.repeats() {
			continue
		}
		c := s.columns()
		when = max(when, len(c[0]))
		if len(c) == 3 {
			span = max(span, len(c[1]))
		}
	}
	var b strings.Builder
	if p.Generated {
		words := append([]string{generated}, p.Themes...)
		b.WriteString(strings.Join(words, " ") + "  # by no person: what found nobody or never fired is told of, not judged\n")
	}
	for _, s := range p.Steps {
		c := s.columns()
		if len(c) == 2 {
			c = []string{c[0], "", c[1]}
		}
		if s.triggered() || s.repeats() {
			b.WriteString(s.String())
		} else {
			line := pad(c[0], when)
			if span > 0 {
				line += "  " + pad(c[1], span)
			}
			b.WriteString(line + "  " + c[2])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// generated begins the line before the steps of a plan that no person wrote. The rest
// of the line is its themes.
const generated = "generated"

func pad(s string, width int) string { return s + strings.Repeat(" ", max(0, width-len(s))) }

// End returns when the last of what has a time is over: timed steps by their "at",
// "until" and "for", triggered ones if they fire at the last moment that they may.
func (p Plan) End() time.Duration {
	var end time.Duration
	for _, s := range p.Steps {
		at := max(s.At, s.Repeat.Until)
		if s.triggered() {
			at = max(s.Trigger.From, s.Trigger.Until) + s.Trigger.After
		}
		end = max(end, at+s.For)
	}
	return end
}

// Endless tells whether a step repeats until the end of the faults, whenever that is.
func (p Plan) Endless() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.repeats() && s.Repeat.Until == 0 })
}

// Validate reports every step that is impossible in this setting, as [Step.Check]
// does.
func (p Plan) Validate(setting Setting) error {
	if p.Generated {
		setting = setting.Lenient()
	}
	var errs []error
	for i, s := range p.Steps {
		setting.first = i == 0
		if err := s.Check(setting); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name(i+1), err))
		}
	}
	return errors.Join(errs...)
}
