package tap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// watched returns a cluster of n1, n2 and n3, and what is told of its voters.
func watched(t *testing.T) (c *tap.Cluster, told func() []string) {
	t.Helper()
	d := toy()
	open := d.Open
	d.Open = func(cluster *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		c = cluster
		return open(cluster)
	}
	var events []string
	d.Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) {
		require.Equal(t, history.RaftConfig, e.What)
		events = append(events, fmt.Sprintf("%d,%d%v", e.EntryTerm, e.Index, e.Voters))
	})
	return c, func() []string { return events }
}

func TestVotersByID(t *testing.T) {
	c, told := watched(t)
	require.NoError(t, c.Meet("a", "n1"))
	c.VotersByID("", pos(1, 1), []string{"a"})
	c.VotersByID("", pos(2, 7), []string{"a", "b"})
	c.VotersByID("", pos(2, 7), []string{"a", "b"})
	require.NoError(t, c.Meet("b", "n2"))
	c.VotersByID("", pos(2, 7), []string{"a", "b"})
	c.VotersByID("", pos(1, 1), []string{"a"})
	c.VotersByID("", pos(2, 9), []string{"a", "b"})
	c.VotersByID("", pos(3, 9), []string{"a"})
	require.Equal(t, []string{"1,1[n1]", "2,7[]", "2,7[n1 n2]", "3,9[n1]"}, told())
}

// With the first entry of a log members may begin that never send it to each other.
func TestVotersOfTheFirstEntry(t *testing.T) {
	c, told := watched(t)
	c.VotersByID("", pos(1, 1), []string{"a", "b", "c"})
	require.Empty(t, told())
	for i, id := range []string{"a", "b", "c"} {
		require.NoError(t, c.Meet(id, fmt.Sprint("n", i+1)))
	}
	require.Equal(t, []string{"1,1[n1 n2 n3]"}, told())
}

// A member that came back under its name while the old one is still a voter, or a
// configuration of nobody, cannot be told by names.
func TestVotersThatNamesDoNotTellApart(t *testing.T) {
	c, told := watched(t)
	for _, id := range []string{"a", "b"} {
		require.NoError(t, c.Meet(id, "n1"))
	}
	c.VotersByID("", pos(1, 5), []string{"a", "b"})
	c.VotersByID("", pos(1, 6), nil)
	require.NoError(t, c.Meet("c", "n3"))
	require.Equal(t, []string{"1,5[]", "1,6[]"}, told())
}

func TestVotersOfManyEntriesAreBounded(t *testing.T) {
	c, told := watched(t)
	require.NoError(t, c.Meet("a", "n1"))
	require.NoError(t, c.Meet("b", "n2"))
	for i := range uint64(1000) {
		c.VotersByID("", pos(1, i+2), []string{"a", "b"}[:1+i%2])
	}
	require.Len(t, told(), 257)
	require.Equal(t, "0,0[]", told()[256])
}

// Whom a change leaves the same voters still commits by acknowledging.
func TestEntriesThatChangeNoVoter(t *testing.T) {
	for _, voters := range [][]string{{"n3", "n1", "n2"}, {"n1", "n2"}, nil} {
		r := record("n1", "n2", "n3")
		r.Configured("", pos(4, 9), voters)
		r.sent(appends("n1", 4, pos(4, 10), pos(4, 15), 0))
		for _, from := range []string{"n2", "n3"} {
			r.sent(tap.Message{Kind: tap.AppendResponse, From: from, To: "n1", Term: 4, Log: pos(4, 15)})
		}
		r.Flush()
		require.Equal(t, len(voters) == 3, len(r.take(history.RaftCommit)) == 1)
	}
}
