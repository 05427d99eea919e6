package node_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/node/wal"
)

// A member that dies and comes back catches up, by log or by snapshot, to the
// very state of the others.
func TestCrashAndRestart(t *testing.T) {
	for name, every := range map[string]uint64{"Log": 0, "Snapshot": 7} {
		t.Run(name, func(t *testing.T) {
			members := newCluster(t, 3)
			for _, m := range members {
				m.cfg.SnapshotEvery = every
				m.start()
			}
			var want []string
			add := func(n int) {
				for range n {
					v := strconv.Itoa(len(want))
					want = append(want, v)
					persist(t, members, node.Op{F: "append", Key: "list", Arg: v, Request: "c/" + v})
				}
			}
			add(20)
			dead := leader(t, members)
			dead.crash()
			add(20)
			dead.start()
			add(20)

			eventually(t, "equal states", func() bool {
				a, b, c := members[0].status(), members[1].status(), members[2].status()
				return a.Applied == b.Applied && b.Applied == c.Applied && a.Digest == b.Digest && b.Digest == c.Digest
			})
			eventually(t, "a read", func() bool {
				a := leader(t, members).do(node.Op{F: "read", Key: "list"})
				return a.Outcome == node.OK && fmt.Sprint(a.List) == fmt.Sprint(want)
			})
			for _, m := range members {
				require.NoError(t, m.Stop())
				seen := checkTrace(t, m.cfg.Trace)
				require.Equal(t, 1, seen["end"])
				require.Equal(t, every > 0, seen["snapshot"] > 0)
			}
		})
	}
}

// event is what the tests look at of a trace line.
type event struct {
	Inc, Seq, Term, Index, Commit, Digest uint64
	What, Vote                            string
}

func readTrace(t *testing.T, path string) (events []event) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range bytes.Lines(b) {
		var e event
		require.NoError(t, json.Unmarshal(line, &e), "%s", line)
		events = append(events, e)
	}
	return events
}

// checkTrace checks the form of a trace whose last process ended cleanly: each
// process starts with a start, numbers its events from 1, applies forward, and
// tells its digest at every sixteenth index. It returns how many events there
// are of each kind.
func checkTrace(t *testing.T, path string) map[string]int {
	t.Helper()
	events := readTrace(t, path)
	seen := map[string]int{}
	var before event
	var applied uint64
	for _, e := range events {
		seen[e.What]++
		if e.Inc != before.Inc {
			before = event{Inc: e.Inc, Term: before.Term}
			require.Equal(t, "start", e.What)
			applied = e.Index
		}
		require.Equal(t, before.Seq+1, e.Seq)
		require.GreaterOrEqual(t, e.Term, before.Term, "terms never go back")
		switch e.What {
		case "install":
			applied = e.Index
		case "apply":
			require.Greater(t, e.Index, applied)
			require.Less(t, e.Index/16, applied/16+2, "a sixteenth index was skipped")
			applied = e.Index
		}
		before = e
	}
	require.Equal(t, "end", before.What)
	require.Positive(t, seen["commit"])
	return seen
}

func TestCleanStop(t *testing.T) {
	m := newMember(t, "n1")
	m.start()
	persist(t, []*member{m}, node.Op{F: "put", Key: "k", Arg: "v", Request: "c/1"})
	digest := m.status().Digest
	require.NoError(t, m.Stop())
	require.NoError(t, m.Stop(), "again")
	m.start()
	leader(t, []*member{m})
	eventually(t, "the write", func() bool { return m.do(node.Op{F: "get", Key: "k"}).Got == "v" })
	require.Equal(t, digest, m.status().Digest)
	require.NoError(t, m.Stop())
	seen := checkTrace(t, m.cfg.Trace)
	require.Equal(t, 2, seen["start"])
	require.Equal(t, 2, seen["end"])
}

func TestPortTaken(t *testing.T) {
	taken := listenLocal(t)
	port := taken.Addr().(*net.TCPAddr).Port
	for flag, set := range map[string]func(*node.Config){
		"--peer-port":   func(c *node.Config) { c.PeerPort, c.ClientPort = port, 0 },
		"--client-port": func(c *node.Config) { c.PeerPort, c.ClientPort = 0, port },
	} {
		cfg := valid()
		cfg.DataDir = t.TempDir()
		set(&cfg)
		_, err := node.Start(cfg, node.Options{})
		require.ErrorContains(t, err, flag)
		require.ErrorContains(t, err, strconv.Itoa(port))
		require.ErrorContains(t, err, "free the port")
	}
}

func TestDataDirLocked(t *testing.T) {
	m := newMember(t, "n1")
	m.start()
	cfg := m.cfg
	cfg.PeerPort, cfg.ClientPort = 0, 0
	_, err := node.Start(cfg, node.Options{})
	require.ErrorIs(t, err, wal.ErrLocked)
	require.ErrorContains(t, err, cfg.DataDir)
	require.NoError(t, m.Stop())
	m.start() // free again
}

func TestStartWithoutTrace(t *testing.T) {
	m := newMember(t, "n1")
	m.cfg.Trace = ""
	m.start()
	leader(t, []*member{m})
	require.NoError(t, m.Stop())
}

// A member without a trace it was told to write does not run, and holds
// nothing afterwards.
func TestTraceFails(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full, which Linux has")
	}
	m := newMember(t, "n1")
	trace := m.cfg.Trace
	cfg := m.cfg
	cfg.PeerPort, cfg.ClientPort, cfg.Inc, cfg.Trace = 0, 0, 1, "/dev/full"
	_, err := node.Start(cfg, node.Options{})
	require.ErrorContains(t, err, "write trace")
	m.cfg.Trace = trace
	m.start()
}
