package nemesis

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
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

// Acknowledged is the one of [Triggers] that clients see, see [View.Acknowledged].
const Acknowledged = "acknowledged"

// Asserted is the one of [Triggers] that members tell of themselves, see [View.Asserted].
const Asserted = "assertion"

// Trigger says which event fires a step. The zero Trigger is none.
type Trigger struct {
	On string // one of [Triggers]
	// Message is, of an assertion, the one that is meant; "" for any that fails.
	Message string
	By      Target // whose event; "" means anybody's
	// From and Until limit the trigger to a part of the run, counted from the
	// start of the faults. An Until of 0 is the end.
	From, Until time.Duration
	Times       int           // how often it fires; 0 means once
	After       time.Duration // from the event to the fault
}

// Triggers lists the events that can fire a step, in the order in which help
// shows them.
func Triggers() []Word {
	return []Word{
		{"candidate", "a member stands in a new term"},
		{"vote-granted", "a member grants its vote to another"},
		{"vote-refused", "a member refuses its vote"},
		{"leader", "a member wins an election"},
		{"stepdown", "a leader becomes a follower"},
		{"follower", "a member becomes a follower in a new term"},
		{"append", "a member writes entries to its log"},
		{"truncate", "a member removes conflicting entries from its log"},
		{"commit", "a member learns that entries are committed"},
		{"snapshot", "a member compacts its log"},
		{"install", "a member replaces its log by a snapshot"},
		{"restart", "a member's process comes up"},
		{Acknowledged, "a member tells a client that its write is done"},
		{Asserted, `a member comes by the assertion "MESSAGE" in its program; without one, by any that fails`},
	}
}

// byWords are the target words that "by" understands: those that mean certain
// members while the event is looked at.
func byWords() []string { return []string{"leader", "followers", "candidate"} }

// String is "on leader after 50ms".
func (t Trigger) String() string {
	words := []string{"on", t.On}
	if t.Message != "" {
		words = append(words, strconv.Quote(t.Message))
	}
	if t.By != "" {
		words = append(words, "by", string(t.By))
	}
	if t.From > 0 {
		words = append(words, "from", formatTime(t.From))
	}
	if t.Until > 0 {
		words = append(words, "until", formatTime(t.Until))
	}
	if t.Times > 1 {
		words = append(words, "times", strconv.Itoa(t.Times))
	}
	if t.After > 0 {
		words = append(words, "after", formatTime(t.After))
	}
	return strings.Join(words, " ")
}

func (t Trigger) check(s Setting) error {
	names := triggerNames()
	if !slices.Contains(names, t.On) {
		return fmt.Errorf("unknown event %q%s: use one of %s", t.On, text.DidYouMean(t.On, names), strings.Join(names, ", "))
	}
	if err := s.System.shows(t.On); err != nil {
		return err
	}
	switch {
	case t.Message != "" && t.On != Asserted:
		return fmt.Errorf("on %s %q: only an assertion has a message", t.On, t.Message)
	case t.From < 0 || t.Until < 0 || t.After < 0:
		return errors.New("a time is negative")
	case t.Until > 0 && t.Until <= t.From:
		return fmt.Errorf("until %s is not after from %s", formatTime(t.Until), formatTime(t.From))
	case t.Times < 0:
		return fmt.Errorf("times %d: write 1 or more", t.Times)
	case t.By == "":
		return nil
	}
	for _, w := range t.By.words() {
		if !nodeName.MatchString(w) && !slices.Contains(byWords(), w) {
			return fmt.Errorf("by %s: use members such as n1, or one of %s", w, strings.Join(byWords(), ", "))
		}
	}
	return t.By.check(s)
}

// by tells whether an event of the node is one that the trigger waits for.
func (t Trigger) by(node string, roles Roles) bool {
	if t.By == "" {
		return true
	}
	for _, w := range t.By.words() {
		switch w {
		case "leader":
			if node == roles.Leader {
				return true
			}
		case "followers":
			if roles.Leader != "" && node != roles.Leader {
				return true
			}
		case "candidate":
			if node == roles.Candidate {
				return true
			}
		case node:
			return true
		}
	}
	return false
}

func triggerNames() []string {
	var names []string
	for _, t := range Triggers() {
		names = append(names, t.Name)
	}
	return names
}
