package harness_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

// A failure is counted, shrunk, and kept, by the commands that each step prints.
func TestChaosGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("runs clusters")
	}
	t.Parallel()
	root := filepath.Join(t.TempDir(), "runs")
	buggy := func(flags ...string) (string, int) {
		return chaos(t, append(flags, "-chaos.target", "deaf-timer", "-chaos.results", root)...)
	}
	out, status := buggy("-chaos.plan", "none", "-chaos.for", "1s")
	require.Equal(t, 1, status, out)
	found, err := results.Open(root)
	require.NoError(t, err)
	path, err := filepath.EvalSymlinks(found.String())
	require.NoError(t, err)
	require.Contains(t, out, " -v -chaos.shrink="+path+" -chaos.target=deaf-timer\n")

	out, status = buggy("-chaos.replay", path, "-chaos.times", "2")
	require.Equal(t, 1, status, out)
	require.Regexp(t, `(?m) REPRODUCED  [12] of 2 \(95 % sure: \d+ % to \d+ %\)  timers: stood although its leader was alive$`, out)
	out, status = chaos(t, "-chaos.replay", path, "-chaos.times", "1", "-chaos.results", root)
	require.Equal(t, 0, status, out)
	require.Contains(t, out, "NOT REPRODUCED  0 of 1 (95 % sure: 0 % to 98 %)  timers: stood although its leader was alive\n")

	out, status = buggy("-chaos.shrink", path, "-chaos.budget", "25s")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "SHRUNK  timers: stood although its leader was alive\n")
	require.Contains(t, out, "(no fault: the system fails by itself)")
	shrunk, err := results.Open(root)
	require.NoError(t, err)
	require.Contains(t, shrunk.Name(), "-shrunk")
	require.Contains(t, out, "-chaos.keep=")

	corpus := filepath.Join(t.TempDir(), "kept")
	out, status = buggy("-chaos.keep", root, "-chaos.corpus", corpus, "-chaos.name", "hears-nobody")
	require.Equal(t, 0, status, out)
	kept, err := results.Open(filepath.Join(corpus, "hears-nobody"))
	require.NoError(t, err)
	want, err := reproduce.ReadExpected(kept)
	require.NoError(t, err)
	require.Equal(t, "timers", want.Breach.Checker)
	saved, err := engine.Load(kept)
	require.NoError(t, err)
	require.Empty(t, saved.Config.Plan.Steps)
	out, status = buggy("-chaos.keep", root, "-chaos.corpus", corpus, "-chaos.name", "hears-nobody")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "hears-nobody is there already: choose another name, or remove it")
}

// What cannot be done with a run is told with what can.
func TestChaosRefusesSavedRuns(t *testing.T) {
	t.Parallel()
	none := t.TempDir()
	clean, err := filepath.Abs(filepath.Join(corpus, "clean-register"))
	require.NoError(t, err)
	broken, err := filepath.Abs(filepath.Join(corpus, "deaf-timer"))
	require.NoError(t, err)
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.CopyFS(other, os.DirFS(broken)))
	config, err := os.ReadFile(filepath.Join(other, "config.json"))
	require.NoError(t, err)
	require.Contains(t, string(config), `"target": "reference"`)
	for want, flags := range map[string][]string{
		none + " is not a run directory":                                              {"-chaos.shrink", none},
		"no such file or directory (seen from the folder of the package, ":            {"-chaos.shrink", "nowhere/latest"},
		"nothing to reproduce: the verdict is valid":                                  {"-chaos.shrink", clean},
		"clean-register: nothing to reproduce":                                        {"-chaos.replay", clean, "-chaos.times", "3"},
		"-chaos.replay and -chaos.shrink: give one of them":                           {"-chaos.shrink", broken, "-chaos.replay", broken},
		"-chaos.shrink: name a run directory":                                         {"-chaos.shrink="},
		"-chaos.times goes with -chaos.replay, which is not given":                    {"-chaos.times=3"},
		"-chaos.budget goes with -chaos.shrink, which is not given":                   {"-chaos.budget=3m"},
		"-chaos.name goes with -chaos.keep, which is not given":                       {"-chaos.shrink", broken, "-chaos.name", "x"},
		"-chaos.times: use at least 1":                                                {"-chaos.replay", broken, "-chaos.times=0"},
		"-chaos.budget: use a positive duration such as 3m":                           {"-chaos.shrink", broken, "-chaos.budget=-3m"},
		"takes the plan, its length and the seed from the run: leave out -chaos.plan": {"-chaos.replay", broken, "-chaos.plan=none"},
		"too soon to shrink for 10m0s: use -timeout 11m40s or more, 0 for none":       {"-chaos.shrink", broken, "-chaos.budget=10m", "-test.timeout=2m"},
		`the name "Bad Name": use small letters, digits and single hyphens`:           {"-chaos.keep", broken, "-chaos.corpus", none, "-chaos.name", "Bad Name"},
	} {
		out, status := chaos(t, flags...)
		require.Equal(t, 1, status, "%v: %s", flags, out)
		require.Contains(t, out, want, "%v", flags)
	}

	config = bytes.Replace(config, []byte(`"target": "reference"`), []byte(`"target": "abacus"`), 1)
	require.NoError(t, os.WriteFile(filepath.Join(other, "config.json"), config, 0o644))
	for _, flag := range []string{"-chaos.shrink", "-chaos.replay", "-chaos.keep"} {
		out, status := chaos(t, flag, other)
		require.Equal(t, 1, status, out)
		require.Contains(t, out, `is a run of "abacus", and this test is about "reference": name the test that made it with -run`)
	}
}
