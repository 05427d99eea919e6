package engine

import (
	"math/rand/v2"
	"time"

	"github.com/usurper/usurper/nemesis"
)

// KillsPlan is the PlanName of the plan that Kills makes.
const KillsPlan = "kills"

// firstKill is when the first one comes at the latest, however long elections take.
const firstKill = 500 * time.Millisecond

// Kills returns a plan that kills one member after the other, for as long as cfg
// says, and starts each again at once, or nearly so. Between two kills there is
// time to come back and work. A member that is alone is killed just when it has told a
// client that its write is done: what it then has to lose is promised. The seed draws
// the times.
func Kills(cfg Config) nemesis.Plan {
	r := Stream(cfg.Seed, KillsPlan)
	plan := nemesis.Plan{Generated: true}
	if cfg.Nodes == 1 {
		every := span(r, cfg.Election, 3, 5)
		plan.Steps = append(plan.Steps, nemesis.Step{
			Trigger: nemesis.Trigger{On: nemesis.Acknowledged, From: firstKill},
			Repeat:  nemesis.Repeat{Every: every, Jitter: every / 2},
			For:     10 * time.Millisecond,
			Fault:   nemesis.Kill{Who: "it"},
		})
		return plan
	}
	for at := min(span(r, cfg.Election, 2, 4), firstKill); ; {
		step := nemesis.Step{At: at, For: span(r, cfg.Election, 0.25, 1), Fault: nemesis.Kill{Who: "one"}}
		if at+step.For > cfg.For {
			return plan
		}
		plan.Steps = append(plan.Steps, step)
		at += step.For + max(span(r, cfg.Election, 3, 6), 500*time.Millisecond)
	}
}

// FailoversPlan is the PlanName of the plan that Failovers makes.
const FailoversPlan = "failovers"

// Failovers returns a plan that takes the leader away again and again, for as long as
// cfg says: it kills it and pauses it in turn, for long enough that others elect one.
// Between two such steps there is time to work. Where there are no others, or nothing
// tells who leads, it is Kills. The seed draws the times.
func Failovers(cfg Config) nemesis.Plan {
	if system := cfg.Setting().System; cfg.Nodes == 1 || system != nil && !system.Leads {
		return Kills(cfg)
	}
	r := Stream(cfg.Seed, FailoversPlan)
	plan := nemesis.Plan{Generated: true}
	leader := nemesis.Target("leader")
	for at := min(span(r, cfg.Election, 2, 4), firstKill); ; {
		step := nemesis.Step{At: at, For: span(r, cfg.Election, 5, 8), Fault: nemesis.Kill{Who: leader}}
		if len(plan.Steps)%2 == 1 {
			step.Fault = nemesis.Pause{Who: leader}
		}
		if at+step.For > cfg.For {
			return plan
		}
		plan.Steps = append(plan.Steps, step)
		at += step.For + max(span(r, cfg.Election, 3, 6), 500*time.Millisecond)
	}
}

// span draws a time between so many election timeouts.
func span(r *rand.Rand, election time.Duration, low, high float64) time.Duration {
	d := time.Duration((low + r.Float64()*(high-low)) * float64(election))
	return max(d.Round(10*time.Millisecond), 10*time.Millisecond)
}
