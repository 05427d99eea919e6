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
