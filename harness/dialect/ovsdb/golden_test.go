package ovsdb_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture/golden"
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

// capture is of three members of ovsdb-server 3.1.0: inserts on all of them, a member
// killed while the log is compacted, so that it needs a snapshot, a leader killed, one
// stopped for four seconds, and one told to end.
const capture = "testdata/3.1.0.pcapng"

// grown is of a cluster that n1 began alone and n2 and n3 joined: n1 is killed and started
// anew, n3 is removed, the log is compacted, n3 joins as another server, and n2 is killed.
const grown = "testdata/grown.pcap.gz"

// atPorts says who is who in it.
var atPorts = []string{"n1=127.77.8.1:6644", "n2=127.77.8.2:6644", "n3=127.77.8.3:6644"}

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	golden.Check(t, ovsdb.Dialect(), capture, *update)
	golden.Check(t, ovsdb.Dialect(), grown, *update, atPorts...)
}

func TestCuts(t *testing.T) {
	golden.Cuts(t, ovsdb.Dialect(), capture)
	golden.Cuts(t, ovsdb.Dialect(), grown, atPorts...)
}

func FuzzDecoder(f *testing.F) { golden.Fuzz(f, ovsdb.Dialect(), capture, grown) }

func BenchmarkDecoder(b *testing.B) { golden.Benchmark(b, ovsdb.Dialect(), capture) }

// Each term of the capture has one leader at most, for whom somebody voted.
func TestLeaders(t *testing.T) {
	r := read(streams(t, capture), 0)
	require.Empty(t, r.failed)
	require.Empty(t, r.watch.Strange())
	for _, class := range []string{"append", "append-response", "heartbeat", "heartbeat-response", "vote", "vote-response", "snapshot", "snapshot-response", "execute-command", "execute-command-response", "hello"} {
		require.NotZero(t, r.classes[class], class)
	}
	require.GreaterOrEqual(t, len(r.leaders()), 3)
	for term, leaders := range r.leaders() {
		require.Len(t, leaders, 1, "term %d", term)
	}
	require.NotContains(t, r.what(), "regress")
}

// streams are the connections of a capture, one after the other. A dialler who is not known
// by where it dials from goes by its hello.
func streams(t *testing.T, path string, members ...string) (chunks []chunk) {
	t.Helper()
	for i, s := range golden.Streams(t, path, members...) {
		c := chunk{Conn: i, Dialler: s.Conn.Dialler, Accepter: s.Conn.Accepter}
		if addr, _, err := ovsdb.Dialect().Hello(s.Forward); err == nil && addr != "" {
			for _, m := range members {
				if name, ok := strings.CutSuffix(m, "="+addr); ok {
					c.Dialler = name
				}
			}
		}
		c.Forward, c.Bytes = true, string(s.Forward)
		chunks = append(chunks, c)
		c.Forward, c.Bytes = false, string(s.Backward)
		chunks = append(chunks, c)
	}
	return chunks
}

// Who votes in a cluster that has grown, its entries and snapshots say.
func TestGrown(t *testing.T) {
	r := read(streams(t, grown, atPorts...), 0)
	require.Empty(t, r.failed)
	require.Empty(t, r.watch.Strange())
	require.NotZero(t, r.classes["membership"])
	voters := map[history.Pos][]string{}
	for _, e := range r.events {
		if e.What == history.RaftConfig {
			at := history.Pos{Term: e.EntryTerm, Index: e.Index}
			require.NotZero(t, at, "a change to nobody knows whom")
			voters[at] = e.Voters
		}
	}
	require.Equal(t, map[history.Pos][]string{
		{Index: 1}: {"n1"}, {Term: 1, Index: 4}: {"n1", "n2"}, {Term: 1, Index: 6}: {"n1", "n2", "n3"},
		{Term: 2, Index: 10}: {"n1", "n2"}, {Index: 10}: {"n1", "n2"}, {Term: 2, Index: 11}: {"n1", "n2", "n3"},
	}, sorted(voters))
}

func sorted(voters map[history.Pos][]string) map[history.Pos][]string {
	for _, names := range voters {
		slices.Sort(names)
	}
	return voters
}
