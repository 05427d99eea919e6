package coverage

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

// However long a history is and whatever is in it, what is kept of it stays small.
func TestNothingGrows(t *testing.T) {
	tally := newTally()
	w := newWatch(&tally, "a")
	const events = 300_000
	for n := range uint64(events) {
		e := history.Event{Seq: n, At: time.Duration(n) * time.Millisecond}
		name := fmt.Sprint("n", n%5000)
		switch n % 6 {
		case 0: // that is never answered
			e.Op = &history.Op{Process: int(n), Type: history.Invoke, F: history.FPut, Key: name, Arg: name, Node: "n1"}
		case 1:
			e.Op = &history.Op{Process: int(n - 1), Type: history.Info}
		case 2:
			e.Fault = &history.Fault{Step: int(n), What: history.FaultInject, Resolved: "at 1s " + name + "x n1", Nodes: []string{"n1"}}
		case 3:
			e.Raft = &history.Raft{Source: history.Trace, Node: name, What: history.RaftLeader, Term: n}
		case 4:
			e.Proc = &history.Proc{Node: name, What: history.ProcExit, Inc: n}
		case 5:
			e.Raft = &history.Raft{Source: history.Trace, Node: name, Inc: n, What: history.RaftCandidate, Term: n}
		}
		w.take(&e)
		require.LessOrEqual(t, len(w.ops), maxOps)
		require.LessOrEqual(t, len(w.open), maxOpen)
		require.LessOrEqual(t, len(w.members), maxMembers)
		require.LessOrEqual(t, len(tally.Kinds), maxKinds)
		require.LessOrEqual(t, len(tally.States.runs), 4*runStates)
	}
	w.finish()
	b, err := json.Marshal(tally)
	require.NoError(t, err)
	require.Less(t, len(b), 16<<10)
}
