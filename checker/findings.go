package checker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

const (
	// perRule is how many violations of one rule are kept; the rest is counted.
	perRule = 3
	// maxUnknowns is how many things left undecided are named.
	maxUnknowns = 10
)

// findings gathers what a checker finds and makes its Result.
type findings struct {
	violations []Violation
	broken     map[string]int64 // violations of each rule
	kept       map[string]int   // those of them in violations
	unknowns   []string
	open       int64 // things left undecided
	stats      map[string]int64
}

// violate notes a broken rule. It keeps the evidence only while the rule has
// few violations, and once for each text.
func (f *findings) violate(rule, text string, evidence ...history.Event) {
	if f.broken == nil {
		f.broken, f.kept = make(map[string]int64), make(map[string]int)
	}
	f.broken[rule]++
	if f.kept[rule] >= perRule || slices.ContainsFunc(f.violations, func(v Violation) bool { return v.Text == text }) {
		return
	}
	f.kept[rule]++
	slices.SortStableFunc(evidence, func(a, b history.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	evidence = slices.CompactFunc(evidence, func(a, b history.Event) bool {
		return a.Seq == b.Seq && a.Kind() == b.Kind() && a.Raft == nil
	})
	f.violations = append(f.violations, Violation{Rule: rule, Text: text, Events: evidence})
}

// Violated tells whether a rule was found broken so far. What it says before the
// history has ended is final: later events never mend a violation.
func (f *findings) Violated() bool { return len(f.violations) > 0 }

// Breached tells whether the rule was found broken so far.
func (f *findings) Breached(rule string) bool { return f.broken[rule] > 0 }

// unknown notes something that cannot be decided. The same text is noted once.
func (f *findings) unknown(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if slices.Contains(f.unknowns, text) {
		return
	}
	f.open++
	if len(f.unknowns) < maxUnknowns {
		f.unknowns = append(f.unknowns, text)
	}
}

// undecided tells whether something was noted that cannot be decided.
func (f *findings) undecided() bool { return f.open > 0 }

// counted returns what a stat has come to.
func (f *findings) counted(stat string) int64 { return f.stats[stat] }

// count adds to what the result tells under a name.
func (f *findings) count(stat string, n int64) {
	if f.stats == nil {
		f.stats = make(map[string]int64)
	}
	f.stats[stat] += n
}

// result makes the checker's result; summary is what it says when all is well.
func (f *findings) result(name, summary string) Result {
	r := Result{Checker: name, Verdict: Valid, Summary: summary, Stats: maps.Clone(f.stats)}
	if f.open > int64(len(f.unknowns)) {
		f.unknowns = append(f.unknowns, fmt.Sprintf("… and %d more", f.open-int64(len(f.unknowns))))
	}
	r.Unknowns = f.unknowns
	if len(f.unknowns) > 0 {
		r.Verdict = Unknown
		r.Summary = firstLine(f.unknowns[0])
	}
	if len(f.violations) == 0 {
		return r
	}
	var total int64
	for _, n := range f.broken {
		total += n
	}
	f.count("violations", total)
	slices.SortStableFunc(f.violations, func(a, b Violation) int { return cmp.Compare(a.proven(), b.proven()) })
	r.Verdict, r.Violations, r.Stats = Invalid, f.violations, maps.Clone(f.stats)
	r.Summary = f.violations[0].Text
	if total > 1 {
		r.Summary += fmt.Sprintf(" (and %d more)", total-1)
	}
	return r
}

// proven is where in the history the violation was complete.
func (v *Violation) proven() uint64 {
	if len(v.Events) == 0 {
		return 0
	}
	return v.Events[len(v.Events)-1].Seq
}

// keep copies an event with all it points to, for use after the call that
// brought it.
func keep(e *history.Event) history.Event {
	out := *e
	switch {
	case e.Run != nil:
		r := *e.Run
		r.Nodes, r.Checkers = slices.Clone(r.Nodes), slices.Clone(r.Checkers)
		out.Run = &r
	case e.Op != nil:
		op := *e.Op
		op.List, op.Txn = slices.Clone(op.List), slices.Clone(op.Txn)
		for i := range op.Txn {
			op.Txn[i].List = slices.Clone(op.Txn[i].List)
		}
		out.Op = &op
	case e.Fault != nil:
		f := *e.Fault
		f.Nodes, f.Evidence = slices.Clone(f.Nodes), maps.Clone(f.Evidence)
		out.Fault = &f
	case e.Proc != nil:
		p := *e.Proc
		out.Proc = &p
	case e.Raft != nil:
		out.Raft = keepRaft(e.Raft)
	case e.State != nil:
		s := *e.State
		s.Held = slices.Clone(s.Held)
		out.State = &s
	}
	return out
}

// keepRaft copies a raft event but for its hashes, which are long and tell a
// reader nothing.
func keepRaft(r *history.Raft) *history.Raft {
	out := *r
	out.Hashes = nil
	out.Voters = slices.Clone(r.Voters)
	out.Outgoing = slices.Clone(r.Outgoing)
	out.Learners = slices.Clone(r.Learners)
	return &out
}
