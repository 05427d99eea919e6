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
