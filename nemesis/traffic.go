package nemesis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OnTraffic tells whether a fault acts on links rather than on members.
func OnTraffic(f Fault) bool {
	switch f.(type) {
	case Traffic, Partition, Halves, Bridge, Ring, Isolate:
		return true
	}
	return false
}

// amongMembers tells whether a fault acts on links between members alone: what clients
// say comes by, however members reach each other.
func amongMembers(f Fault) bool {
	return OnTraffic(f) && !slices.Contains(strings.Fields(f.String()), Clients)
}

// Traffic does one thing to the traffic of some directed links.
//
//	delay append 80ms±40ms leader > *
//	drop vote 50% * > n3
//	cut leader > clients
type Traffic struct {
	Action string // cut delay throttle reset refuse drop duplicate reorder hold
	// Class restricts delay, drop, duplicate, reorder and hold to messages of
	// one class; "" means all.
	Class         string
	Delay, Jitter time.Duration // delay; 0 <= Jitter <= Delay
	Rate          int64         // throttle: bytes a second
	// Percent is how many of the messages delay, drop, duplicate and reorder
	// touch, below 100. 0 means all of them, and prints as 100%.
	Percent float64
	// First bounds the number of messages that delay, drop, duplicate, reorder
	// and hold touch. 0 means no bound.
	First    int
	From, To Target
	Both     bool // the links back, too
}

// className is what a message class looks like: no digits, which members have.
var className = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// messages tells whether the action deals with single messages, so that it may
// have a class and a bound.
func (t Traffic) messages() bool {
	switch t.Action {
	case "delay", "drop", "duplicate", "reorder", "hold":
		return true
	}
	return false
}

// chancy tells whether the action may touch only some of the messages.
func (t Traffic) chancy() bool { return t.messages() && t.Action != "hold" }

// String is "cut n1 > n2", "delay append 5ms±1ms n1 > *", ….
func (t Traffic) String() string {
	words := []string{t.Action}
	if t.Class != "" {
		words = append(words, t.Class)
	}
	switch t.Action {
	case "delay":
		d := formatTime(t.Delay)
		if t.Jitter > 0 {
			d += "±" + formatTime(t.Jitter)
		}
		words = append(words, d)
	case "throttle":
		words = append(words, formatRate(t.Rate))
	}
	if t.chancy() && (t.Percent != 0 || t.Action != "delay") {
		words = append(words, formatPercent(t.Percent))
	}
	if t.First > 0 {
		words = append(words, "first", strconv.Itoa(t.First))
	}
	arrow := ">"
	if t.Both {
		arrow = "<>"
	}
	return strings.Join(append(words, string(t.From), arrow, string(t.To)), " ")
}

// Span is Instant for reset, which happens once, and Open for all others.
func (t Traffic) Span() Span {
	if t.Action == "reset" {
		return Instant
	}
	return Open
}

// Check checks the numbers and both ends, and, where that is known, whether the
// network can do this.
func (t Traffic) Check(s Setting) error {
	switch {
	case !t.messages() && (t.Class != "" || t.First != 0):
		return fmt.Errorf("%s deals with connections: it takes neither a class nor \"first\"", t.Action)
	case t.Class != "" && !className.MatchString(t.Class):
		return fmt.Errorf("%q is no message class: write a word such as append or vote-response", t.Class)
	case t.Action == "delay" && t.Delay <= 0:
		return errors.New("delay needs a time: for example delay 50ms±20ms leader > *")
	case t.Jitter < 0 || t.Jitter > t.Delay:
		return fmt.Errorf("a jitter of %s is more than the delay of %s", formatTime(t.Jitter), formatTime(t.Delay))
	case t.Action == "throttle" && t.Rate <= 0:
		return errors.New("throttle needs a rate: for example throttle 10KB/s leader > *")
	case t.Percent < 0 || t.Percent >= 100:
		return fmt.Errorf("a percentage of %v: use more than 0 and less than 100, or 0 for all", t.Percent)
	case t.Percent != 0 && !t.chancy():
		return fmt.Errorf("%s touches everything: it takes no percentage", t.Action)
	case t.First < 0:
		return fmt.Errorf("first %d: write 1 or more", t.First)
	}
	if t.From.hasClients() || t.To.hasClients() {
		if t.Class != "" || t.messages() && t.Action != "delay" {
			return fmt.Errorf("what passes between clients and members is not decoded: %s needs single messages", t.Action)
		}
	}
	if err := s.System.carries(t); err != nil {
		return err
	}
	return checkEnds(s, t.From, t.To)
}

// Resolve names both ends.
func (t Traffic) Resolve(s *Scene) (Fault, error) {
	ends, err := s.Resolve(t.From, t.To)
	if err != nil {
		return nil, err
	}
	t.From, t.To = ends[0], ends[1]
	if len(t.links()) == 0 {
		return nil, fmt.Errorf("%w: there is no link from %s to itself", ErrNoTarget, t.From)
	}
	return t, nil
}

func (t Traffic) links() [][2]string {
	links := between(t.From, t.To)
	if !t.Both {
		return links
	}
	for _, back := range between(t.To, t.From) {
		if !containsLink(links, back) {
			links = append(links, back)
		}
	}
	return links
}

func containsLink(links [][2]string, link [2]string) bool {
	for _, l := range links {
		if l == link {
			return true
		}
	}
	return false
}

// Inject installs the rule.
func (t Traffic) Inject(ctx context.Context, env *Env) (Injected, error) {
	return install(ctx, env, Rule{
		Action: t.Action,
		Links:  t.links(),
		Class:  t.Class,
		Delay:  t.Delay,
		Jitter: t.Jitter,
		Rate:   t.Rate,
		Chance: t.Percent / 100,
		Count:  t.First,
	})
}

func formatPercent(p float64) string {
	if p == 0 {
		p = 100
	}
	return strconv.FormatFloat(p, 'f', -1, 64) + "%"
}

func parsePercent(word string) (float64, error) {
	p, err := strconv.ParseFloat(strings.TrimSuffix(word, "%"), 64)
	if err != nil || !(p > 0 && p <= 100) {
		return 0, fmt.Errorf("bad percentage %q: write more than 0%% and at most 100%%", word)
	}
	return p, nil
}

// rateUnits, the biggest first.
func rateUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"MB/s", 1e6}, {"KB/s", 1e3}, {"B/s", 1}}
}

func formatRate(rate int64) string {
	for _, u := range rateUnits() {
		if rate%u.bytes == 0 {
			return strconv.FormatInt(rate/u.bytes, 10) + u.name
		}
	}
	panic("unreachable: every rate is a multiple of 1 B/s")
}

func parseRate(word string) (int64, error) {
	for _, u := range rateUnits() {
		if number, ok := strings.CutSuffix(word, u.name); ok {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n <= 0 || n > (1<<62)/u.bytes {
				break
			}
			return n * u.bytes, nil
		}
	}
	return 0, fmt.Errorf("bad rate %q: write a whole number of B/s, KB/s or MB/s, for example 10KB/s", word)
}

// formatTime prints a duration without the zero parts that Duration.String
// leaves at its end: 1m, not 1m0s.
func formatTime(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func parseTime(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil {
		if _, other := time.ParseDuration(regexp.MustCompile(`[0-9]+`).ReplaceAllString(word, "1")); other == nil {
			return 0, fmt.Errorf("the time %q is too long: write at most %s", word, formatTime(math.MaxInt64/time.Hour*time.Hour))
		}
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("bad time %q: write a number with a unit, for example 80ms or 12s500ms", word)
	}
	return d, nil
}

// bound tells whether messages of a class, "" for any, may be neither lost nor doubled nor
// overtaken.
func (g *generator) bound(class string) bool {
	if class == "" {
		return len(g.Bound) > 0
	}
	return slices.Contains(g.Bound, class)
}

// substitute is a step in place of one that the network cannot carry out, since the
// messages that it is about are bound to their stream, or not told from others: of a stream a message is lost by
// losing the connection, and is late together with all behind it. Which of the two comes
// about is not known, nor whether any traffic comes by.
func (g *generator) substitute(s Step) Step {
	t, ok := s.Fault.(Traffic)
	switch unknown := t.Class != "" && !g.has(t.Class); {
	case !ok || !unknown && !g.bound(t.Class):
		return s
	case unknown:
		t.Class = ""
	}
	switch t.Action {
	case "drop":
		s.Fault, s.For = Traffic{Action: "reset", From: t.From, To: t.To, Both: t.Both}, 0
	case "hold", "duplicate", "reorder":
		late := min(s.For/2, g.Election)
		if t.Action != "hold" {
			late = g.Election / 3
		}
		t.Action, t.Delay, t.Jitter = "delay", g.round(late), g.round(late/2)
		s.Fault = t
	case "delay":
		s.Fault = t
		return s
	default:
		return s
	}
	s.Optional = true
	return s
}
