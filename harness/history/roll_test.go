package history_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// An event about somebody who is no member is an error with file and line, whatever
// it tells.
func TestStrangers(t *testing.T) {
	read := func(nodes []string, e history.Event) error {
		var b bytes.Buffer
		for i, e := range []history.Event{{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: nodes}}, e} {
			e.Seq = uint64(i)
			require.NoError(t, json.NewEncoder(&b).Encode(&e))
		}
		r := history.NewReader("h", &b)
		for {
			if _, err := r.Next(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	about := func(name string) []history.Event {
		return []history.Event{
			{Op: &history.Op{Type: history.OK, F: history.FGet, Node: name}},
			{Fault: &history.Fault{What: history.FaultInject, Nodes: []string{"n1", name}}},
			{Proc: &history.Proc{What: history.ProcStart, Node: name}},
			{Raft: &history.Raft{Source: history.Trace, What: history.RaftLeader, Node: name, Term: 1}},
			{Raft: &history.Raft{Source: history.Trace, What: history.RaftVote, Node: "n1", Peer: name, Term: 1}},
			{Raft: &history.Raft{Source: history.Trace, What: history.RaftStart, Node: "n1", Vote: name, Term: 1}},
			{State: &history.State{What: history.StateHash, Node: name}},
			{State: &history.State{What: history.StateDiffer, Key: "k", Held: []history.Held{{Node: name}}}},
			{Claim: &history.Claim{Node: name, Role: "leader", Term: 1}},
			{Run: &history.Run{What: history.RunLog, Node: name, Text: "panic"}},
		}
	}
	for _, e := range about("n9") {
		require.ErrorContains(t, read([]string{"n1", "n2"}, e), `h:2: "n9" is no member of this run, which has n1 n2: `, e.Kind())
		require.NoError(t, read(nil, e), "a history that names no members")
	}
	for _, e := range about("n2") {
		require.NoError(t, read([]string{"n1", "n2"}, e), e.Kind())
	}
	require.NoError(t, read([]string{"n1"}, history.Event{Fault: &history.Fault{What: history.FaultInject, Nodes: []string{"clients", "n1"}}}))
	require.NoError(t, read([]string{"n1"}, history.Event{Claim: &history.Claim{Node: "n1", Leader: "somebody"}}))
}
