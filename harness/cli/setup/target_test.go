package setup

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/etcd"
)

// The plain command is what finds most in etcd, and flags that are given win.
func TestPlainCommandOfEtcd(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "etcd")
	require.NoError(t, os.WriteFile(binary, []byte("#!/bin/sh\necho etcd Version: 3.5.4\n"), 0o755))
	parse := func(flags ...string) engine.Config {
		var f Flags
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		f.Add(fs)
		require.NoError(t, fs.Parse(append([]string{"--target", "etcd", "--binary", binary}, flags...)))
		cfg, err := f.Config(t.Context(), func(string) {})
		require.NoError(t, err)
		return cfg
	}
	of := func(cfg engine.Config) []any {
		return []any{cfg.Nodes, cfg.Workload, cfg.Mixed, cfg.PlanName, cfg.ValueSize, cfg.Clients, cfg.Rate}
	}
	require.Equal(t, []any{3, "mixed", "churn", "random", 0, 10, 500.0}, of(parse()))
	require.Equal(t, []any{1, "puts", "churn", "kills", 64 << 10, 20, 1000.0}, of(parse("--nodes", "1")))
	require.Equal(t, []any{1, "puts", "churn", "random", 9, 10, 500.0},
		of(parse("--nodes", "1", "--plan", "random", "--clients", "10", "--rate", "500", "--value-size", "9")))
	require.Equal(t, []any{1, "mixed", "churn", "kills", 0, 10, 500.0}, of(parse("--nodes", "1", "--workload", "mixed")))
	require.Equal(t, []any{1, "puts", "churn", "none", 64 << 10, 20, 1000.0}, of(parse("--nodes", "1", "--plan", "none")))

	require.Equal(t, 200*time.Millisecond, parse().Election)
	require.Equal(t, 100*time.Millisecond, parse("--nodes", "1").Election)
	require.Equal(t, time.Second, parse("--nodes", "1", "--election", "1s").Election)

	synced := parse("--nodes", "1", "--no-fsync=false").TargetOptions.(etcd.Options)
	require.True(t, synced.Fsync)
	require.False(t, parse("--nodes", "1").TargetOptions.(etcd.Options).Fsync)
}

// A short plan may stand in the place of a file.
func TestPlanAsItIs(t *testing.T) {
	plan := func(text string) (engine.Config, error) {
		var f Flags
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		f.Add(fs)
		require.NoError(t, fs.Parse([]string{"--nodes", "3", "--plan", text}))
		return f.Config(t.Context(), func(string) {})
	}
	cfg, err := plan("at 5s kill n1; at 7s restart n2")
	require.NoError(t, err)
	require.Len(t, cfg.Plan.Steps, 2)
	require.Equal(t, 8*time.Second, cfg.For)
	_, err = plan("at 5s kill n1; at 7s restart n8")
	require.ErrorContains(t, err, "n8")
	_, err = plan("attic/plan.txt")
	require.ErrorContains(t, err, "no plan \"attic/plan.txt\"")
}
