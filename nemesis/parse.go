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

// Parse reads a plan. Every error names the file and the line, says what is
// wrong there and what would be right; all lines are looked at.
func Parse(file, text string) (Plan, error) { return ParseFor(file, text, Setting{}) }

// ParseFor is Parse for a run of which something is known: a step that is
// impossible there is an error too.
func ParseFor(file, text string, setting Setting) (Plan, error) {
	var plan Plan
	var errs []error
	begun, steps := false, 0
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		var err error
		words := strings.Fields(line)
		switch {
		case words[0] != generated:
			setting.first, steps = steps == 0, steps+1
			err = plan.read(line, i+1, setting)
		case begun:
			err = fmt.Errorf("%q stands once, before all steps", generated)
		default:
			plan.Generated, setting = true, setting.Lenient()
			plan.Themes, err = parseThemes(words[1:])
		}
		begun = true
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, i+1, brief(err)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Plan{}, err
	}
	return plan, nil
}

// parseThemes reads what a generated plan is about. Those of another version need not
// be known.
func parseThemes(words []string) ([]string, error) {
	for i, w := range words {
		if !className.MatchString(w) || slices.Contains(words[:i], w) {
			return nil, fmt.Errorf("%q: after %q stand the names of themes, each once", w, generated)
		}
	}
	return append([]string(nil), words...), nil
}

// read adds the step in a line.
func (p *Plan) read(line string, number int, setting Setting) error {
	step, err := ParseStep(line)
	if err == nil {
		err = step.Check(setting)
	}
	if err != nil {
		return err
	}
	step.Line = number
	p.Steps = append(p.Steps, step)
	return nil
}

// ParseStep reads one line of a plan, without a comment.
func ParseStep(line string) (Step, error) {
	r := newReader(line)
	step := Step{Optional: r.accept("maybe")}
	if err := step.parseWhen(r); err != nil {
		return Step{}, brief(err)
	}
	fault, err := r.fault()
	if err != nil {
		return Step{}, brief(err)
	}
	step.Fault = fault
	return step, brief(step.Check(Setting{}))
}

// parseWhen reads everything before the fault.
func (s *Step) parseWhen(r *reader) (err error) {
	switch {
	case r.accept("at"):
		if s.At, err = r.time("at"); err != nil {
			return err
		}
		if err = s.parseRepeat(r); err != nil {
			return err
		}
		if r.accept("for") {
			s.For, err = r.positive("for")
		}
		return err
	case r.accept("on"):
		if s.Trigger.On = r.next(); s.Trigger.On == "" {
			return fmt.Errorf("on what? Name an event: %s", strings.Join(triggerNames(), ", "))
		}
		if s.Trigger.Message, err = r.quoted("names no assertion: leave it out for any that fails"); err != nil {
			return err
		}
		return s.parseClauses(r)
	}
	return fmt.Errorf("a step begins with a time or an event, not %q: for example \"at 5s for 3s kill leader\" or \"on leader for 1s pause leader\"", r.peek())
}

// parseRepeat reads how a step repeats, if it does.
func (s *Step) parseRepeat(r *reader) (err error) {
	if !r.accept("every") {
		return nil
	}
	if s.Repeat.Every, s.Repeat.Jitter, err = r.spread("every"); err != nil {
		return err
	}
	if s.Repeat.Every == 0 {
		return errors.New(`"every 0" never ends: write a longer time`)
	}
	if !s.triggered() && r.accept("until") {
		s.Repeat.Until, err = r.positive("until")
	}
	return err
}

// parseClauses reads what follows the event of a trigger, in any order.
func (s *Step) parseClauses(r *reader) error {
	if slices.Contains([]string{"any", "anybody"}, r.peek()) {
		r.next()
	}
	seen := make(map[string]bool)
	for {
		word := r.peek()
		if seen[word] {
			return fmt.Errorf("%q is said twice", word)
		}
		seen[word] = true
		var err error
		switch word {
		case "by":
			r.next()
			err = s.parseBy(r)
		case "from":
			r.next()
			s.Trigger.From, err = r.time(word)
		case "until":
			r.next()
			s.Trigger.Until, err = r.positive(word)
		case "after":
			r.next()
			s.Trigger.After, err = r.time(word)
		case "times":
			r.next()
			s.Trigger.Times, err = r.count(word)
			if s.Trigger.Times == 1 {
				s.Trigger.Times = 0
			}
		case "every":
			err = s.parseRepeat(r)
		case "for":
			r.next()
			s.For, err = r.positive(word)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// parseBy reads the members whose events fire a step: words, up to the next
// clause or the fault.
func (s *Step) parseBy(r *reader) error {
	if r.accept("any") {
		return nil
	}
	var words []string
	for nodeName.MatchString(r.peek()) || slices.Contains(byWords(), r.peek()) {
		words = append(words, r.next())
	}
	if len(words) == 0 {
		return fmt.Errorf("by %s: use members such as n1, or one of %s", r.peek(), strings.Join(byWords(), ", "))
	}
	s.Trigger.By = Target(strings.Join(words, " "))
	return nil
}

// ParseFault reads a fault alone.
func ParseFault(text string) (Fault, error) {
	f, err := newReader(text).fault()
	return f, brief(err)
}

// brief keeps errors from repeating words of any length.
func brief(err error) error { return text.Brief(err, text.Token) }

// reader hands out the words of a line.
type reader struct{ words []string }

// newReader splits a line into words. What stands in quotes is a word with them.
func newReader(line string) *reader {
	words := func(text string) []string {
		return strings.Fields(strings.NewReplacer("<>", " <> ", ">", " > ", "|", " | ").Replace(text))
	}
	var all []string
	for {
		at := strings.IndexByte(line, '"')
		if at < 0 {
			return &reader{words: append(all, words(line)...)}
		}
		all = append(all, words(line[:at])...)
		quoted, err := strconv.QuotedPrefix(line[at:])
		if err != nil {
			return &reader{words: append(all, line[at:])}
		}
		all, line = append(all, quoted), line[at+len(quoted):]
	}
}

// quoted reads a text in quotes, if there is one. What an empty one does not do, none says.
func (r *reader) quoted(none string) (string, error) {
	if !strings.HasPrefix(r.peek(), `"`) {
		return "", nil
	}
	word := r.next()
	text, err := strconv.Unquote(word)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s has no end: close the quotes", word)
	case text == "":
		return "", fmt.Errorf(`"" %s`, none)
	}
	return text, nil
}

func (r *reader) peek() string {
	if len(r.words) == 0 {
		return ""
	}
	return r.words[0]
}

// next returns the next word, "" at the end.
func (r *reader) next() string {
	word := r.peek()
	if len(r.words) > 0 {
		r.words = r.words[1:]
	}
	return word
}

func (r *reader) accept(word string) bool {
	if r.peek() != word {
		return false
	}
	r.next()
	return true
}

func (r *reader) time(after string) (time.Duration, error) {
	if r.peek() == "" {
		return 0, fmt.Errorf("a time is missing after %q: for example %s 2s500ms", after, after)
	}
	d, err := parseTime(r.next())
	if err != nil {
		return 0, fmt.Errorf("after %q: %w", after, err)
	}
	return d, nil
}

// spread reads 80ms, 80ms±40ms or 80ms+-40ms.
func (r *reader) spread(after string) (mean, jitter time.Duration, err error) {
	if r.peek() == "" {
		_, err = r.time(after)
		return 0, 0, err
	}
	first, second, jittered := strings.Cut(strings.Replace(r.next(), "+-", "±", 1), "±")
	if mean, err = parseTime(first); err == nil && jittered {
		jitter, err = parseTime(second)
	}
	if err != nil {
		err = fmt.Errorf("after %q: %w", after, err)
	}
	return mean, jitter, err
}

func (r *reader) positive(after string) (time.Duration, error) {
	d, err := r.time(after)
	if err == nil && d == 0 {
		err = fmt.Errorf("%s 0 means never: write a longer time or leave it out", after)
	}
	return d, err
}

func (r *reader) count(after string) (int, error) {
	word := r.next()
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("bad count %q after %q: write a whole number from 1 on", word, after)
	}
	return n, nil
}

// seed reads a number that draws something.
func (r *reader) seed() (uint64, error) {
	word := r.next()
	seed, err := strconv.ParseUint(word, 10, 64)
	if err != nil || seed == 0 {
		return 0, fmt.Errorf("%q: write a whole number from 1 on, which draws the rest, or none", word)
	}
	return seed, nil
}

// target reads words up to one of the stops or the end.
func (r *reader) target(stops ...string) Target {
	return r.until(func(word string) bool { return slices.Contains(stops, word) })
}

// until reads words up to one at which to stop, or the end.
func (r *reader) until(stop func(word string) bool) Target {
	var words []string
	for r.peek() != "" && !stop(r.peek()) {
		words = append(words, r.next())
	}
	return Target(strings.Join(words, " "))
}

// fault reads a fault, which must take up all words that are left.
func (r *reader) fault() (Fault, error) {
	name := r.next()
	if name == "" {
		return nil, fmt.Errorf("the fault is missing: use one of %s", strings.Join(faultNames(), ", "))
	}
	parse := parserOf(name)
	if parse == nil {
		return nil, fmt.Errorf("unknown fault %q%s: use one of %s", name, text.DidYouMean(name, faultNames()), strings.Join(faultNames(), ", "))
	}
	fault, err := parse(name, r)
	if err != nil {
		return nil, err
	}
	if len(r.words) > 0 {
		return nil, fmt.Errorf("%q is more than %s takes: for example %s", strings.Join(r.words, " "), name, exampleOf(name))
	}
	return fault, nil
}

// bytesUnits, the biggest first.
func byteUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}}
}

func formatSize(size int64) string {
	for _, u := range byteUnits() {
		if size%u.bytes == 0 {
			return strconv.FormatInt(size/u.bytes, 10) + u.name
		}
	}
	panic("unreachable: every size is a multiple of 1 B")
}

func parseSize(word string) (int64, error) {
	for _, u := range byteUnits() {
		number, ok := strings.CutSuffix(word, u.name)
		if n, err := strconv.ParseInt(number, 10, 64); ok && err == nil && n > 0 && n <= (1<<62)/u.bytes {
			return n * u.bytes, nil
		}
	}
	return 0, fmt.Errorf("bad size %q: write a whole number of KB, MB or GB, for example 64MB", word)
}
