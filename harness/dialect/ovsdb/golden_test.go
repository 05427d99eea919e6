package ovsdb_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect/ovsdb"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// chunk is what was read at once of one direction of a connection.
type chunk struct {
	Conn     int
	Dialler  string
	Accepter string
	Forward  bool
	Bytes    string
}

// golden is the traffic of three members of ovsdb-server 3.1.0: inserts on all of them,
// a member killed while the log is compacted, so that it needs a snapshot, a leader
// killed, one stopped for four seconds, and one told to end.
func golden(t testing.TB) (all []chunk) {
	f, err := os.Open("testdata/3.1.0.jsonl.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var c chunk
		require.NoError(t, json.Unmarshal(lines.Bytes(), &c))
		all = append(all, c)
	}
	require.NoError(t, lines.Err())
	return all
}

// reading is what a watch makes of a recording.
type reading struct {
	watch   *tap.Watch
	events  []history.Raft
	classes map[string]int
	failed  []error
}

// read replays a recording, in pieces of size bytes; 0 leaves it as it came.
func read(chunks []chunk, size int) *reading {
	r := &reading{classes: make(map[string]int)}
	r.watch = ovsdb.Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { r.events = append(r.events, e) })
	type direction struct {
		fabric.Splitter
		pending []byte
		failed  bool
	}
	conns := make(map[int][2]*direction)
	id := uint64(0)
	take := func(d *direction, link fabric.Link, b string) {
		d.pending = append(d.pending, b...)
		for len(d.pending) > 0 && !d.failed {
			n, class, err := d.Next(d.pending)
			if err != nil {
				d.failed = true
				r.failed = append(r.failed, fmt.Errorf("%s: %w", link, err))
			}
			if n == 0 {
				return
			}
			r.classes[class]++
			id++
			f := fabric.Frame{ID: id, Link: link, Class: class, Meaning: d.Splitter.(fabric.Teller).Told()}
			r.watch.Frame(fabric.Sent, f)
			r.watch.Frame(fabric.Delivered, f)
			d.pending = d.pending[n:]
		}
	}
	for _, c := range chunks {
		both, ok := conns[c.Conn]
		if !ok {
			forward, backward := r.watch.Open(c.Dialler, c.Accepter)
			both = [2]*direction{{Splitter: forward}, {Splitter: backward}}
			conns[c.Conn] = both
		}
		d, link := both[0], fabric.Link{From: c.Dialler, To: c.Accepter}
		if !c.Forward {
			d, link = both[1], fabric.Link{From: c.Accepter, To: c.Dialler}
		}
		step := size
		if step == 0 {
			step = len(c.Bytes)
		}
		for b := c.Bytes; len(b) > 0; b = b[min(step, len(b)):] {
			take(d, link, b[:min(step, len(b))])
		}
	}
	r.watch.Flush()
	return r
}

func (r *reading) what() string {
	var lines []string
	for _, e := range r.events {
		lines = append(lines, fmt.Sprintf("%s %s term %d peer %s granted %v last %v index %d of %d %s %s", e.Node, e.What, e.Term, e.Peer, e.Granted, e.Last, e.Index, e.EntryTerm, e.Stage, e.Reason))
	}
	return strings.Join(lines, "\n")
}

// leaders are those of each term.
func (r *reading) leaders() map[uint64][]string {
	all := make(map[uint64][]string)
	for _, e := range r.events {
		if e.What == history.RaftLeader && !slices.Contains(all[e.Term], e.Node) {
			all[e.Term] = append(all[e.Term], e.Node)
		}
	}
	return all
}

func TestGolden(t *testing.T) {
	chunks := golden(t)
	r := read(chunks, 0)
	require.Empty(t, r.failed)
	require.Empty(t, r.watch.Strange())
	for _, class := range []string{"append", "append-response", "heartbeat", "heartbeat-response", "vote", "vote-response", "snapshot", "snapshot-response", "execute-command", "execute-command-response", "hello", "echo"} {
		require.NotZero(t, r.classes[class], class)
	}
	for class := range r.classes {
		require.Contains(t, r.watch.Classes(), class)
	}
	require.GreaterOrEqual(t, len(r.leaders()), 3)
	for term, leaders := range r.leaders() {
		require.Len(t, leaders, 1, "term %d", term)
		require.Contains(t, r.what(), fmt.Sprintf("peer %s granted true", leaders[0]))
	}
	committed := false
	for _, e := range r.events {
		require.NotEqual(t, history.RaftRegress, e.What, "%+v", e)
		committed = committed || e.What == history.RaftCommit && e.Lead
	}
	require.True(t, committed)
}

// However the bytes come, they mean the same.
func TestGoldenCut(t *testing.T) {
	chunks := golden(t)
	want := read(chunks, 0)
	for _, size := range []int{1, 2, 3, 7, 64, 231, 1000} {
		got := read(chunks, size)
		require.Empty(t, got.failed)
		require.Equal(t, want.classes, got.classes)
		require.Equal(t, want.what(), got.what(), "pieces of %d bytes", size)
	}
}
