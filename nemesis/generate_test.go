package nemesis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

func members(n int) []string {
	var nodes []string
	for i := range n {
		nodes = append(nodes, fmt.Sprintf("n%d", i+1))
	}
	return nodes
}

func generating(n int) nemesis.GenerateOptions {
	return nemesis.GenerateOptions{
		Nodes:    members(n),
		Duration: 30 * time.Second,
		Election: 150 * time.Millisecond,
		Classes:  []string{"append", "append-response", "heartbeat", "heartbeat-response", "vote", "vote-response", "snapshot"},
	}
}

// A seed means the same plan for ever.
func TestGenerateGolden(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		golden(t, fmt.Sprintf("plans/seed-%d.txt", seed), nemesis.Generate(seed, generating(5)).String())
	}
}

func TestGenerateIsSound(t *testing.T) {
	for seed := range uint64(1000) {
		o := generating(1 + int(seed%7))
		o.Density = float64(1 + seed%3)
		o.Operator = seed%2 == 0
		plan := nemesis.Generate(seed, o)
		require.NoError(t, plan.Validate(nemesis.Setting{Nodes: o.Nodes}), "seed %d:\n%s", seed, plan)
		again, err := nemesis.Parse("again", plan.String())
		require.NoError(t, err)
		require.Equal(t, plan.String(), again.String())
		require.NotEmpty(t, plan.Steps)
		for _, s := range plan.Steps {
			end := max(s.At, s.Repeat.Until, s.Trigger.Until+s.Trigger.After) + s.For
			if end > o.Duration*85/100 {
				t.Fatalf("seed %d: %s ends too late", seed, s)
			}
			if s.For == 0 && s.Fault.Span() != nemesis.Instant {
				t.Fatalf("seed %d: %s never ends", seed, s)
			}
		}
	}
}

// A step on single messages may find none of them, so it must not be able to
// make a good run unknown.
func TestGenerateMarksWhatMayNotBite(t *testing.T) {
	for seed := range uint64(200) {
		for _, s := range nemesis.Generate(seed, generating(5)).Steps {
			f, ok := s.Fault.(nemesis.Traffic)
			require.True(t, s.Optional || !ok || f.Class == "", "seed %d: %s", seed, s)
		}
	}
}

func TestGenerateVariety(t *testing.T) {
	families := make(map[string]int)
	triggers := make(map[string]int)
	steps := 0
	for seed := range uint64(200) {
		plan := nemesis.Generate(seed, generating(5))
		for _, s := range plan.Steps {
			fault := s.Fault.String()
			for _, e := range nemesis.Catalog() {
				if strings.HasPrefix(fault, e.Name+" ") {
					families[e.Name]++
				}
			}
			triggers[s.Trigger.On]++
			steps++
		}
		families["partition halves"] += strings.Count(plan.String(), "partition halves\n")
		families["partition ring"] += strings.Count(plan.String(), "partition ring\n")
		families["partition bridge"] += strings.Count(plan.String(), "partition bridge\n")
	}
	for _, e := range nemesis.Catalog() {
		part, _, _ := strings.Cut(e.Short, ": ")
		if !slices.Contains([]string{"operator", "disk", "machine"}, part) && e.Name != "failpoint" { // nobody knows which there are
			require.Positive(t, families[e.Name], e.Name)
		}
	}
	for _, on := range []string{"vote-granted", "candidate", "leader", "append", "commit", "install"} {
		require.Positive(t, triggers[on], on)
	}
	require.GreaterOrEqual(t, steps, 200*30, "a plan of 30 s has 30 steps on average")
}

// Administrators take part if they are asked to, and only then.
func TestGenerateOperator(t *testing.T) {
	for _, operator := range []bool{false, true} {
		families := make(map[string]int)
		for seed := range uint64(50) {
			o := generating(5)
			o.Operator = operator
			for _, s := range nemesis.Generate(seed, o).Steps {
				name, _, _ := strings.Cut(s.Fault.String(), " ")
				families[name]++
			}
		}
		for _, e := range nemesis.Catalog() {
			if strings.HasPrefix(e.Short, "operator: ") {
				require.Equal(t, operator, families[e.Name] > 0, e.Name)
			}
		}
	}
}

// Without a decoder there is no fault on messages.
func TestGenerateWithoutClasses(t *testing.T) {
	for seed := range uint64(100) {
		o := generating(5)
		o.Classes = nil
		for _, s := range nemesis.Generate(seed, o).Steps {
			f, ok := s.Fault.(nemesis.Traffic)
			if ok {
				require.Empty(t, f.Class)
				require.NotContains(t, []string{"drop", "duplicate", "reorder", "hold"}, f.Action)
			}
		}
	}
}

// Where messages are bound to a stream, a plan is of what can be done to streams, and
// otherwise the same.
func TestGenerateForStreams(t *testing.T) {
	for seed := range uint64(300) {
		o := generating(3 + int(seed%3))
		o.Classes = o.Classes[seed%7:]
		free := nemesis.Generate(seed, o)
		o.Bound = o.Classes
		plan := nemesis.Generate(seed, o)
		system := &nemesis.Offer{
			System: "streams", Classes: o.Classes, Leads: true,
			Events: []string{"candidate", "vote-granted", "vote-refused", "leader", "stepdown", "follower", "append", "truncate", "commit", "snapshot", "install", "restart"},
		}
		require.NoError(t, plan.Validate(nemesis.Setting{Nodes: o.Nodes, System: system}), "seed %d:\n%s", seed, plan)
		require.Error(t, nemesis.Plan{Steps: []nemesis.Step{{For: time.Second, Fault: nemesis.Traffic{Action: "drop", From: "*", To: "*"}}}}.Validate(nemesis.Setting{Nodes: o.Nodes, System: system}))
		require.Equal(t, free.Themes, plan.Themes)
	}
}
