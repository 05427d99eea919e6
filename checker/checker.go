// Package checker turns a history into a verdict.
//
// A checker is a pure function of the history: it reads no clock, no file and
// nothing else of the project but harness/history and its layout of text. Each consumes the history
// event by event, so that a history need not fit in memory and a check can run
// while the run does.
//
// This package is the face: [All] makes the checkers, [Run] or [RunBatches] feeds
// them a history, and a [Report] says what they found: all.go, run.go and report.go in
// this order; reporttext.go and story.go are what people read of it. The rules are in the wings,
// none of which knows another:
//
//   - raft: elections, votes, stale logs, logs, timers
//   - register: get, put, cas and delete of keys that hold one value
//   - set: sets and lists that only grow
//   - txn: transactions on lists
//   - lock: locks with fencing tokens
//   - object: locks, queues, counters and accounts, as other people's tests have them
//   - model: systems of your own, see [Model]
//   - evidence: whether the run was one, whether the system served, crashed, diverged
//
// All stand on package verdict: what a checker is, how it finds and says things.
// The tests' histories are made with package tape.
//
// To add a checker: write one file with its type and a constructor in the wing that
// it belongs to, one good and one bad history in its test, and its line in [All].
// A system of your own needs none of it.
package checker

import (
	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/verdict"
)

// Checker judges one history. It is used once, by one goroutine.
type Checker = verdict.Checker

// Verdict is a checker's answer: [Valid], [Invalid] or [Unknown].
type Verdict = verdict.Verdict

// A run's verdict is the worst of its checkers': Invalid, then Unknown, then
// Valid.
const (
	Valid   = verdict.Valid
	Invalid = verdict.Invalid
	Unknown = verdict.Unknown
)

// Unchecked is the answer of a checker that had nothing to judge. It is no verdict on
// a run.
const Unchecked = verdict.Unchecked

// Result is what a checker found.
type Result = verdict.Result

// Violation is one broken rule with the few events that prove it.
type Violation = verdict.Violation

// Breach names a broken rule without the circumstances: what a run must show
// again to count as a reproduction of another.
type Breach = verdict.Breach

// Options tune what the checkers may spend. The zero value is the default of
// each field.
type Options = verdict.Options

// Judge is a Checker that says which operations it judges beyond those of package
// history.
type Judge = verdict.Judge

// Spec is what the user wants judged besides what [All] judges. A [Model] is one.
type Spec = verdict.Spec

// Model says what a system of your own does when it does one thing after the other.
type Model[S any] = model.Model[S]

// Page tells what a page of porcupine's shows.
type Page = model.Page

// ErrOrdered says that there is nothing to draw: the operations on the key have an
// order, or none was found not to have.
var ErrOrdered = model.ErrOrdered

// Worse returns the more severe of two verdicts.
func Worse(a, b Verdict) Verdict { return verdict.Worse(a, b) }
