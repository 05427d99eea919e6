// Package verdict is the ground floor of package checker: what all its wings
// speak. A caller needs it only to write a checker of his own; the face has the
// rest under its own name.
//
// Read verdict.go (what a checker is and what it answers) and findings.go (how it
// gathers what it finds) first. Then, as needed: describe.go and its siblings put
// events in words; operation.go, inflight.go and perkey.go follow clients;
// sources.go, pergroup.go, majority.go and slot.go follow members; budget.go and shrink.go are
// for searches; proof.go and retell.go make what is shown a proof; early.go says which checkers need not wait for the end.
package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Linearizable is the name of the checker of keys that hold one value. What it calls
// rules are ways to prove one, which is called NotLinearizable.
const (
	Linearizable    = "linearizable"
	NotLinearizable = "not linearizable"
)

// Verdict is a checker's answer.
type Verdict string

// A run's verdict is the worst of its checkers': Invalid, then Unknown, then
// Valid.
const (
	Valid   Verdict = "valid"
	Invalid Verdict = "invalid"
	Unknown Verdict = "unknown"
)

// Unchecked is what a checker answers that had nothing to judge: no lock was asked
// for, say, or nobody can see an election. It is no verdict on the run, and never one
// of a run.
const Unchecked Verdict = "not checked"

// Checker judges one history. It is used once, by one goroutine.
type Checker interface {
	// Name is the checker's word in reports: election, votes, logs, …
	Name() string
	// Event takes the next event. The event and all it points to are valid only
	// during the call.
	Event(e *history.Event)
	// Finish is called once, after the last event.
	Finish() Result
}

// Result is what a checker found.
type Result struct {
	Checker string  `json:"checker"`
	Verdict Verdict `json:"verdict"`
	// Summary is one line: what was checked, or what is wrong.
	Summary string `json:"summary"`
	// Violations are set when Verdict is Invalid: the first few of each rule, in
	// history order.
	Violations []Violation `json:"violations,omitempty"`
	// Unknowns says what could not be decided and why.
	Unknowns []string `json:"unknowns,omitempty"`
	// Told is what a checker that had nothing to judge by saw all the same: no rule says
	// that it is wrong.
	Told string `json:"told,omitempty"`
	// Unjudged says which rules it did not judge, and why, each as "rule: why".
	Unjudged []string `json:"unjudged,omitempty"`
	// Stats counts what was looked at, for reports.
	Stats map[string]int64 `json:"stats,omitempty"`
}

// Violation is one broken rule with the few events that prove it.
type Violation struct {
	Rule string `json:"rule"` // short and fixed: "two leaders in one term"
	Text string `json:"text"` // in plain words, with nodes, terms and times
	// Events prove it, in history order; usually two to four.
	Events []history.Event `json:"events"`
}

// Doubt takes back that rules were broken where why says why: it is unknown instead.
func (r *Result) Doubt(why func(*Violation) string) {
	r.takeBack(why, func(text, why string) { r.Unknowns = append(r.Unknowns, text+": "+why) })
}

// Excuse takes back that rules were broken where why says why: it is told, and no more.
func (r *Result) Excuse(why func(*Violation) string) {
	told := []string{r.Told}
	r.takeBack(why, func(text, why string) { told = append(told, text+": "+why) })
	r.Told = strings.TrimPrefix(strings.Join(told, "; "), "; ")
}

func (r *Result) takeBack(why func(*Violation) string, instead func(text, why string)) {
	n := len(r.Violations)
	if n == 0 {
		return
	}
	unseen := r.Stats[violations] - int64(n) // those that were counted and not kept
	r.Violations = slices.DeleteFunc(r.Violations, func(v Violation) bool {
		w := why(&v)
		if w != "" {
			instead(v.Text, w)
		}
		return w != ""
	})
	taken := n - len(r.Violations)
	if r.Stats[violations] -= int64(taken); r.Stats[violations] <= 0 {
		delete(r.Stats, violations)
	}
	if taken == n && unseen > 0 {
		r.Unknowns = append(r.Unknowns, fmt.Sprintf("%d more broke a rule, too, and were not kept: nobody knows whether faults have done that", unseen))
	}
	switch {
	case taken == 0:
	case len(r.Violations) > 0:
		r.Summary = firstOf(r.Violations, r.Stats[violations])
	case len(r.Unknowns) > 0:
		r.Verdict, r.Summary = Unknown, FirstLine(r.Unknowns[len(r.Unknowns)-1])
	default:
		r.Verdict, r.Summary = Valid, "nothing is wrong but what faults have taken"
	}
}

// Worse returns the more severe of two verdicts.
func Worse(a, b Verdict) Verdict {
	rank := map[Verdict]int{Unchecked: -1, Valid: 0, Unknown: 1, Invalid: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Proven is where in the history the violation was complete.
func (v *Violation) Proven() uint64 {
	if len(v.Events) == 0 {
		return 0
	}
	return v.Events[len(v.Events)-1].Seq
}

// Spec is what the user wants judged besides what [All] judges. A [Model] is one.
type Spec interface {
	// Checker returns a new checker, of the same name each time. What it finds broken
	// in the first part of a history must be broken in the whole: a run that is to
	// fail fast asks while it is under way.
	Checker(o Options) Checker
}

// Judge is a Checker that says which operations it judges beyond those of package
// history. The checker of a [Model] is one. Operations that package history does not
// know and no checker judges make the verdict of a history unknown.
type Judge interface {
	Checker
	// Ops lists them.
	Ops() []history.F
}
