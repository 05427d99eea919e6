package reproduce

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// A fault that came soon after an election is fired by that election; one that
// came long after any event keeps its time.
func TestAnchor(t *testing.T) {
	f := finding(t, `at 1s for 1s kill leader
at 3s for 1s isolate leader
at 5s for 1s pause one
at 7s for 1s kill n2`, 3)
	at := func(ms int) time.Duration { return f.Start + time.Duration(ms)*time.Millisecond }
	leads := func(ms int, node string, term uint64, source history.Source) history.Event {
		return history.Event{At: at(ms), Raft: &history.Raft{Source: source, What: history.RaftLeader, Node: node, Term: term}}
	}
	var b bytes.Buffer
	for i, e := range []history.Event{
		{Run: &history.Run{What: history.RunBegin, Format: 1, Nodes: []string{"n1", "n2", "n3"}}},
		leads(-300, "n3", 1, history.Trace),
		leads(2500, "n3", 2, history.Tap),
		leads(2501, "n3", 2, history.Trace),
		leads(4980, "n1", 3, history.Trace),
	} {
		e.Seq = uint64(i)
		line, err := json.Marshal(e)
		require.NoError(t, err)
		b.Write(append(line, '\n'))
	}
	require.NoError(t, os.WriteFile(f.Dir.Path(results.HistoryFile), b.Bytes(), 0o644))
	for i := range f.Firings[:2] {
		f.Firings[i].Nodes = []string{"n3"}
	}
	plan, n, err := Anchor(f)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.True(t, plan.Generated)
	plan.Generated = false
	require.Equal(t, `at 1s  for 1s  kill leader
on leader after 500ms for 1s isolate it
on leader from 3.74s after 20ms for 1s pause one
at 7s  for 1s  kill n2
`, plan.String())
	require.Equal(t, "at 3s for 1s isolate leader", f.Config.Plan.Steps[1].String(), "the plan itself stays as it was")
}
