package reference

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/node"
)

func TestNewSaysWhatIsWrong(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "binary")
	_, err = New(Options{Binary: "usurper", Bug: "gremlins"})
	require.ErrorContains(t, err, "gremlins")
}

func TestCommand(t *testing.T) {
	m := target.Member{
		Name: "n2", PeerAddr: "127.9.0.12:7701", ClientAddr: "127.9.0.12:7702",
		Peers:   map[string]string{"n3": "127.9.0.102:9003", "n1": "127.9.0.102:9001"},
		DataDir: "/d", TraceFile: "/t", Inc: 4,
	}
	full, err := New(Options{Binary: "/bin/usurper", Bug: "double-vote", PreVote: true, SnapshotEvery: 50,
		Election: 150 * time.Millisecond, Heartbeat: 30 * time.Millisecond, Seed: 9})
	require.NoError(t, err)
	plain, err := New(Options{Binary: "/bin/usurper", NoTrace: true})
	require.NoError(t, err)
	require.True(t, full.Traced())
	require.False(t, plain.Traced())
	require.Contains(t, target.Shown(full), history.RaftInstall)
	require.NotContains(t, target.Shown(plain), history.RaftInstall, "no tap tells of it")
	require.Contains(t, target.Shown(plain), history.RaftVote)
	for want, tgt := range map[string]*Target{
		"--trace /t --election 150ms --heartbeat 30ms --snapshot-every 50 --bug double-vote --pre-vote": full,
		"": plain,
	} {
		cmd, err := tgt.Command(m)
		require.NoError(t, err)
		require.Equal(t, "/bin/usurper", cmd.Path)
		line := fmt.Sprintf("node --id n2 --bind 127.9.0.12 --peer-port 7701 --client-bind 127.9.0.12 --client-port 7702"+
			" --peers n1=127.9.0.102:9001,n3=127.9.0.102:9003 --data-dir /d --inc 4 --seed %d", tgt.o.Seed)
		if want != "" {
			line += " " + want
		}
		require.Equal(t, line, strings.Join(cmd.Args, " "))
		require.NoError(t, node.Command().ParseFlags(cmd.Args[1:]), "the node knows every flag")
	}
	m.PeerAddr = "nowhere"
	_, err = full.Command(m)
	require.ErrorContains(t, err, "peer address")
}

func TestStatusErrors(t *testing.T) {
	for name, reply := range map[string]string{
		"someone else": says(`{"id":"n7","role":"leader"}`),
		"no json":      says(`<html>`),
		"not ready":    "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
		"closed":       closes,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, reply)
			tgt, err := New(Options{Binary: "usurper"})
			require.NoError(t, err)
			_, err = tgt.Status(t.Context(), target.Member{Name: "n1", ClientAddr: s.Addr().String()})
			require.ErrorContains(t, err, "status of n1")
			require.Len(t, s.received(), 1)
		})
	}
}

// live starts three members in this process and returns what the harness knows
// of them.
func live(tb testing.TB) (*Target, map[string]target.Member) {
	tb.Helper()
	tgt, err := New(Options{Binary: "usurper"})
	require.NoError(tb, err)
	names := []string{"n1", "n2", "n3"}
	listeners := map[string]net.Listener{}
	addrs := map[string]string{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(tb, err)
		listeners[name], addrs[name] = l, l.Addr().String()
	}
	all := map[string]target.Member{}
	for _, name := range names {
		dir := filepath.Join(tb.TempDir(), name)
		cfg := node.Default()
		cfg.ID, cfg.Peers, cfg.DataDir, cfg.Trace, cfg.PeerPort, cfg.ClientPort = name, addrs, dir, dir+".trace", 0, 0
		s, err := node.Start(cfg, node.Options{PeerListener: listeners[name]})
		require.NoError(tb, err)
		tb.Cleanup(func() { s.Stop() })
		peers, clients := s.Addrs()
		all[name] = target.Member{Name: name, PeerAddr: peers, ClientAddr: clients, DataDir: dir, TraceFile: dir + ".trace"}
	}
	require.Eventually(tb, func() bool {
		for _, m := range all {
			if s, err := tgt.Status(tb.Context(), m); err == nil && s.Role == "leader" && s.Commit > 0 {
				return true
			}
		}
		return false
	}, time.Minute, 10*time.Millisecond, "no leader")
	return tgt, all
}

func workloadOptions(tgt *Target, all map[string]target.Member) workload.Options {
	return workload.Options{
		Nodes:   slices.Sorted(maps.Keys(all)),
		Dial:    func(name string) (workload.Client, error) { return tgt.Client(all[name]) },
		Clients: 10, Seed: 1, Timeout: 5 * time.Second, Resend: 0.2,
	}
}

// The clients, the workload, the node's API and its trace fit together.
func TestLiveCluster(t *testing.T) {
	tgt, all := live(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	o := workloadOptions(tgt, all)
	o.Resend = 1 // of acknowledged writes that is a part
	var done, final atomic.Int64
	o.Record = func(e history.Event) {
		switch {
		case e.Op.Type == history.OK && e.Op.Final:
			final.Add(1)
		case e.Op.Type == history.OK && done.Add(1) == 500:
			cancel()
		}
	}
	w := workload.NewMixed()
	stats, err := workload.Run(ctx, o, w)
	require.NoError(t, err)
	require.GreaterOrEqual(t, stats.OK, uint64(500))
	require.NotZero(t, stats.Resent)
	require.NoError(t, workload.Final(t.Context(), o, w))
	require.NotZero(t, final.Load())

	b, err := os.ReadFile(all["n1"].TraceFile)
	require.NoError(t, err)
	seq := uint64(0)
	whole := b[:bytes.LastIndexByte(b, '\n')+1] // the node is writing still
	for line := range bytes.Lines(whole) {
		e, err := tgt.Trace(line)
		require.NoError(t, err, "%s", line)
		require.Equal(t, seq+1, e.Seq)
		seq = e.Seq
	}
	require.NotZero(t, seq)
}

// BenchmarkLive shows what clients get out of three members in one process.
func BenchmarkLive(b *testing.B) {
	tgt, all := live(b)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	o := workloadOptions(tgt, all)
	var done atomic.Int64
	o.Record = func(e history.Event) {
		if e.Op.Type == history.OK && done.Add(1) == int64(b.N) {
			cancel()
		}
	}
	b.ResetTimer()
	stats, err := workload.Run(ctx, o, workload.NewMixed())
	require.NoError(b, err)
	b.ReportMetric(float64(stats.OK)/b.Elapsed().Seconds(), "ops/s")
}
