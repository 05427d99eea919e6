package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

const (
	// PerRule is how many violations of one rule are kept; the rest is counted.
	PerRule = 3
	// violations is the stat of how often rules were broken.
	violations = "violations"
	// maxUnknowns is how many things left undecided are named.
	maxUnknowns = 10
)

// Findings gathers what a checker finds and makes its Result.
type Findings struct {
	violations []Violation
	broken     map[string]int64 // violations of each rule
	kept       map[string]int   // those of them in violations
	unknowns   []string
	open       int64 // things left undecided
	stats      map[string]int64
	trial      bool
	excused    map[string]bool // rules to which nobody is held here
	unjudged   []string        // what was not judged, and why
}

// Excuse keeps the rule from being judged; the result says so, and why.
func (f *Findings) Excuse(rule, why string) {
	if f.excused == nil {
		f.excused = make(map[string]bool)
	}
	f.excused[rule] = true
	f.Unjudged(rule, why)
}

// Unjudged notes that a rule was not judged, and why.
func (f *Findings) Unjudged(rule, why string) {
	if text := rule + ": " + why; !slices.Contains(f.unjudged, text) {
		f.unjudged = append(f.unjudged, text)
	}
}

// Anew returns what gathers findings of the same rules, and has none.
func (f *Findings) Anew() Findings { return Findings{excused: f.excused} }

// Violate notes a broken rule. It keeps the evidence only while the rule has
// few violations, and once for each text.
func (f *Findings) Violate(rule, text string, evidence ...history.Event) {
	if f.excused[rule] {
		return
	}
	if f.broken == nil {
		f.broken, f.kept = make(map[string]int64), make(map[string]int)
	}
	f.broken[rule]++
	if f.kept[rule] >= PerRule || slices.ContainsFunc(f.violations, func(v Violation) bool { return v.Text == text }) {
		return
	}
	f.kept[rule]++
	slices.SortStableFunc(evidence, func(a, b history.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	evidence = slices.CompactFunc(evidence, func(a, b history.Event) bool {
		return a.Seq == b.Seq && a.Kind() == b.Kind() && a.Raft == nil && (a.Op == nil || a.Op.Process == b.Op.Process)
	})
	f.violations = append(f.violations, Violation{Rule: rule, Text: text, Events: evidence})
}

// Violated tells whether a rule was found broken so far. What it says before the
// history has ended is final: later events never mend a violation.
func (f *Findings) Violated() bool { return len(f.violations) > 0 }

// Breached tells whether the rule was found broken so far, "" for any.
func (f *Findings) Breached(rule string) bool {
	return f.broken[rule] > 0 || rule == "" && f.Violated()
}

// Unknown notes something that cannot be decided. The same text is noted once.
func (f *Findings) Unknown(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if slices.Contains(f.unknowns, text) {
		return
	}
	f.open++
	if len(f.unknowns) < maxUnknowns {
		f.unknowns = append(f.unknowns, text)
	}
}

// Foremost is Unknown of what explains the others: it is told first.
func (f *Findings) Foremost(format string, args ...any) {
	f.open++
	f.unknowns = slices.Insert(f.unknowns, 0, fmt.Sprintf(format, args...))
}

// Doubt takes back that rules were broken: it is unknown instead, since why.
func (f *Findings) Doubt(why string) {
	for _, v := range f.violations {
		f.Unknown("%s: %s", v.Text, why)
	}
	f.violations, f.broken, f.kept = nil, nil, nil
}

// Undecided tells whether something was noted that cannot be decided.
func (f *Findings) Undecided() bool { return f.open > 0 }

// Counted returns what a stat has come to.
func (f *Findings) Counted(stat string) int64 { return f.stats[stat] }

// Count adds to what the result tells under a name.
func (f *Findings) Count(stat string, n int64) {
	if f.stats == nil {
		f.stats = make(map[string]int64)
	}
	f.stats[stat] += n
}

// uncheckedBecause begins the summary of what was not checked.
const uncheckedBecause = "not checked: "

// Unchecked makes the result of a checker that had nothing to judge, and why. What
// it found broken or could not decide all the same stays so, and what it is to tell,
// though nothing says that it is wrong, is told.
func (f *Findings) Unchecked(name, why string, told ...string) Result {
	r := f.Result(name, uncheckedBecause+why)
	r.Told = strings.Join(told, "; ")
	if r.Verdict == Valid {
		r.Verdict = Unchecked
	}
	return r
}

// Why says why a checker that answers Unchecked had nothing to judge.
func (r *Result) Why() string { return strings.TrimPrefix(r.Summary, uncheckedBecause) }

// Result makes the checker's result; summary is what it says when all is well.
func (f *Findings) Result(name, summary string) Result {
	r := Result{Checker: name, Verdict: Valid, Summary: summary, Unjudged: f.unjudged, Stats: maps.Clone(f.stats)}
	if f.open > int64(len(f.unknowns)) {
		f.unknowns = append(f.unknowns, fmt.Sprintf("… and %d more", f.open-int64(len(f.unknowns))))
	}
	r.Unknowns = f.unknowns
	if len(f.unknowns) > 0 {
		r.Verdict = Unknown
		r.Summary = FirstLine(f.unknowns[0])
	}
	if len(f.violations) == 0 {
		return r
	}
	var total int64
	for _, n := range f.broken {
		total += n
	}
	f.Count(violations, total)
	slices.SortStableFunc(f.violations, func(a, b Violation) int { return cmp.Compare(a.Proven(), b.Proven()) })
	r.Verdict, r.Violations, r.Stats = Invalid, f.violations, maps.Clone(f.stats)
	r.Summary = firstOf(f.violations, total)
	return r
}

// firstOf sums up what is broken, of which there are so many in all.
func firstOf(violations []Violation, total int64) string {
	if total > 1 {
		return fmt.Sprintf("%s (and %d more)", violations[0].Text, total-1)
	}
	return violations[0].Text
}
