// Package morning is what a person or a machine reads of a night: a Markdown page, a
// JUnit file, a JSON document, metrics, lines while it goes on, and the exit status.
//
// A [Tally] takes the night's entries one by one, and [Tally.Report] makes a [Report]
// of them, of the night's facts, and of its findings. Everything else is made of the
// report alone: read report.go, then judge.go, which decides what the night was, and
// doubts.go, which says why its silence may prove nothing.
package morning

import (
	"time"

	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/pace"
)

// Verdict is what a night was. It is the exit status in a word.
type Verdict string

// The verdicts, the worst first.
const (
	Found   Verdict = "findings" // exit status 1
	Unknown Verdict = "unknown"  // exit status 2: it did not show what it was to show
	Quiet   Verdict = "quiet"    // exit status 0
)

// Report is a night, or several, as the file night.json has it; docs/night.schema.json
// says what may be in it. Times of day are UTC, times that something took are seconds.
type Report struct {
	Format  int       `json:"format"` // [Format]
	Made    time.Time `json:"made"`
	Going   bool      `json:"going"` // a part of it has not ended, or was killed
	Verdict Verdict   `json:"verdict"`
	Status  int       `json:"exit_status"`
	// FailOn says which findings failed it.
	FailOn FailOn `json:"fail_on"`
	// News are the reasons of status 1, Lacks those of status 2: also of a night with
	// findings. Doubts are what its silence does not prove, each of them a lack.
	News   []string `json:"news"`
	Lacks  []string `json:"lacks"`
	Doubts []Doubt  `json:"doubts"`

	Nights  []Part  `json:"nights"`
	Asked   int     `json:"asked"` // how many runs were asked for; 0 for as many as there was time for
	Runs    Counts  `json:"runs"`  // without controls
	Seconds float64 `json:"seconds"`
	Wall    float64 `json:"wall_seconds"` // of shards side by side, from the first's begin to the last's end

	Cells      []Cell      `json:"cells"`
	Operations Operations  `json:"operations"`
	Faults     []FaultKind `json:"faults"`

	Findings []Finding `json:"findings"`
	Muted    int       `json:"muted"` // of the findings that were seen in it
	// Unfiled are broken rules of runs of which no finding tells. They count as new.
	Unfiled []Unfiled `json:"unfiled"`
	Broken  []Group   `json:"broken"`
	Unknown []Group   `json:"unknown"`

	Controls []Control `json:"controls"`
	// Unshown are checkers that judged runs, and of which no control shows that they see.
	Unshown   []string    `json:"unshown"`
	Unchecked []Unchecked `json:"unchecked"`
	// Covered is Coverage in lines for people.
	Covered  []string        `json:"covered"`
	Coverage coverage.Report `json:"coverage"`
	Medians  pace.Figures    `json:"medians"`
}

// Format is the version of night.json that this package writes.
const Format = 1

// Part is a night or one shard of it.
type Part struct {
	Night   string    `json:"night"`
	Seed    uint64    `json:"seed"`
	Shard   int       `json:"shard"`
	Shards  int       `json:"shards"`
	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended,omitzero"`
	Stopped string    `json:"stopped,omitempty"`
	Command []string  `json:"command,omitempty"`
}

// Counts are runs by what became of them.
type Counts struct {
	All     int `json:"all"`
	Valid   int `json:"valid"`
	Invalid int `json:"invalid"`
	Unknown int `json:"unknown"`
	Broken  int `json:"broken"`
}

func (c *Counts) add(class entry.Class) {
	c.All++
	switch class {
	case entry.Valid:
		c.Valid++
	case entry.Invalid:
		c.Invalid++
	case entry.Broken:
		c.Broken++
	default:
		c.Unknown++ // a class of a later version says nothing to this one
	}
}

// Cell is a cell of the matrix. One that was to run and did not has no runs.
type Cell struct {
	Name    string  `json:"cell"`
	Runs    Counts  `json:"runs"`
	OK      uint64  `json:"ok"` // operations
	Seconds float64 `json:"seconds"`

	answered uint64 // operations that succeeded in runs with a verdict
}

// Operations counts what clients did by outcome.
type Operations struct {
	OK   uint64 `json:"ok"`
	Fail uint64 `json:"fail"`
	Info uint64 `json:"info"`
}

// FaultKind is how often a kind of fault was planned, came into force, and bit.
type FaultKind struct {
	Kind string `json:"kind"`
	entry.Fault
}

// Unfiled is a broken rule that belongs to no finding.
type Unfiled struct {
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
	Runs    int    `json:"runs"`
	Text    string `json:"text"` // of one of them
	Dir     string `json:"dir,omitempty"`
	Seed    uint64 `json:"seed"`
}

func (u *Unfiled) name() string {
	if u.Checker == "" {
		return "an invalid run that names no broken rule"
	}
	return u.Checker + ": " + u.Rule
}

// Group is runs that were broken or unknown for one reason, up to its numbers.
type Group struct {
	Why   string   `json:"why"` // of the first of them
	Runs  int      `json:"runs"`
	Seeds []uint64 `json:"seeds"` // of the first few
	Cells []string `json:"cells"` // of the first few
	Dir   string   `json:"dir,omitempty"`
}

// Control is how a known-bad configuration stands: red, green or untried.
type Control struct {
	Name    string    `json:"name"`
	Checker string    `json:"checker"`
	State   string    `json:"state"`
	Red     time.Time `json:"red,omitzero"`
	Age     float64   `json:"age_seconds"` // since it was last red
	Tries   int       `json:"tries"`
	Untried string    `json:"untried,omitempty"`

	broken int // of the tries
}

// Unchecked is a checker that had nothing to judge in any run.
type Unchecked struct {
	Checker string `json:"checker"`
	Why     string `json:"why"`
}
