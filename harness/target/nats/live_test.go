package nats_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/nats"
	"github.com/usurper/usurper/nemesis"
)

// A server that is killed comes back, and every byte of the routes is understood.
func TestLive(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three servers")
	}
	const version = "2.15.2"
	binary, ok := nats.Cached("v"+version, false)
	if !ok {
		t.Skip("no nats-server of v" + version + " has been built")
	}
	plan, err := nemesis.Parse("plan", "at 500ms restart follower")
	require.NoError(t, err)
	cfg := engine.Default()
	cfg.Nodes, cfg.Plan, cfg.For, cfg.Results, cfg.Seed = 3, &plan, 4*time.Second, t.TempDir(), 1
	cfg.Target, err = nats.New(nats.Options{Binary: binary, Version: version})
	require.NoError(t, err)
	cfg.Suit()
	require.Equal(t, nats.Election, cfg.Election)
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	text := result.Report.String()
	for _, name := range []string{"election", "votes", "logs", "linearizable", "set", "node-logs"} {
		i := slices.IndexFunc(result.Report.Results, func(r checker.Result) bool { return r.Checker == name })
		require.GreaterOrEqual(t, i, 0, name)
		require.Equal(t, checker.Valid, result.Report.Results[i].Verdict, text)
	}
	require.NotContains(t, text, "could not be decoded")
	require.NotContains(t, text, "strange")
}
