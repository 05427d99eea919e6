// Package checker turns a history into a verdict.
//
// A checker is a pure function of the history: it reads no clock, no file and
// no other package of the project but harness/history. Each consumes the
// history event by event, so that a history need not fit in memory and a check
// can run while the run does.
//
// To add a checker: write one file with its type and a constructor, one good
// and one bad history in its test, and its line in All. A system of your own needs
// none of it: see [Model].
package checker

import "github.com/usurper/usurper/harness/history"

// Verdict is a checker's answer.
type Verdict string

// A run's verdict is the worst of its checkers': Invalid, then Unknown, then
// Valid.
const (
	Valid   Verdict = "valid"
	Invalid Verdict = "invalid"
	Unknown Verdict = "unknown"
)

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

// Worse returns the more severe of two verdicts.
func Worse(a, b Verdict) Verdict {
	rank := map[Verdict]int{Valid: 0, Unknown: 1, Invalid: 2}
	if rank[b] > rank[a] {
		return b
	}
	return a
}
