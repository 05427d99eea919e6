package etcd

import (
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

var capture = flag.String("capture", "", "record the peer traffic of a live cluster of this etcd version to testdata")

// liveVersions are those of which one is used, if it has been built.
var liveVersions = []string{"v3.6.16", "v3.5.2", "v3.7.3"}

// cluster is three members of etcd behind a recorder.
type cluster struct {
	t       *testing.T
	target  *Target
	members map[string]target.Member
	process map[string]*exec.Cmd
}

func startCluster(t *testing.T, binary string, r *recorder) *cluster {
	version, err := Version(t.Context(), binary)
	require.NoError(t, err)
	o := Options{Binary: binary, Version: version, NoFsync: true,
		Heartbeat: 20 * time.Millisecond, Election: 200 * time.Millisecond, SnapshotCount: 100}
	if minor, err := minorOf(version); err == nil && minor >= 6 {
		o.Args = []string{"--snapshot-catchup-entries=10"} // a member that is back needs a snapshot
	}
	tgt, err := New(o)
	require.NoError(t, err)
	c := &cluster{t: t, target: tgt, members: map[string]target.Member{}, process: map[string]*exec.Cmd{}}
	addresses := map[string]string{}
	for _, name := range []string{"n1", "n2", "n3"} {
		m := target.Member{Name: name, PeerAddr: freeAddr(t), ClientAddr: freeAddr(t), DataDir: filepath.Join(t.TempDir(), "data"), Advertised: addresses}
		addresses[name] = r.listen(t, name, m.PeerAddr)
		c.members[name] = m
	}
	for name := range c.members {
		c.start(name)
	}
	return c
}

// freeAddr returns an address that nobody listens at, for now.
func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (c *cluster) start(name string) {
	command, err := c.target.Command(c.members[name])
	require.NoError(c.t, err)
	log, err := os.OpenFile(c.members[name].DataDir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(c.t, err)
	defer log.Close()
	cmd := exec.Command(command.Path, command.Args...)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(c.t, cmd.Start())
	c.process[name] = cmd
	c.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if b, _ := os.ReadFile(log.Name()); c.t.Failed() && len(b) > 0 {
			c.t.Logf("%s: %s", name, b[max(0, len(b)-2000):])
		}
	})
}

func (c *cluster) kill(name string) {
	require.NoError(c.t, c.process[name].Process.Kill())
	c.process[name].Wait() // says that it was killed
}

// leader waits until count members agree on a leader and returns it.
func (c *cluster) leader(count int) string {
	var leader string
	require.Eventually(c.t, func() bool {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		votes := map[string]int{}
		for _, m := range c.members {
			if s, err := c.target.Status(ctx, m); err == nil && s.Leader != "" {
				votes[s.Leader]++
				leader = s.Leader
			}
		}
		return votes[leader] >= count
	}, 2*time.Minute, 20*time.Millisecond, "no leader that %d members know", count)
	return leader
}

// work runs the mixed workload until it has done some operations.
func (c *cluster) work(operations int64) workload.Stats {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Minute)
	defer cancel()
	var done atomic.Int64
	stats, err := workload.Run(ctx, workload.Options{
		Nodes:   []string{"n1", "n2", "n3"},
		Dial:    func(name string) (workload.Client, error) { return c.target.Client(c.members[name]) },
		Clients: 4, Seed: 1, Rate: 300, Timeout: 2 * time.Second,
		Record: func(e history.Event) {
			if e.Op.Type == history.OK && done.Add(1) == operations {
				cancel()
			}
		},
	}, workload.NewMixed())
	require.NoError(c.t, err)
	require.GreaterOrEqual(c.t, int64(stats.OK), operations, "%+v", stats)
	return stats
}

// attack lets a cluster work, kills its leader and brings it back.
func (c *cluster) attack() {
	first := c.leader(3)
	c.work(50)
	c.kill(first)
	c.leader(2)
	c.work(400)
	c.start(first)
	c.leader(3)
	c.work(50)
}

// The tap decodes all that a live cluster says, and clients, status and command
// fit together.
func TestLiveCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster of etcd")
	}
	versions := liveVersions
	if *capture != "" {
		versions = []string{*capture}
	}
	for _, version := range versions {
		binary, ok := Cached(version)
		if !ok {
			continue
		}
		r := newRecorder(t)
		startCluster(t, binary, r).attack()
		r.stop()
		if *capture != "" {
			save(t, filepath.Join("..", "..", "dialect", "etcd", "testdata", strings.TrimPrefix(version, "v")+".jsonl.gz"), r.recorded())
		}
		d := listen(r.recorded())
		require.Empty(t, d.errors)
		require.GreaterOrEqual(t, len(d.leaders), 2)
		for term, leaders := range d.leaders {
			require.Len(t, leaders, 1, "term %d", term)
		}
		if strings.HasPrefix(version, "v3.6") {
			require.NotZero(t, d.classes["snapshot"])
			require.NotZero(t, d.classes["snapshot-data"])
		}
		t.Log(version, d.leaders, d.classes)
		return
	}
	t.Skipf("no etcd of %s has been built", strings.Join(versions, ", "))
}
