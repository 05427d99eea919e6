package harness

import (
	"errors"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// Config says everything about one run. Start from Default.
type Config struct {
	// Target is the system under test. It is not part of the saved
	// configuration, TargetOptions are.
	Target target.Target `json:"-"`
	// TargetName and TargetOptions describe Target in the run directory, so that
	// a replay can build it again. Run fills in TargetName.
	TargetName    string `json:"target"`
	TargetOptions any    `json:"target_options,omitempty"`

	Nodes int    `json:"nodes"` // members, 1 to 9
	Seed  uint64 `json:"seed"`
	// For is how long the nemesis and the clients work together.
	For time.Duration `json:"for"`
	// Plan is what the nemesis does. Nil: one is generated from Seed.
	Plan     *nemesis.Plan `json:"-"`
	PlanName string        `json:"plan"` // random, a scenario's name, or a file
	// Density divides the pauses between the faults of a generated plan; above 0, up to 100.
	Density float64 `json:"density"`

	Workload string        `json:"workload"` // see workload.Names
	Clients  int           `json:"clients"`
	Rate     float64       `json:"rate"`    // operations a second in all; 0: as fast as they go
	Timeout  time.Duration `json:"timeout"` // of one operation
	Resend   float64       `json:"resend"`  // share of writes sent again on purpose

	// Election and Heartbeat are the target's own timers: T, of which timers are
	// drawn from [T, 2T), and the interval between heartbeats. Checkers and the
	// plan generator measure in them.
	Election  time.Duration `json:"election"`
	Heartbeat time.Duration `json:"heartbeat"`

	// Settle bounds how long the cluster may take to be ready at the start, and to
	// find a leader and answer the final reads once healed. 0 means 40 election
	// timeouts, at least 10 s.
	Settle time.Duration `json:"settle,omitempty"`

	// FailFast ends the attack as soon as a checker that can tell while the run is
	// under way finds a rule broken.
	FailFast bool `json:"fail_fast,omitempty"`

	// Results is the directory below which the run directory is made.
	Results string `json:"results"`
	// KeepData keeps the members' data directories also of a valid run.
	KeepData bool `json:"keep_data"`

	// Progress, if not nil, is called some times a second with how the run
	// stands, from one goroutine.
	Progress func(Progress) `json:"-"`
}

// Default returns the configuration that `usurper run` starts from: five nodes,
// 30 s, a random plan. Target must still be set.
func Default() Config {
	return Config{
		Nodes:     5,
		Seed:      1,
		For:       30 * time.Second,
		PlanName:  RandomPlan,
		Density:   1,
		Workload:  "mixed",
		Clients:   10,
		Rate:      500,
		Timeout:   time.Second,
		Resend:    0.05,
		Election:  150 * time.Millisecond,
		Heartbeat: 30 * time.Millisecond,
		Results:   "results",
	}
}

// RandomPlan is the PlanName of a plan generated from the seed.
const RandomPlan = "random"

// Validate tells everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Target == nil {
		bad("no target: set Config.Target")
	}
	if c.Nodes < 1 || c.Nodes > 9 {
		bad("%d nodes: use 1 to 9", c.Nodes)
	}
	if c.For <= 0 {
		bad("a run of %s: use a positive duration such as 30s", c.For)
	}
	if !(c.Density > 0 && c.Density <= 100) { // nor NaN
		bad("a density of %g: use a positive number up to 100, 1 as usual", c.Density)
	}
	if c.Clients < 1 || c.Clients > 1000 {
		bad("%d clients: use 1 to 1000", c.Clients)
	}
	if !(c.Rate >= 0 && c.Rate <= 1e6) {
		bad("a rate of %g operations a second: use 0 (no limit) to 1000000", c.Rate)
	}
	if c.Timeout <= 0 {
		bad("an operation timeout of %s: use a positive duration such as 1s", c.Timeout)
	}
	if !(c.Resend >= 0 && c.Resend <= 1) {
		bad("a resend share of %g: use 0 to 1", c.Resend)
	}
	if c.Heartbeat <= 0 || c.Election < 2*c.Heartbeat {
		bad("election timeout %s with heartbeats every %s: use an election timeout of at least two heartbeats", c.Election, c.Heartbeat)
	}
	if c.Election > time.Minute {
		bad("an election timeout of %s: use at most 1m", c.Election)
	}
	if c.Settle < 0 {
		bad("%s to settle: use a positive duration, or 0 for the default", c.Settle)
	}
	if c.Results == "" {
		bad("no results directory: name one, such as results")
	}
	if _, err := workload.For(c.Workload, c.ops()); err != nil {
		errs = append(errs, err)
	}
	if c.Resend > 0 && c.Target != nil && !target.Resends(c.Target) {
		bad("a resend share of %g: %s does not promise to apply a request id once: use 0", c.Resend, c.Target.Name())
	}
	if c.Plan != nil && c.Nodes >= 1 && c.Nodes <= 9 {
		if err := c.Plan.Validate(c.Names()); err != nil {
			bad("plan %s: %w", c.PlanName, err)
		}
	}
	return errors.Join(errs...)
}

// ops returns what the target's clients can do, nil for everything.
func (c *Config) ops() []history.F {
	if c.Target == nil {
		return nil
	}
	return target.Ops(c.Target)
}

// Names lists the members: n1, n2, …
func (c *Config) Names() []string {
	names := make([]string, c.Nodes)
	for i := range names {
		names[i] = fmt.Sprintf("n%d", i+1)
	}
	return names
}
