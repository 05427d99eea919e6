package nights

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

func TestNameOfARun(t *testing.T) {
	e := entry.Entry{Seed: 3, Class: entry.Broken, Why: "no disk", Axes: map[string]string{"nodes": "4"}, Elapsed: 7 * time.Second}
	require.Equal(t, "seed 3 (4 members): broken in 7.0s: no disk", entryLine(&e))
}

// The page goes to the end of what is there, and nowhere unless GitHub names a file.
func TestStepSummary(t *testing.T) {
	require.NoError(t, stepSummary("", "# a night\n"))
	path := filepath.Join(t.TempDir(), "summary")
	require.NoError(t, os.WriteFile(path, []byte("before\n"), 0o644))
	require.NoError(t, stepSummary(path, "# a night\n"))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "before\n# a night\n\n", string(got))
	require.ErrorContains(t, stepSummary(filepath.Join(path, "x"), ""), "$GITHUB_STEP_SUMMARY")
}

// A table has what each run last told of itself, and a line what was not valid since the
// last one.
func TestNightWatch(t *testing.T) {
	out := &bytes.Buffer{}
	show := &screen.Status{Out: out, Size: func() (int, int) { return 100, 24 }}
	w := &nightWatch{show: show, facts: entry.Facts{Runs: 4, Begun: time.Now()}, told: &nightReport{}, under: make(map[underWay]string)}
	work := t.TempDir()
	tell := ProgressFile(filepath.Join(work, "entry.json"), 20*time.Second)
	tell(engine.Progress{At: 8 * time.Second, Phase: "attack", Leader: history.Leadership{Node: "n2", Term: 4}, Faults: []string{"pause n1"}, PerSec: 31})
	tell(engine.Progress{At: 8100 * time.Millisecond, Phase: "final"}) // too soon
	w.began(night.Job{Number: 3, Seed: 103, Cell: &night.Cell{Name: "reference"}}, work)
	w.began(night.Job{Number: 4, Seed: 104, Cell: &night.Cell{Name: "reference"}}, t.TempDir())
	w.tick()
	require.Contains(t, out.String(), "0 of 4 runs; 2 clusters running\n")
	require.Contains(t, out.String(), "  reference  seed 103  attack  12s left  n2 leads 4  31 ok/s  pause n1\n")
	require.Contains(t, out.String(), "  reference  seed 104")

	show.Done()
	show.Size = nil
	out.Reset()
	w.ended(entry.Entry{Number: 3, Cell: "reference", Seed: 103, Class: entry.Valid})
	for seed := uint64(104); seed < 106; seed++ {
		w.ended(entry.Entry{Number: 4, Seed: seed, Class: entry.Broken, Why: "no \x1bdisk\nat all"})
	}
	w.ended(entry.Entry{Control: "double-vote", Class: entry.Invalid}) // as it should be
	require.Empty(t, out.String())
	w.tick()
	require.Contains(t, out.String(), "0 of 4 runs; 1 cluster running; seed 104: broken in 0.0s: no \\x1bdisk at all; and 1 more that were not valid\n")
}
