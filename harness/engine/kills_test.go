package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

func TestKills(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		cfg := Default()
		cfg.Nodes, cfg.For, cfg.Election, cfg.Seed = nodes, 20*time.Second, 200*time.Millisecond, 7
		plan := Kills(cfg)
		require.NoError(t, plan.Validate(nemesis.Setting{Nodes: cfg.Names()}))
		parsed, err := nemesis.Parse("kills", plan.String())
		require.NoError(t, err)
		require.True(t, parsed.Generated)
		require.Equal(t, plan.String(), parsed.String())
		require.Equal(t, plan, Kills(cfg), "the seed fixes it")
		require.LessOrEqual(t, plan.End(), cfg.For)
		if nodes == 1 {
			require.Len(t, plan.Steps, 1)
			require.Equal(t, nemesis.Acknowledged, plan.Steps[0].Trigger.On)
			require.Positive(t, plan.Steps[0].Repeat.Every)
			continue
		}
		require.Greater(t, len(plan.Steps), 10)
		cfg.Seed = 8
		require.NotEqual(t, plan, Kills(cfg))
		cfg.For = 10 * time.Millisecond
		require.Empty(t, Kills(cfg).Steps)
	}
}

func TestFailovers(t *testing.T) {
	cfg := Default()
	cfg.Nodes, cfg.For, cfg.Seed = 3, 20*time.Second, 7
	plan := Failovers(cfg)
	require.NoError(t, plan.Validate(nemesis.Setting{Nodes: cfg.Names()}))
	require.Equal(t, plan, Failovers(cfg), "the seed fixes it")
	require.LessOrEqual(t, plan.End(), cfg.For)
	require.Greater(t, len(plan.Steps), 8)
	parsed, err := nemesis.Parse(FailoversPlan, plan.String())
	require.NoError(t, err)
	require.Equal(t, plan.String(), parsed.String())
	cfg.Nodes = 1
	require.Equal(t, Kills(cfg), Failovers(cfg))
}
