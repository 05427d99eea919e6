package harness_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/reference"
)

const corpus = "../results/corpus"

// saved makes the node that a run was made with, bug included, or one with another
// bug.
func saved(bug *string) func(string, *engine.Config) error {
	return func(_ string, cfg *engine.Config) error {
		var o reference.Options
		if err := json.Unmarshal(cfg.TargetOptions.(json.RawMessage), &o); err != nil {
			return err
		}
		if o.Binary = binary; bug != nil {
			o.Bug = *bug
		}
		target, err := reference.New(o)
		cfg.Target, cfg.TargetOptions = target, o
		return err
	}
}

// Every history in the corpus keeps its verdict, and every plan that was measured to
// break its rule nearly always breaks it again, in one of a few runs: the nodes are
// still broken on purpose.
func TestCorpus(t *testing.T) {
	harness.Catches(t, corpus, harness.TestConfig{System: saved(nil)})
}

// What TestMended looks at, in a process of its own.
var (
	keptRuns = flag.String("kept", "", "a directory of kept runs for TestMended")
	keptBug  = flag.String("bug", "", "the bug of its nodes")
)

// TestMended is the regression test of somebody else.
func TestMended(t *testing.T) {
	if *keptRuns == "" {
		t.Skip("run by TestCorpusStaysMended")
	}
	harness.Corpus(t, *keptRuns, harness.TestConfig{System: saved(keptBug)})
}

// A regression test is red while the bug is there, with its story, green once it is
// mended, and red if the history is no longer judged as it was.
func TestCorpusStaysMended(t *testing.T) {
	if testing.Short() {
		t.Skip("runs clusters")
	}
	t.Parallel()
	root, runs := t.TempDir(), t.TempDir()
	kept := filepath.Join(root, "deaf-timer")
	require.NoError(t, os.CopyFS(kept, os.DirFS(filepath.Join(corpus, "deaf-timer"))))
	mended := func(flags ...string) (string, int) {
		return test(t, "TestMended", append(flags, "-kept", root, "-chaos.results", runs)...)
	}
	out, status := mended()
	require.Equal(t, 0, status, out)
	require.Contains(t, out, "--- PASS: TestMended/deaf-timer")

	out, status = mended("-bug", "deaf-timer")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "timers: stood although its leader was alive")
	require.Contains(t, out, "again: go test github.com/usurper/usurper/harness -run '^TestMended$/^deaf-timer$' -count 1")

	expected := filepath.Join(kept, "expected.json")
	require.NoError(t, os.WriteFile(expected, []byte(`{"verdict": "valid"}`), 0o644))
	out, status = mended("-test.short")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "the history was valid when it was kept, and is invalid now")

	require.NoError(t, os.WriteFile(expected, []byte(`{"verdict": "invalid", "breach": {"checker": "votes", "rule": "two votes in one term"}}`), 0o644))
	out, status = mended("-test.short")
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "the history was kept for votes: two votes in one term, which is no longer found; broken is timers")

	require.NoError(t, os.Remove(expected))
	out, status = mended()
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "is no kept run: keep it first")

	require.NoError(t, os.RemoveAll(kept))
	out, status = mended()
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "no run is kept below "+root+": keep one with -chaos.keep=RUN")
}

// A run on disks that this machine lacks is judged by its history, and skipped, which says
// why.
func TestCorpusOnDisksThatAreNotThere(t *testing.T) {
	root := t.TempDir()
	kept := filepath.Join(root, "deaf-timer")
	require.NoError(t, os.CopyFS(kept, os.DirFS(filepath.Join(corpus, "deaf-timer"))))
	path := filepath.Join(kept, "config.json")
	config := map[string]any{}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &config))
	config["disk"] = "btrfs"
	b, err = json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, b, 0o644))
	lacking := func() (string, int) { // without loop devices, if it has any
		cmd := exec.Command(binary, "-test.paniconexit0", "-test.run", "^TestMended$", "-test.v", "-kept", root)
		if disk.Available(disk.Btrfs, "") == nil {
			cmd = exec.Command("unshare", append([]string{"-m", "sh", "-c", `mount --bind /dev/null /dev/loop-control && exec "$0" "$@"`}, cmd.Args...)...)
		}
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, status := lacking()
	require.Equal(t, 0, status, out)
	require.Contains(t, out, "--- SKIP: TestMended/deaf-timer")
	require.Contains(t, out, "its history alone is judged: disks of kind btrfs are not available: ")

	expected := filepath.Join(kept, "expected.json")
	require.NoError(t, os.WriteFile(expected, []byte(`{"verdict": "valid"}`), 0o644))
	out, status = lacking()
	require.Equal(t, 1, status, out)
	require.Contains(t, out, "the history was valid when it was kept, and is invalid now")
}

// The corpus is small enough to live in the repository.
func TestCorpusIsSmall(t *testing.T) {
	var size int64
	require.NoError(t, filepath.Walk(corpus, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return err
	}))
	require.Less(t, size, int64(5<<20))
}
