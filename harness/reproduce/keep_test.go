package reproduce

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/results"
)

// twoLeaders is a history that breaks a rule.
const twoLeaders = `{"n":0,"t":0,"run":{"what":"begin","format":1,"nodes":["n1","n2","n3"],"traced":true,"election":150000000,"heartbeat":30000000}}
{"n":1,"t":1000000,"raft":{"src":"trace","node":"n1","inc":1,"seq":1,"what":"leader","term":3}}
{"n":2,"t":2000000,"raft":{"src":"trace","node":"n2","inc":1,"seq":1,"what":"leader","term":3}}
{"n":3,"t":4000000,"run":{"what":"end"}}
`

// twoBreaches breaks several.
const twoBreaches = `{"n":0,"t":0,"run":{"what":"begin","format":1,"nodes":["n1","n2","n3"],"traced":true,"election":150000000,"heartbeat":30000000}}
{"n":1,"t":1000000,"raft":{"src":"trace","node":"n1","inc":1,"seq":1,"what":"leader","term":3}}
{"n":2,"t":2000000,"raft":{"src":"trace","node":"n2","inc":1,"seq":1,"what":"leader","term":3}}
{"n":3,"t":3000000,"raft":{"src":"trace","node":"n3","inc":1,"seq":1,"what":"vote","term":4,"peer":"n1","granted":true}}
{"n":4,"t":3100000,"raft":{"src":"trace","node":"n3","inc":1,"seq":2,"what":"vote","term":4,"peer":"n2","granted":true}}
{"n":5,"t":4000000,"run":{"what":"end"}}
`

func TestKeep(t *testing.T) {
	t.Parallel()
	dir := fakeRun(t, t.TempDir())
	for name, text := range map[string]string{
		results.HistoryFile: twoLeaders,
		results.ConfigFile:  `{"format": 1, "nodes": 3, "seed": 18446744073709551615, "results": "/tmp/x", "command": ["/bin/usurper"], "target_options": {"Binary": "/opt/x/system"}}`,
		results.PlanFile:    "at 1s for 1s kill n3\n",
	} {
		require.NoError(t, os.WriteFile(dir.Path(name), []byte(text), 0o644))
	}
	corpus := filepath.Join(t.TempDir(), "corpus")
	kept, e, err := Keep(dir, corpus, "")
	require.NoError(t, err)
	require.Equal(t, "election-two-leaders-in-one-term", kept.Name())
	require.Equal(t, checker.Breach{Checker: "election", Rule: "two leaders in one term"}, e.Breach)
	require.False(t, e.Sure(), "its rate was not measured")
	config, err := os.ReadFile(kept.Path(results.ConfigFile))
	require.NoError(t, err)
	require.JSONEq(t, `{"format": 1, "nodes": 3, "seed": 18446744073709551615, "results": "results", "target_options": {"Binary": "system"}}`, string(config))
	require.Contains(t, string(config), "18446744073709551615")

	again, err := Load(kept, "")
	require.NoError(t, err)
	require.Equal(t, e.Breach, again.Breach)
	require.Equal(t, uint64(18446744073709551615), again.Config.Seed)
	_, _, err = Keep(dir, corpus, "")
	require.ErrorContains(t, err, "is there already")

	require.NoError(t, dir.WriteJSON(ReproductionFile, Reproduction{Breach: e.Breach, Reproduced: 19, Runs: 20, Measured: true}))
	_, e, err = Keep(dir, corpus, "measured")
	require.NoError(t, err)
	require.True(t, e.Sure())
	require.Equal(t, Expected{Shows: e.Shows, Verdict: checker.Invalid, Breach: e.Breach, Reproduced: 19, Runs: 20}, e)
}

// A run that was shrunk for one of the rules that it breaks is about that one, when it
// is kept, and loaded, whichever the history proves first.
func TestKeepWhatItWasShrunkFor(t *testing.T) {
	t.Parallel()
	dir := fakeRun(t, t.TempDir())
	for name, text := range map[string]string{
		results.HistoryFile: twoBreaches,
		results.ConfigFile:  `{"format": 1, "nodes": 3}`,
		results.PlanFile:    "at 1s for 1s kill n3\n",
	} {
		require.NoError(t, dir.WriteText(name, text))
	}
	found, err := Load(dir, "")
	require.NoError(t, err)
	first := found.Report.Breaches()[0]
	second := checker.Breach{Checker: "election", Rule: "two leaders in one term"}
	require.Equal(t, first, found.Breach)
	require.NotEqual(t, first.Checker, second.Checker)

	require.NoError(t, dir.WriteJSON(ReproductionFile, Reproduction{Breach: second, Reproduced: 3, Runs: 4}))
	corpus := filepath.Join(t.TempDir(), "corpus")
	kept, e, err := Keep(dir, corpus, "")
	require.NoError(t, err)
	require.Equal(t, second, e.Breach)
	require.Equal(t, "election-two-leaders-in-one-term", kept.Name())
	again, _, err := Keep(kept, corpus, "again")
	require.NoError(t, err)
	for _, about := range []results.Dir{dir, kept, again} {
		found, err := Load(about, "")
		require.NoError(t, err)
		require.Equal(t, second, found.Breach)
		found, err = Load(about, first.Checker)
		require.NoError(t, err)
		require.Equal(t, first, found.Breach, "who names a checker is asked about that")
	}
	require.NoError(t, dir.WriteJSON(ReproductionFile, Reproduction{Breach: checker.Breach{Checker: "lost", Rule: "gone"}}))
	found, err = Load(dir, "")
	require.NoError(t, err)
	require.Equal(t, first, found.Breach, "it does not show what it was shrunk for")
}
