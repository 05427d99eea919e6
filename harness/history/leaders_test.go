package history_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func claims(at time.Duration, node string, inc, term uint64, role string) history.Event {
	return history.Event{At: at, Claim: &history.Claim{Node: node, Inc: inc, Role: role, Term: term}}
}

func leads(at time.Duration, source history.Source, node string, term uint64) history.Event {
	return history.Event{At: at, Raft: &history.Raft{Source: source, Node: node, What: history.RaftLeader, Term: term}}
}

func begins(shown bool) history.Event {
	return history.Event{Run: &history.Run{What: history.RunBegin, Traced: shown}}
}

// thrones feeds events and returns the leaderships that they are the first to tell of.
func thrones(l *history.Leaders, events ...history.Event) []history.Leadership {
	var all []history.Leadership
	for i := range events {
		if lead, first := l.Take(&events[i]); first {
			all = append(all, lead)
		}
	}
	return all
}

func TestLeadersByEvidence(t *testing.T) {
	t.Parallel()
	var l history.Leaders
	got := thrones(&l, begins(true),
		claims(1, "n9", 1, 7, "leader"), // says so, while traces tell
		leads(2, history.Tap, "n1", 3), leads(3, history.Trace, "n1", 3),
		leads(4, history.Trace, "n2", 2), // late
	)
	require.Equal(t, []history.Leadership{{"n1", 3, 2, history.ByTap}, {"n2", 2, 4, history.ByTrace}}, got)
	require.Equal(t, "n1", l.Now().Node)
	down := history.Event{Proc: &history.Proc{Node: "n1", What: history.ProcExit, Inc: 1}}
	require.Empty(t, thrones(&l, down))
	require.Equal(t, history.Leadership{Term: 3, At: 2, By: history.ByTap}, l.Now())
}

func TestLeadersByTheirOwnWord(t *testing.T) {
	t.Parallel()
	var l history.Leaders
	exit := func(node string, inc uint64) history.Event {
		return history.Event{Proc: &history.Proc{Node: node, What: history.ProcExit, Inc: inc}}
	}
	got := thrones(&l, begins(false),
		claims(1, "n1", 1, 0, ""), claims(2, "n1", 1, 3, "candidate"),
		claims(3, "n1", 1, 3, "leader"), claims(4, "n1", 1, 3, "leader"), claims(5, "n2", 1, 3, "follower"),
		claims(6, "n2", 1, 4, "leader"), claims(7, "n1", 1, 3, "leader"), // n1 is cut off and does not know
	)
	require.Equal(t, []history.Leadership{{"n1", 3, 3, history.BySelf}, {"n2", 4, 6, history.BySelf}}, got)
	require.Equal(t, "n2", l.Now().Node)

	got = thrones(&l, exit("n2", 1), claims(8, "n2", 1, 4, "leader")) // asked before it ended
	require.Empty(t, got)
	require.Empty(t, l.Now().Node)
	got = thrones(&l, claims(9, "n2", 2, 5, "leader"))
	require.Equal(t, []history.Leadership{{"n2", 5, 9, history.BySelf}}, got)
	require.Empty(t, thrones(&l, claims(10, "n2", 2, 5, "follower")))
	require.Empty(t, l.Now().Node)
}

// Where members name no term, the last who began to say so leads.
func TestLeadersWithoutTerms(t *testing.T) {
	t.Parallel()
	var l history.Leaders
	got := thrones(&l, begins(false),
		claims(1, "n1", 1, 0, "leader"), claims(2, "n2", 1, 0, "leader"), claims(3, "n1", 1, 0, "leader"),
		claims(4, "n2", 1, 0, "leader"))
	require.Equal(t, []history.Leadership{{"n1", 0, 1, history.BySelf}, {"n2", 0, 2, history.BySelf}}, got)
	require.Equal(t, "n2", l.Now().Node)
}

// Where members are of several groups, one is followed.
func TestLeadersOfAGroup(t *testing.T) {
	t.Parallel()
	other := leads(1, history.Tap, "n2", 9)
	other.Raft.Group = "a"
	events := []history.Event{begins(true), leads(1, history.Tap, "n1", 3), other}
	var main history.Leaders
	require.Equal(t, []history.Leadership{{"n1", 3, 1, history.ByTap}}, thrones(&main, events...))
	a := history.Leaders{Group: "a"}
	require.Equal(t, []history.Leadership{{"n2", 9, 1, history.ByTap}}, thrones(&a, events...))
	require.Empty(t, thrones(&history.Leaders{Group: "a"}, begins(false), claims(2, "n1", 1, 3, "leader")), "that is about the main one")
}
