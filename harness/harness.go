package harness

import (
	"context"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/nemesis"
)

// Config is what a run is asked to do; go doc harness/engine.Config lists its fields.
type Config = engine.Config

// Result is a finished run: its directory and its report.
type Result = engine.Result

// The names of plans that are made up from the seed, see Config.PlanName.
const (
	RandomPlan    = engine.RandomPlan
	KillsPlan     = engine.KillsPlan
	FailoversPlan = engine.FailoversPlan
)

// Default returns the configuration that a run has unless told otherwise: five
// members, thirty seconds of random faults, a mixed workload.
func Default() Config { return engine.Default() }

// Run performs one run outside of go test: it starts cfg's target behind the
// fabric, attacks it, records what happens, and judges the record. It returns an
// error if there is no verdict to be had; when ctx ends the run winds down and is
// judged as far as it came.
func Run(ctx context.Context, cfg Config) (Result, error) { return engine.Run(ctx, cfg) }

// CheckFile judges a saved history again, with the models of its own tests where
// it needs them.
func CheckFile(path string, models ...checker.Spec) (checker.Report, error) {
	return engine.CheckFile(path, models...)
}

// LoadPlan reads a plan and holds it to what the target of cfg offers: an error
// names file and line.
func LoadPlan(path string, cfg Config) (nemesis.Plan, error) { return engine.LoadPlan(path, cfg) }
