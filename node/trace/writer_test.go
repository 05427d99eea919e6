package trace_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/trace"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var source = trace.Source{Node: 3, Inc: 2, Tick: 5 * time.Millisecond}

// everything writes one event of each kind, with every field set somewhere.
func everything(w *trace.Writer) {
	w.Start(trace.Recovered{
		State: raft.HardState{Term: 4, Vote: 1}, Last: raft.Pos{Term: 3, Index: 40}, Hash: 1 << 63, Commit: 38,
		Snapshot: raft.Pos{Term: 2, Index: 32}, Digest: 77,
	})
	w.Events([]raft.Event{
		{What: raft.EventConfig, Term: 4, Voters: []raft.ID{1, 2, 3}},
		{What: raft.EventFollower, Term: 4},
		{What: raft.EventCandidate, Term: 5, Last: raft.Pos{Term: 3, Index: 40}, Known: true, HeardTicks: 30},
		{What: raft.EventVote, Term: 5, Peer: 3, PeerTerm: 5, Granted: true, Reason: raft.ReasonSelf,
			Last: raft.Pos{Term: 3, Index: 40}, PeerLast: raft.Pos{Term: 3, Index: 40}},
		{What: raft.EventPreVote, Term: 5, Peer: 2, PeerTerm: 6, Reason: raft.ReasonStaleLog,
			Last: raft.Pos{Term: 3, Index: 40}, PeerLast: raft.Pos{Term: 1, Index: 50}},
		{What: raft.EventLeader, Term: 5, Last: raft.Pos{Term: 3, Index: 40}, Hash: 5},
		{What: raft.EventAppend, Term: 5, Peer: 3, From: 41, To: 44, EntryTerm: 5, Hashes: []uint64{1, 2, 3, 1<<64 - 1}},
		{What: raft.EventTruncate, Term: 6, Peer: 1, Index: 43},
		{What: raft.EventCommit, Term: 6, Index: 42, EntryTerm: 5, Hash: 2, Lead: true},
		{What: raft.EventInstall, Term: 6, Peer: 1, Index: 60, EntryTerm: 6, Hash: 9, Digest: 1},
	}, 88)
	w.Apply(6, 64, 99)
	w.Snapshot(6, &raft.Snapshot{Pos: raft.Pos{Term: 6, Index: 64}, Hash: 10, Digest: 99})
	w.End(6)
}

func TestGolden(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	w, err := trace.Create(path, source)
	require.NoError(t, err)
	everything(w)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Empty(t, b, "nothing is written before Flush")
	require.NoError(t, w.Flush())
	require.NoError(t, w.Close())

	b, err = os.ReadFile(path)
	require.NoError(t, err)
	got := regexp.MustCompile(`"mono":[1-9]\d*`).ReplaceAllString(string(b), `"mono":1`)
	golden := filepath.Join("testdata", "trace.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "run the test with -update to make the file")
	require.Equal(t, string(want), got)
}

func TestLinesAreJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	for range 2 { // a second process appends
		w, err := trace.Create(path, source)
		require.NoError(t, err)
		everything(w)
		require.NoError(t, w.Flush())
		require.NoError(t, w.Close())
	}
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	require.Len(t, lines, 2*14)
	for i, text := range lines {
		var e struct {
			Seq    uint64        `json:"seq"`
			What   string        `json:"what"`
			Heard  time.Duration `json:"heard"`
			Hashes []byte        `json:"hashes"`
		}
		require.NoError(t, json.Unmarshal([]byte(text), &e), text)
		require.Equal(t, uint64(i%14+1), e.Seq)
		switch e.What {
		case raft.EventCandidate:
			require.Equal(t, 150*time.Millisecond, e.Heard)
		case raft.EventAppend:
			require.Len(t, e.Hashes, 4*8)
			require.Equal(t, uint64(2), binary.LittleEndian.Uint64(e.Hashes[8:]))
		}
	}
}

func TestHashesAreStandardBase64(t *testing.T) {
	for n := 1; n <= 7; n++ {
		path := filepath.Join(t.TempDir(), "trace")
		w, err := trace.Create(path, source)
		require.NoError(t, err)
		e := raft.Event{What: raft.EventAppend, From: 1, To: uint64(n), EntryTerm: 1}
		var raw []byte
		for i := range n {
			e.Hashes = append(e.Hashes, uint64(i)*0x0102030405060708)
			raw = binary.LittleEndian.AppendUint64(raw, e.Hashes[i])
		}
		w.Events([]raft.Event{e}, 0)
		require.NoError(t, w.Flush())
		require.NoError(t, w.Close())
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(b), `"hashes":"`+base64.StdEncoding.EncodeToString(raw)+`"`)
	}
}

func TestNilWriterWritesNothing(t *testing.T) {
	var w *trace.Writer
	everything(w)
	require.NoError(t, w.Flush())
	require.NoError(t, w.Close())
}

func TestErrors(t *testing.T) {
	_, err := trace.Create(filepath.Join(t.TempDir(), "missing", "trace"), source)
	require.ErrorIs(t, err, fs.ErrNotExist)

	w, err := trace.Create(filepath.Join(t.TempDir(), "trace"), source)
	require.NoError(t, err)
	w.End(1)
	require.NoError(t, w.Close())
	err = w.Flush()
	require.True(t, errors.Is(err, os.ErrClosed), "%v", err)
}

func BenchmarkBatch(b *testing.B) {
	w, err := trace.Create(filepath.Join(b.TempDir(), "trace"), source)
	require.NoError(b, err)
	defer w.Close()
	events := []raft.Event{
		{What: raft.EventAppend, Term: 5, Peer: 3, From: 41, To: 44, EntryTerm: 5, Hashes: []uint64{1, 2, 3, 4}},
		{What: raft.EventCommit, Term: 5, Index: 42, EntryTerm: 5, Hash: 1 << 62, Lead: true},
	}
	b.ReportAllocs()
	for b.Loop() {
		w.Events(events, 0)
		require.NoError(b, w.Flush())
	}
}

// A member that was away may find two snapshots in its inbox. Only the last one
// is restored, so only there can the state's digest be told.
func TestOnlyTheLastInstallHasTheDigest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace")
	w, err := trace.Create(path, source)
	require.NoError(t, err)
	w.Events([]raft.Event{
		{What: raft.EventInstall, Term: 6, Index: 60},
		{What: raft.EventInstall, Term: 6, Index: 70},
		{What: raft.EventCommit, Term: 6, Index: 71},
	}, 9)
	require.NoError(t, w.Flush())
	require.NoError(t, w.Close())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(b), `"digest":9`))
	require.Contains(t, string(b), `"index":70,"digest":9`)
}
