package seen_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/seen"
)

// saved copies a kept run, and judges it.
func saved(t *testing.T, name string) (results.Dir, checker.Report) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's a run")
	require.NoError(t, os.CopyFS(path, os.DirFS(filepath.Join("..", "..", "results", "corpus", name))))
	dir, err := results.Open(path)
	require.NoError(t, err)
	h, err := history.Open(dir.History())
	require.NoError(t, err)
	defer h.Close()
	report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
	require.NoError(t, err)
	return dir, report
}

func lines(p picture.Picture) (all []string) {
	for _, c := range p.Commands {
		all = append(all, c.Line)
	}
	return all
}

// A picture has what the directory tells beside the history, and commands that a shell
// takes.
func TestPicture(t *testing.T) {
	dir, report := saved(t, "double-vote")
	require.NoError(t, dir.WriteText(results.ConfigFile, `{"format": 99, "news": {}, "command": ["/tmp/x/usurper", "run", "--plan", "a b"], "build": {"usurper": "v9", "go": "go1", "platform": "p/q", "cpus": 3}}`))
	p, err := seen.Picture(dir, report)
	require.NoError(t, err)
	require.Equal(t, "it's a run", p.Title)
	require.Equal(t, "usurper run --plan 'a b'", p.Command)
	require.Equal(t, []string{"usurper v9", "go1", "p/q, 3 processors"}, p.Versions)
	path := results.Quote(dir.String())
	require.Equal(t, []string{"usurper check " + path, "usurper explain " + path, "usurper replay " + path, "usurper shrink " + path, "usurper keep " + path}, lines(p))
	require.Contains(t, p.Missing, "there is no plan-executed.txt: the plan is shown as it was written, not as it came to pass")

	require.NoError(t, dir.WriteText(results.ExecutedFile, "# as it was\n"))
	p, err = seen.Picture(dir, report)
	require.NoError(t, err)
	require.Equal(t, "# as it was\n", p.Plan)
	require.NotContains(t, p.Missing, "there is no plan-executed.txt: the plan is shown as it was written, not as it came to pass")
}

// A picture tells of the first violation of each rule what led to it.
func TestCauses(t *testing.T) {
	dir, report := saved(t, "stale-log-vote")
	p, err := seen.Picture(dir, report)
	require.NoError(t, err)
	broken := report.Breaches()
	require.Greater(t, len(broken), 3)
	require.Len(t, p.Causes, len(broken))
	for i, c := range p.Causes {
		v, _ := report.Violation(broken[i])
		proof := p.Proofs[c.Proof]
		require.Equal(t, broken[i].Checker, proof.Checker)
		require.Equal(t, v.Rule, proof.Rule)
		require.Greater(t, len(c.Events), len(proof.Events), broken[i])
		require.LessOrEqual(t, len(c.Events), 40)
		for k := range proof.Events {
			require.Zero(t, c.Events[k].Distance)
		}
	}
	one := report
	one.Results = nil
	p, err = seen.Picture(dir, one)
	require.NoError(t, err)
	require.Empty(t, p.Causes)
}

// A history alone is drawn as well, and what needs more is not offered.
func TestHistoryAlone(t *testing.T) {
	dir, report := saved(t, "double-vote")
	for _, name := range []string{results.ConfigFile, results.PlanFile} {
		require.NoError(t, os.Remove(dir.Path(name)))
	}
	p, err := seen.Picture(dir, report)
	require.NoError(t, err)
	path := results.Quote(dir.String())
	require.Equal(t, []string{"usurper check " + path, "usurper explain " + path}, lines(p))
	require.Contains(t, p.Missing, "there is no config.json: the command line and the versions of the run are not known")
	require.Contains(t, p.Missing, "there is no plan.txt: no plan is shown")
	require.NotEmpty(t, p.Proofs)
}

// Write leaves one file more, whatever is there.
func TestWrite(t *testing.T) {
	dir, report := saved(t, "clean-lock")
	before, err := os.ReadDir(dir.String())
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, seen.Write(dir, report))
		after, err := os.ReadDir(dir.String())
		require.NoError(t, err)
		require.Len(t, after, len(before)+2)
		require.FileExists(t, dir.Path(results.PageFile))
		require.FileExists(t, dir.Path(results.StillFile))
	}
	require.NoError(t, os.Remove(dir.History()))
	require.ErrorIs(t, seen.Write(dir, report), os.ErrNotExist)
}
