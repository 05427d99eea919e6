// Package scenario holds the named scenarios: for each figure of the election
// that the reference node implements, a plan that makes it happen on real
// processes by faults alone.
//
// To add a scenario: write its plan in plans, and its line in All. A test in
// this package should say what its history must show.
package scenario

import (
	"embed"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/nemesis"
)

//go:embed plans/*.txt
var plans embed.FS

// Scenario is a plan with the cluster that it is meant for.
type Scenario struct {
	Name  string
	Short string // what its history shows
	Nodes int
	For   time.Duration
	Text  string // the plan as written, with its comments
	Plan  nemesis.Plan
}

// All lists the scenarios in the order of the figures.
func All() []Scenario {
	list := []Scenario{
		{Name: "first-election", Nodes: 5, For: time.Second,
			Short: "all start as followers, one timer fires, a majority elects its owner"},
		{Name: "split-vote", Nodes: 5, For: 6 * time.Second,
			Short: "several candidates share a term and none wins it; a later round elects one"},
		{Name: "one-vote-per-term", Nodes: 5, For: 10 * time.Second,
			Short: "two candidates of one term: each voter takes the first and refuses the second"},
		{Name: "heartbeats-hold", Nodes: 5, For: 5 * time.Second,
			Short: "heartbeats reset the timers: a quiet cluster holds no second election"},
		{Name: "leader-loss", Nodes: 5, For: 6 * time.Second,
			Short: "the leader dies, its followers' timers fire, a new round elects another"},
		{Name: "no-majority", Nodes: 4, For: 2 * time.Second,
			Short: "two halves that begin anew in one term, neither of them a majority: nobody leads until they are one again"},
		{Name: "stale-candidate", Nodes: 5, For: 10 * time.Second,
			Short: "n4 misses committed entries, stands first, is refused because of its log, never wins with it"},
	}
	for i := range list {
		s := &list[i]
		text, err := plans.ReadFile("plans/" + s.Name + ".txt")
		if err != nil {
			panic(fmt.Sprintf("scenario %s has no plan: %v", s.Name, err))
		}
		s.Text = string(text)
		if s.Plan, err = nemesis.Parse(s.Name, s.Text); err != nil {
			panic(fmt.Sprintf("scenario %s: %v", s.Name, err))
		}
	}
	return list
}

// Names lists the scenarios' names.
func Names() []string {
	var names []string
	for _, s := range All() {
		names = append(names, s.Name)
	}
	return names
}

// Named returns the scenario called name.
func Named(name string) (Scenario, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

// Apply sets the plan, the size and the length of a run to the scenario's.
func (s Scenario) Apply(cfg *engine.Config) {
	cfg.PlanName, cfg.Plan = s.Name, &s.Plan
	cfg.Nodes, cfg.For = s.Nodes, s.For
}
