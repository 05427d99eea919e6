package zookeeper_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/zookeeper"
	"github.com/usurper/usurper/nemesis"
)

// Three members lose their leader: the elections are judged from the wire, of which every
// byte is understood, and no connection goes past the fabric.
func TestLive(t *testing.T) {
	jar, java, err := zookeeper.Find(t.Context())
	if err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("starts three JVMs")
	}
	version, err := zookeeper.Version(jar)
	require.NoError(t, err)
	plan, err := nemesis.Parse("plan", "at 500ms for 1500ms kill leader")
	require.NoError(t, err)
	cfg := engine.Default()
	cfg.Nodes, cfg.Plan, cfg.For, cfg.Results, cfg.Seed = 3, &plan, 4*time.Second, t.TempDir(), 1
	cfg.Election = time.Second
	tgt, err := zookeeper.New(zookeeper.Options{Jar: jar, Java: java, Election: cfg.Election})
	require.NoError(t, err)
	cfg.Target = tgt
	cfg.Suit()
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	text := result.Report.String()
	require.NotEqual(t, checker.Invalid, result.Report.Verdict, text)
	if !zookeeper.Captured(version) {
		t.Skip("its protocol was never looked at: ", version)
	}
	for _, name := range []string{"election", "votes", "logs"} {
		i := slices.IndexFunc(result.Report.Results, func(r checker.Result) bool { return r.Checker == name })
		require.GreaterOrEqual(t, i, 0, name)
		require.Equal(t, checker.Valid, result.Report.Results[i].Verdict, text)
	}
	require.NotContains(t, text, "could not be decoded")
	require.Contains(t, text, "with a leader, never with two")
	require.False(t, strings.Contains(text, " 0 terms with a leader"), text)
}
