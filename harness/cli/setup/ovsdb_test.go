package setup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/ovsdb"
)

func TestOvsdb(t *testing.T) {
	dir, empty := t.TempDir(), t.TempDir()
	for _, name := range []string{"ovsdb-server", "ovsdb-tool"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho 'ovsdb-server (Open vSwitch) 3.1.0'\n"), 0o755))
	}
	parse := func(flags ...string) (engine.Config, error) {
		var f Flags
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		f.Add(fs)
		require.NoError(t, fs.Parse(append([]string{"--target", "ovsdb"}, flags...)))
		return f.Config(t.Context(), func(string) {})
	}
	cfg, err := parse("--binary", dir)
	require.NoError(t, err)
	require.Equal(t, []any{3, time.Second, 333 * time.Millisecond, "mixed"}, []any{cfg.Nodes, cfg.Election, cfg.Heartbeat, cfg.Workload})
	cfg, err = parse("--binary", dir, "--election", "400ms", "--careless", "again", "--nodes", "5")
	require.NoError(t, err)
	require.Equal(t, []any{5, 400 * time.Millisecond, 133 * time.Millisecond}, []any{cfg.Nodes, cfg.Election, cfg.Heartbeat})

	saved, err := json.Marshal(cfg.TargetOptions)
	require.NoError(t, err)
	again := engine.Config{TargetName: "ovsdb"}
	require.NoError(t, (&Saved{}).Build(t.Context(), &again, saved, func(string) {}))
	require.Equal(t, cfg.TargetOptions, again.TargetOptions)
	require.Equal(t, "again", again.TargetOptions.(ovsdb.Options).Careless)

	for says, flags := range map[string][]string{
		"no ovsdb-server in " + empty + ": install":      {"--binary", empty},
		"three times an election timer":                  {"--binary", dir, "--heartbeat", "50ms"},
		"leave --vary out":                               {"--binary", dir, "--vary"},
		`careless "very": use one of`:                    {"--binary", dir, "--careless", "very"},
		"ovsdb-server wants whole milliseconds from 100": {"--binary", dir, "--election", "30ms"},
	} {
		_, err := parse(flags...)
		require.ErrorContains(t, err, says)
		require.Equal(t, 0, strings.Count(err.Error(), "\n"), "a line")
	}
}
