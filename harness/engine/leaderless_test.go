package engine

import (
	"context"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// silentTarget is a target whose members tell of no roles.
type silentTarget struct{ target.Opaque }

func (silentTarget) Name() string                                  { return "silent" }
func (silentTarget) TellsRoles() bool                              { return false }
func (silentTarget) Command(target.Member) (target.Command, error) { return target.Command{}, nil }
func (silentTarget) Client(target.Member) (workload.Client, error) { return nil, nil }
func (silentTarget) Status(context.Context, target.Member) (target.Status, error) {
	return target.Status{}, nil
}

// A random plan for a system of which nobody tells who leads strikes members all the
// same, in as many steps, and is one that the system allows.
func TestRandomPlanWithoutLeaders(t *testing.T) {
	role := regexp.MustCompile(`(?m)^[^#]*[ ,](leader|followers?)($|[ ,])`)
	var probed Config // what there is here is asked once, not for each plan
	lacks := probed.lacks()
	for _, nodes := range []int{1, 2, 3, 5} {
		for seed := range uint64(60) {
			cfg := Default()
			cfg.machine = lacks
			cfg.Target, cfg.Nodes, cfg.Seed, cfg.ProxyClients = silentTarget{}, nodes, seed, seed%2 == 0
			plan := cfg.RandomPlan()
			require.NotRegexp(t, role, plan.String())
			require.Equal(t, plan, cfg.RandomPlan(), "one seed, one plan")
			require.True(t, plan.Generated)
			for _, s := range plan.Steps {
				require.True(t, s.Optional || !nemesis.OnTraffic(s.Fault), s.String())
			}
			usual := nemesis.Generate(seed, cfg.generating())
			require.Len(t, plan.Steps, len(usual.Steps))
			require.Equal(t, usual.Themes, plan.Themes)
			require.NoError(t, plan.Validate(cfg.Setting()), plan.String())
		}
	}
}

// What somebody names of disks and machines is in any random plan that a run makes.
func TestRandomPlanHasWhatIsNamed(t *testing.T) {
	for seed := range uint64(3) {
		cfg := Default()
		cfg.Target, cfg.Seed, cfg.Election = silentTarget{}, seed, 2*time.Second
		cfg.DiskFaults, cfg.MachineFaults = []string{"lost-write"}, []string{"clock", "deaf"}
		plan := cfg.RandomPlan().String()
		for _, name := range []string{"lost-write", "clock", "deaf"} {
			require.Contains(t, plan, name+" ")
		}
		cfg.DiskFaults, cfg.MachineFaults = nil, []string{NoFaults}
		require.NotRegexp(t, "lost-write|clock|deaf", cfg.RandomPlan().String())
	}
}
