package harness_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target/reference"
)

var _ = harness.Flags(flag.CommandLine)

// TestChaos is the reference node's own chaos test, and the example for those of
// other systems:
//
//	go test ./harness -run Chaos -chaos.for 2h -chaos.seed 7 -timeout 0
//	go test ./harness -run Chaos -chaos.target double-vote
//
// The second is a node with a deliberate bug: the test must fail.
func TestChaos(t *testing.T) {
	t.Parallel()
	cfg := engine.Default()
	cfg.For, cfg.Rate, cfg.Clients = 4*time.Second, 100, 6
	harness.Test(t, harness.TestConfig{
		Config:      cfg,
		SkipUnknown: true, // other tests run beside it
		System: func(bug string, cfg *engine.Config) error {
			o := reference.Options{
				Binary: binary, Bug: bug, SnapshotEvery: 200,
				Seed: cfg.Seed, Election: cfg.Election, Heartbeat: cfg.Heartbeat,
			}
			target, err := reference.New(o)
			cfg.Target, cfg.TargetOptions = target, o
			return err
		},
	})
}

// chaos runs TestChaos in a process of its own with these flags, and returns what
// it printed and its exit status.
func chaos(t *testing.T, flags ...string) (string, int) {
	t.Helper()
	return test(t, "TestChaos", flags...)
}

// test runs one test as the go command does, which -test.paniconexit0 tells of.
func test(t *testing.T, name string, flags ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"-test.paniconexit0", "-test.run", "^" + name + "$", "-test.v"}, flags...)...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// A failing test tells the story, where the run is, and how to repeat it, and
// that does repeat it.
func TestChaosFails(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	t.Parallel()
	root := filepath.Join(t.TempDir(), "runs")
	out, status := chaos(t, "-chaos.target", "deaf-timer", "-chaos.plan", "none", "-chaos.for", "1s", "-chaos.seed", "9", "-chaos.results", root)
	require.Equal(t, 1, status, out)
	require.Regexp(t, `timers: stood although its leader was alive\n`, out)
	require.Regexp(t, `(?m)^ *> +[0-9.]+s  n\d stands in term `, out)
	dir, err := results.Open(root)
	require.NoError(t, err)
	path, err := filepath.EvalSymlinks(dir.String())
	require.NoError(t, err)
	require.Contains(t, out, "run directory: "+path)
	again := "-chaos.replay=" + path
	require.Contains(t, out, "again: go test github.com/usurper/usurper/harness -run '^TestChaos$' -count 1 "+again)
	saved, err := engine.Load(dir)
	require.NoError(t, err)
	require.Equal(t, uint64(9), saved.Config.Seed)
	require.Empty(t, saved.Config.Plan.Steps)

	out, status = chaos(t, again, "-chaos.target", "deaf-timer", "-chaos.results", root)
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "timers: stood although its leader was alive")
}

func TestChaosRefuses(t *testing.T) {
	t.Parallel()
	bad := filepath.Join(t.TempDir(), "bad.txt")
	require.NoError(t, os.WriteFile(bad, []byte("at 1s for 1s kill n9"), 0o644))
	for want, flags := range map[string][]string{
		`bad.txt:1: unknown member "n9"`: {"-chaos.plan", bad},
		"is not a run directory":         {"-chaos.replay", t.TempDir()},
		`unknown bug "gremlins"`:         {"-chaos.target", "gremlins"},
		"did you mean weak-links?":       {"-chaos.theme", "power-loss,week-links"},
		`no plan "kils": use random, kills, none, one of first-election, `: {"-chaos.plan", "kils"},
		"add -chaos.plan=random": {"-chaos.theme", "power-loss", "-chaos.plan", "none"},
	} {
		out, status := chaos(t, flags...)
		require.Equal(t, 1, status)
		require.Contains(t, out, want)
	}
}

// A valid run tells with -v what it has shown, and stays where somebody asked for it.
func TestChaosKeepsWhatWasAskedFor(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	t.Parallel()
	root := filepath.Join(t.TempDir(), "runs")
	for name, flags := range map[string][]string{
		"results":   {"-chaos.results", root},
		"artifacts": {"-test.artifacts", "-test.outputdir", root},
	} {
		require.NoError(t, os.MkdirAll(root, 0o755))
		out, status := chaos(t, append(flags, "-chaos.plan", "kills", "-chaos.for", "2s")...)
		require.Zero(t, status, out)
		if strings.Contains(out, "--- SKIP") {
			t.Skip("the machine is too busy for a verdict")
		}
		require.Regexp(t, `(?m)^ +valid +linearizable `, out, name)
		found := regexp.MustCompile(`(?m)^ *run directory: (.*)$`).FindStringSubmatch(out)
		require.NotNil(t, found, out)
		dir, err := results.Open(found[1])
		require.NoError(t, err, name)
		require.True(t, strings.HasPrefix(found[1], root+"/"), found[1])
		saved, err := engine.Load(dir)
		require.NoError(t, err)
		require.Equal(t, "kills", saved.Config.PlanName)
		require.NoError(t, os.RemoveAll(root))
	}
}

// A -timeout that leaves no time for a run says so, and which would do.
func TestChaosHasNoTime(t *testing.T) {
	t.Parallel()
	out, status := chaos(t, "-chaos.for", "2s", "-chaos.plan", "none", "-test.timeout", "20s", "-chaos.results", t.TempDir())
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "too soon to begin: a run attacks for 2s and needs 20s to wind down: use -timeout 42s or more")
}

// The command that repeats a run is one for a shell, whatever its path.
func TestChaosCommandIsQuoted(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	t.Parallel()
	root := filepath.Join(t.TempDir(), "it's here; now")
	out, status := chaos(t, "-chaos.target", "deaf-timer", "-chaos.plan", "none", "-chaos.for", "1s", "-chaos.results", root)
	require.Equal(t, 1, status, out)
	line := regexp.MustCompile(`(?m)again: go test (.*)$`).FindStringSubmatch(out)
	require.NotNil(t, line, out)
	words, err := exec.Command("sh", "-c", `printf '%s\n' `+line[1]).Output()
	require.NoError(t, err)
	dir, err := results.Open(root)
	require.NoError(t, err)
	path, err := filepath.EvalSymlinks(dir.String())
	require.NoError(t, err)
	require.Contains(t, string(words), "\n-chaos.replay="+path+"\n")
}

// Before -timeout strikes the run winds down and reports; no process is left.
func TestChaosWindsDown(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a cluster")
	}
	t.Parallel()
	root := filepath.Join(t.TempDir(), "runs")
	out, status := chaos(t, "-chaos.for", "1h", "-chaos.plan", "none", "-test.timeout", "25s", "-chaos.results", root)
	require.Equal(t, 1, status, out)
	require.Contains(t, strings.Join(strings.Fields(out), " "), "-timeout is near: give it a longer one, or 0 for none")
	require.NotContains(t, out, "panic: test timed out")
	requireNoneLeft(t, root)
}
