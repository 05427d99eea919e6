package reference

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/trace"
)

// written returns the lines that a node's trace has after fill.
func written(t testing.TB, fill func(*trace.Writer)) [][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace")
	w, err := trace.Create(path, trace.Source{Node: 3, Inc: 2, Tick: 5 * time.Millisecond})
	require.NoError(t, err)
	fill(w)
	require.NoError(t, w.Flush())
	require.NoError(t, w.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

// What the node writes is what the harness reads, whatever the event.
func TestTraceRoundTrip(t *testing.T) {
	here, there := raft.Pos{Term: 3, Index: 40}, raft.Pos{Term: 1, Index: 50}
	lines := written(t, func(w *trace.Writer) {
		w.Start(trace.Recovered{State: raft.HardState{Term: 4, Vote: 1}, Last: here, Hash: 1 << 63, Commit: 38,
			Snapshot: raft.Pos{Term: 2, Index: 32}, Digest: 77})
		w.Events([]raft.Event{
			{What: "config", Term: 4, Voters: []raft.ID{1, 2, 3}},
			{What: "follower", Term: 4, Peer: 1},
			{What: "candidate", Term: 5, Last: here, Known: true, HeardTicks: 30},
			{What: "vote", Term: 5, Peer: 2, PeerTerm: 5, Reason: "stale-log", Last: here, PeerLast: there},
			{What: "prevote", Term: 5, Peer: 2, PeerTerm: 6, Granted: true, Reason: "granted", Last: here, PeerLast: here},
			{What: "leader", Term: 5, Last: here, Hash: 5},
			{What: "append", Term: 5, Peer: 3, From: 41, To: 44, EntryTerm: 5, Hashes: []uint64{1, 2, 3, 1<<64 - 1}},
			{What: "truncate", Term: 6, Peer: 1, Index: 43},
			{What: "commit", Term: 6, Index: 42, EntryTerm: 5, Hash: 2, Lead: true},
			{What: "install", Term: 6, Peer: 1, Index: 60, EntryTerm: 6, Hash: 9, Digest: 88},
		}, 88)
		w.Apply(6, 64, 99)
		w.Snapshot(6, &raft.Snapshot{Pos: raft.Pos{Term: 6, Index: 64}, Hash: 10, Digest: 99})
		w.End(6)
	})
	last := history.Pos(here)
	hashes := []byte{
		1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
		3, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
	}
	want := []history.Raft{
		{What: history.RaftStart, Term: 4, Vote: "n1", Last: last, Hash: 1 << 63, Commit: 38, Index: 32, EntryTerm: 2, Digest: 77},
		{What: history.RaftConfig, Term: 4, Voters: []string{"n1", "n2", "n3"}},
		{What: history.RaftFollower, Term: 4, Peer: "n1"},
		{What: history.RaftCandidate, Term: 5, Last: last, Known: true, Heard: 150 * time.Millisecond},
		{What: history.RaftVote, Term: 5, Peer: "n2", PeerTerm: 5, Reason: history.ReasonStaleLog, Last: last, PeerLast: history.Pos(there)},
		{What: history.RaftPreVote, Term: 5, Peer: "n2", PeerTerm: 6, Granted: true, Reason: history.ReasonGranted, Last: last, PeerLast: last},
		{What: history.RaftLeader, Term: 5, Last: last, Hash: 5},
		{What: history.RaftAppend, Term: 5, Peer: "n3", From: 41, To: 44, EntryTerm: 5, Hashes: hashes},
		{What: history.RaftTruncate, Term: 6, Peer: "n1", Index: 43},
		{What: history.RaftCommit, Term: 6, Index: 42, EntryTerm: 5, Hash: 2, Lead: true},
		{What: history.RaftInstall, Term: 6, Peer: "n1", Index: 60, EntryTerm: 6, Hash: 9, Digest: 88},
		{What: history.RaftApply, Term: 6, Index: 64, Digest: 99},
		{What: history.RaftSnapshot, Term: 6, Index: 64, EntryTerm: 6, Hash: 10, Digest: 99},
		{What: history.RaftEnd, Term: 6},
	}
	require.Len(t, lines, len(want))
	for i, line := range lines {
		got, err := new(Target).Trace(line)
		require.NoError(t, err, "%s", line)
		require.NotZero(t, got.Mono)
		if i > 0 { // of a start the order is another one
			quick, ok := new(traces).parse(line)
			require.True(t, ok, "%s", line)
			require.Equal(t, got, quick)
		}
		got.Mono = 0
		want[i].Source, want[i].Node, want[i].Inc, want[i].Seq = history.Trace, "n3", 2, uint64(i+1)
		require.Equal(t, want[i], got, "%s", line)
	}
	h, ok := (&want[7]).HashAt(44)
	require.True(t, ok)
	require.Equal(t, uint64(1<<64-1), h)
}

func TestTraceIsStrict(t *testing.T) {
	const good = `{"src":"trace","node":"n1","inc":1,"seq":1,"what":"end"`
	_, err := new(Target).Trace([]byte(good + "}\n"))
	require.NoError(t, err)
	for line, problem := range map[string]string{
		``:                        "EOF",
		good:                      "unexpected EOF",
		`{"src":"tra`:             "unexpected EOF",
		good + `}{}`:              "after the event",
		`panic: oops`:             "invalid character",
		good + `,"colour":"red"}`: "colour",
		`{"src":"trace","node":"n1","inc":1,"seq":1,"what":"abdicate"}`:                                       "abdicate",
		`{"src":"tap","node":"n1","inc":1,"seq":1,"what":"end"}`:                                              "source",
		`{"src":"trace","inc":1,"seq":1,"what":"end"}`:                                                        "no node",
		`{"src":"trace","node":"n1","seq":1,"what":"end"}`:                                                    "counted from 1",
		`{"src":"trace","node":"n1","inc":1,"seq":1,"what":"append","from":1,"to":2,"hashes":"AAAAAAAAAAA="}`: "hashes",
	} {
		_, err := new(Target).Trace([]byte(line))
		require.ErrorContains(t, err, problem, "%s", line)
	}
}

func BenchmarkTrace(b *testing.B) {
	lines := written(b, func(w *trace.Writer) {
		w.Events([]raft.Event{
			{What: "append", Term: 5, Peer: 3, From: 41, To: 44, EntryTerm: 5, Hashes: []uint64{1, 2, 3, 1<<64 - 1}},
		}, 0)
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := new(Target).Trace(lines[0]); err != nil {
			b.Fatal(err)
		}
	}
}
