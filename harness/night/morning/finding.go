package morning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is how a finding stands in the light of this night.
type Status string

// The statuses, in the order in which they are told.
const (
	New       Status = "new"
	Regressed Status = "regressed" // it was resolved, and is back
	Ongoing   Status = "ongoing"
	Resolved  Status = "resolved"
)

// statuses lists all of them in their order.
func statuses() []Status { return []Status{New, Regressed, Ongoing, Resolved} }

// Finding is a broken rule with the shape of its proof, whichever runs show it.
type Finding struct {
	ID      string `json:"id"`
	Status  Status `json:"status"`
	Target  string `json:"target"` // the system's name
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
	Shape   string `json:"shape"`          // of the proof
	Text    string `json:"text,omitempty"` // of the first example
	Label   string `json:"label,omitempty"`
	Tonight int    `json:"tonight"` // runs of this night that show it; a Report counts them

	// It was seen in K of N runs, which is a rate between Low and High, with 95 %.
	K    int     `json:"k"`
	N    int     `json:"n"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`

	First Seen `json:"first"`
	Last  Seen `json:"last"`

	Example string `json:"example,omitempty"` // a run directory
	// Minimal is the plan that shrinking left, State how far repeating and shrinking are.
	Minimal  string   `json:"minimal,omitempty"`
	State    string   `json:"state,omitempty"`
	Commands []string `json:"commands,omitempty"` // that repeat and shrink it
	Possibly []string `json:"possibly,omitempty"` // the findings that may be the same bug
	Several  string   `json:"several,omitempty"`  // why it may be more than one bug

	Muted bool      `json:"muted"`
	Until time.Time `json:"muted_until,omitzero"`
}

// Seen is when, and in what, a finding was seen.
type Seen struct {
	At      time.Time `json:"at,omitzero"`
	System  string    `json:"system,omitempty"`
	Harness string    `json:"harness,omitempty"`
}

// name is the rule in words, after the checker's name.
func (f *Finding) name() string { return f.Checker + ": " + f.Rule }

// rate is "7 of 8 (95 % sure: 47 % to 100 %)".
func (f *Finding) rate() string {
	if f.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d (95 %% sure: %s to %s)", f.K, f.N, percent(f.Low), percent(f.High))
}

// percent is "0.84 %", "78 %".
func percent(part float64) string {
	if part < 0.1 {
		return fmt.Sprintf("%.2g %%", 100*part)
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// String is when and in what it was seen: "2026-11-20 in etcd 3.6.1".
func (s Seen) String() string {
	var said []string
	if !s.At.IsZero() {
		said = append(said, s.At.UTC().Format(time.DateOnly))
	}
	if s.System != "" {
		said = append(said, "in "+s.System)
	}
	if s.Harness != "" {
		said = append(said, "by "+s.Harness)
	}
	return strings.Join(said, " ")
}

// inOrder sorts findings: the news first, what was seen more often tonight before what
// was rarer, muted ones last of their status.
func inOrder(all []Finding) []Finding {
	all = slices.Clone(all)
	rank := func(f Finding) int {
		if i := slices.Index(statuses(), f.Status); i >= 0 {
			return i
		}
		return len(statuses())
	}
	muted := map[bool]int{true: 1}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(muted[a.Muted], muted[b.Muted]),
			cmp.Compare(b.Tonight, a.Tonight), cmp.Compare(b.K, a.K), cmp.Compare(a.ID, b.ID))
	})
	return all
}
