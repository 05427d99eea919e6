// Package entry is what a night keeps of each of its runs: one line of JSON, which
// says what was run, what became of it, and what it covered. Whatever is told of a
// night is told of its entries alone.
package entry

import (
	"encoding/json"
	"time"
)

// Class is what became of a run.
type Class string

// The classes. A run is Broken if it came to no verdict for the harness's sake: it could
// not be started, ran out of memory, hung, panicked, was killed. It is neither a finding
// nor a pass.
const (
	Valid   Class = "valid"
	Invalid Class = "invalid"
	Unknown Class = "unknown"
	Broken  Class = "broken"
)

// Entry is one run of a night, or one try of a control.
type Entry struct {
	Format int `json:"format"` // [Format]
	// Number is the run's in the plan of the night, from 1; those of a shard are not
	// consecutive. Number and Night together are written once.
	Number int    `json:"number"`
	Night  string `json:"night"`
	// Axes are the run's values of the matrix, by name: target, version, plan, nodes, ….
	// Cell is the same as one word, by which entries of two nights are compared.
	Axes map[string]string `json:"axes,omitempty"`
	Cell string            `json:"cell"`
	Seed uint64            `json:"seed"`
	// Args are the arguments of `usurper` that make the run again.
	Args []string `json:"args"`
	// Control is the name of the known-bad configuration that this was, or empty. A
	// control is Invalid when it is as it should be, and no finding.
	Control string `json:"control,omitempty"`

	Class   Class         `json:"class"`
	Why     string        `json:"why,omitempty"` // one printable line, unless Valid
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed"` // nanoseconds of wall time
	// Dir is the directory of the run, if it was kept. Its last element is beside the log
	// of the night, wherever that was moved to.
	Dir string `json:"dir,omitempty"`
	// Stalled is how long the machine kept the run's harness from the processor, all such
	// times together.
	Stalled time.Duration `json:"stalled,omitempty"`
	// Excused is how long the checkers judge nothing about time for the sake of such
	// stalls: each that may cost a leader, and four election timeouts after it.
	Excused time.Duration `json:"excused,omitempty"`

	// Versions are what was tested and by what, "" for what is not known.
	System  string `json:"system,omitempty"`
	Harness string `json:"harness,omitempty"`

	// Breaches are the broken rules, each once, in the order of the report.
	Breaches []Breach `json:"breaches,omitempty"`
	// Checkers has the verdict of each checker: valid, invalid, unknown, not checked.
	Checkers map[string]string `json:"checkers,omitempty"`
	// Unchecked says, by checker, why it had nothing to judge.
	Unchecked map[string]string `json:"unchecked,omitempty"`
	// Faults counts, by kind (kill, partition, drop, …), what the plan had and what came
	// of it.
	Faults map[string]Fault `json:"faults,omitempty"`
	// OK, Fail and Info count the clients' operations by outcome.
	OK   uint64 `json:"ok"`
	Fail uint64 `json:"fail"`
	Info uint64 `json:"info"`
	// Figures are the medians of package pace, by name.
	Figures map[string]float64 `json:"figures,omitempty"`
	// Coverage is the tally of package coverage, if one was made.
	Coverage json.RawMessage `json:"coverage,omitempty"`
}

// Format is the version of the entries that this package writes.
const Format = 1

// Breach is a broken rule, without names and numbers of the run.
type Breach struct {
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
	// Shape is the kinds of the events that prove it, as package finding tells them, with
	// members and terms of no run: "a:vote(1) b:leader(2)".
	Shape string `json:"shape,omitempty"`
	Text  string `json:"text"` // of the first violation, with names and numbers
}

// Fault counts the steps of one kind.
type Fault struct {
	Planned int `json:"planned"`
	Fired   int `json:"fired"` // put in force, every time that a step repeated
	Bit     int `json:"bit"`   // with evidence
}
