package reference

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/node"
)

// Members of a varied cluster differ, each the same after every restart, and the node
// takes what is drawn; no rule is stated that one of them may break.
func TestVary(t *testing.T) {
	o := Options{Binary: "/bin/usurper", Vary: true, PreVote: true, SnapshotEvery: 100,
		Election: 150 * time.Millisecond, Heartbeat: 30 * time.Millisecond}
	seen := make(map[string]bool)
	preVotes := 0
	for o.Seed = range uint64(50) {
		tgt, err := New(o)
		require.NoError(t, err)
		require.NotContains(t, tgt.Rules(), history.PreVotes, "some do not ask")
		require.Contains(t, tgt.Rules(), history.Timers)
		for _, name := range []string{"n1", "n2"} {
			m := target.Member{Name: name, PeerAddr: "127.0.0.1:7701", ClientAddr: "127.0.0.1:7702", DataDir: "/d", Inc: 1}
			cmd, err := tgt.Command(m)
			require.NoError(t, err)
			again, err := tgt.Command(m)
			require.NoError(t, err)
			require.Equal(t, cmd, again)
			require.NoError(t, node.Command().ParseFlags(cmd.Args[1:]))
			require.NotEmpty(t, target.Variation(tgt, name))
			v := tgt.member(name)
			require.GreaterOrEqual(t, v.election, o.Election)
			require.LessOrEqual(t, v.heartbeat, o.Heartbeat)
			require.GreaterOrEqual(t, v.snapshotEvery, uint64(25))
			require.LessOrEqual(t, v.snapshotEvery, uint64(400))
			seen[target.Variation(tgt, name)] = true
			if strings.Contains(target.Variation(tgt, name), "pre-votes") {
				preVotes++
			}
		}
	}
	require.Greater(t, len(seen), 95)
	require.Greater(t, preVotes, 25)
	require.Less(t, preVotes, 75)

	o.Vary = false
	alike, err := New(o)
	require.NoError(t, err)
	require.Empty(t, target.Variation(alike, "n1"))
	require.Contains(t, alike.Rules(), history.PreVotes)
	o.Vary, o.Bug = true, "skip-pre-vote"
	all, err := New(o)
	require.NoError(t, err)
	require.Contains(t, all.Rules(), history.PreVotes, "the bug is about members that all ask")
	for _, name := range []string{"n1", "n2", "n3"} {
		require.True(t, all.member(name).preVote)
	}
}
