package nemesis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

func TestViewRoles(t *testing.T) {
	follower := func(node, of string, term uint64) history.Raft {
		return history.Raft{Node: node, What: history.RaftFollower, Peer: of, Term: term}
	}
	tests := []struct {
		name   string
		events []history.Raft
		want   nemesis.Roles
	}{
		{"nothing", nil, nemesis.Roles{}},
		{"an election", []history.Raft{candidate("n1", 2), vote("n2", "n1", 2), leader("n1", 2)}, nemesis.Roles{Leader: "n1", Voter: "n2"}},
		{"a challenge", []history.Raft{leader("n1", 2), candidate("n2", 3)}, nemesis.Roles{Leader: "n1", Candidate: "n2"}},
		{"a late challenge", []history.Raft{leader("n1", 4), candidate("n2", 3)}, nemesis.Roles{Leader: "n1"}},
		{"the later term leads", []history.Raft{leader("n2", 5), leader("n1", 4)}, nemesis.Roles{Leader: "n2"}},
		{"it stepped down", []history.Raft{leader("n1", 4), follower("n1", "", 5)}, nemesis.Roles{}},
		{"in its own term", []history.Raft{leader("n1", 4), follower("n1", "", 4), leader("n1", 4)}, nemesis.Roles{}},
		{"a deposed one steps down", []history.Raft{leader("n1", 4), leader("n2", 5), follower("n1", "n2", 5)}, nemesis.Roles{Leader: "n2"}},
		{"it stands again", []history.Raft{leader("n1", 4), candidate("n1", 5)}, nemesis.Roles{Candidate: "n1"}},
		{"its trace lags behind the tap", []history.Raft{leader("n1", 4), candidate("n1", 4), leader("n1", 4)}, nemesis.Roles{Leader: "n1"}},
		{"it came back as a follower", []history.Raft{leader("n1", 4), {Node: "n1", What: history.RaftStart, Inc: 2, Term: 4}}, nemesis.Roles{}},
		{"seen by those who follow", []history.Raft{follower("n2", "n1", 4)}, nemesis.Roles{Leader: "n1"}},
		{"seen by those who append", []history.Raft{{Node: "n2", What: history.RaftAppend, Peer: "n1", Term: 4, From: 1, To: 1}}, nemesis.Roles{Leader: "n1"}},
		{"seen by its commits", []history.Raft{{Node: "n1", What: history.RaftCommit, Lead: true, Term: 4, Index: 1}}, nemesis.Roles{Leader: "n1"}},
		{"a vote for itself", []history.Raft{vote("n1", "n1", 2)}, nemesis.Roles{}},
		{"a vote that got lost", []history.Raft{{Source: history.Tap, Stage: history.Dropped, Node: "n2", What: history.RaftVote, Peer: "n1", Term: 2, Granted: true}}, nemesis.Roles{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := nemesis.NewView()
			for _, e := range tt.events {
				v.Observe(e)
			}
			require.Equal(t, tt.want, v.Roles())
		})
	}
}

// Who leads another group than the main one is nobody to aim at.
func TestViewOfTheMainGroup(t *testing.T) {
	v := nemesis.NewView()
	v.Observe(history.Raft{What: history.RaftLeader, Node: "n1", Term: 3})
	v.Observe(history.Raft{What: history.RaftLeader, Node: "n2", Term: 7, Group: "a"})
	require.Equal(t, "n1", v.Roles().Leader)
}
