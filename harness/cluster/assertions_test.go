package cluster_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// asserting is a target whose scripts write assertions to $SAYS.
type asserting struct{ shell }

func (a asserting) AssertionFile(m target.Member) string { return target.AssertionPath(m) }

func (a asserting) Command(m target.Member) (target.Command, error) {
	c, err := a.shell.Command(m)
	c.Env = append(c.Env, "SAYS="+a.AssertionFile(m))
	return c, err
}

// What each process of a member asserts is in the history, as far as it can be read.
func TestAssertionsAreRecorded(t *testing.T) {
	const script = `echo '{"antithesis_sdk":{}}' >>$SAYS
echo '{"antithesis_assert":{"assert_type":"always","message":"m","hit":true,"condition":true}}' >>$SAYS
echo 'no JSON' >>$SAYS; sleep 100`
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	c, err := cluster.New(cluster.Options{
		Target: asserting{shell{script}}, Host: host, Dir: dir, Record: rec.add,
		Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, host.Close()) })
	told := func() (asserts, messages, holes int) {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		for _, e := range rec.events {
			switch {
			case e.Run == nil || e.Run.What != history.RunAssertion:
			case e.Run.Assertion != nil && e.Run.Assertion.Message == "m":
				messages++
			case e.Run.Text == "":
				asserts++
			default:
				require.Contains(t, e.Run.Text, ".jsonl:3: no line of assertions")
				holes++
			}
		}
		return asserts, messages, holes
	}
	for process := 1; process <= 2; process++ {
		require.NoError(t, c.Start(t.Context(), "n1"))
		require.Eventually(t, func() bool { _, _, holes := told(); return holes == process }, 30*time.Second, time.Millisecond)
		_, err = c.Kill(t.Context(), "n1")
		require.NoError(t, err)
		asserts, messages, _ := told()
		require.Equal(t, []int{process, process}, []int{asserts, messages})
	}
}
