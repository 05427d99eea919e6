package harness

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/etcd"
)

// A test of a target has what its plain command has; a saved run is as it was.
func TestUsual(t *testing.T) {
	node, err := etcd.New(etcd.Options{Binary: "/bin/etcd", Version: "3.5.4"})
	require.NoError(t, err)
	cfg := Default()
	cfg.Target, cfg.Nodes = node, 1
	run, err := TestConfig{Config: cfg}.resolve()
	require.NoError(t, err)
	require.Equal(t, []any{"puts", KillsPlan, 20, 64 << 10}, []any{run.Workload, run.PlanName, run.Clients, run.ValueSize})
	require.Zero(t, run.Resend)

	cfg.Nodes = 3
	run, err = TestConfig{Config: cfg}.resolve()
	require.NoError(t, err)
	require.Equal(t, []any{"mixed", "churn", RandomPlan, 10}, []any{run.Workload, run.Mixed, run.PlanName, run.Clients})

	saved := engine.Saved{Config: Default()}
	saved.Config.Nodes, saved.Config.Resend = 1, 0
	run, err = TestConfig{Config: cfg}.reopen(saved)
	require.NoError(t, err)
	require.Equal(t, []any{"mixed", "", RandomPlan, 10}, []any{run.Workload, run.Mixed, run.PlanName, run.Clients})
}
