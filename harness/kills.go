package harness

import (
	"time"

	"github.com/usurper/usurper/nemesis"
)

// KillsPlan is the PlanName of the plan that Kills makes.
const KillsPlan = "kills"

// firstKill is when the first one comes at the latest, however long elections take.
const firstKill = 500 * time.Millisecond

// Kills returns a plan that kills one member after the other, for as long as cfg
// says, and starts each again at once, or nearly so. Between two kills there is
// time to come back and work. A member that is alone is killed whenever it has
// led for a while, however long it took to come back. The seed draws the times.
func Kills(cfg Config) nemesis.Plan {
	r := Stream(cfg.Seed, KillsPlan)
	span := func(low, high float64) time.Duration {
		d := time.Duration((low + r.Float64()*(high-low)) * float64(cfg.Election))
		return max(d.Round(10*time.Millisecond), 10*time.Millisecond)
	}
	plan := nemesis.Plan{Generated: true}
	if cfg.Nodes == 1 {
		after := span(1.5, 3)
		plan.Steps = append(plan.Steps, nemesis.Step{
			Trigger: nemesis.Trigger{On: "leader", After: after, Times: 1 + int(cfg.For/after)},
			For:     10 * time.Millisecond,
			Fault:   nemesis.Kill{Who: "one"},
		})
		return plan
	}
	for at := min(span(2, 4), firstKill); ; {
		step := nemesis.Step{At: at, For: span(0.25, 1), Fault: nemesis.Kill{Who: "one"}}
		if at+step.For > cfg.For {
			return plan
		}
		plan.Steps = append(plan.Steps, step)
		at += step.For + max(span(3, 6), 500*time.Millisecond)
	}
}
