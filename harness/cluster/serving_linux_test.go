package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric/subnet"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// forks is a target whose members are started by TestServeHelper in some way.
type forks struct {
	shell
	how string
}

func (f forks) Traced() bool { return false }

func (f forks) Command(m target.Member) (target.Command, error) {
	self, err := os.Executable()
	return target.Command{
		Path: self,
		Args: []string{"-test.run=^TestServeHelper$", "serve", f.how, m.ClientAddr, filepath.Join(m.DataDir, "pids")},
	}, err
}

// Status asks for a byte.
func (forks) Status(ctx context.Context, m target.Member) (s target.Status, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", m.ClientAddr)
	if err != nil {
		return s, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write([]byte("?")); err != nil {
		return s, err
	}
	_, err = io.ReadFull(conn, make([]byte, 1))
	return s, err
}

// TestServeHelper is a member, or what starts one.
func TestServeHelper(t *testing.T) {
	if len(os.Args) < 6 || os.Args[2] != "serve" {
		t.Skip("runs as a member")
	}
	how, addr, pids := os.Args[3], os.Args[4], os.Args[5]
	note(t, pids)
	switch how {
	case "serve":
		serve(t, addr)
	case "late":
		time.Sleep(200 * time.Millisecond) // it is slow, and nobody waits for how long
		serve(t, addr)
	case "session":
		require.NoError(t, again(&syscall.SysProcAttr{Setsid: true}, "serve", addr, pids).Wait())
	case "background":
		again(nil, "serve", addr, pids)
	case "daemon":
		again(&syscall.SysProcAttr{Setsid: true}, "background", addr, pids)
	case "orphan":
		again(&syscall.SysProcAttr{Setsid: true}, "background", addr, pids).Wait()
		time.Sleep(time.Hour)
	case "wait":
		time.Sleep(time.Hour)
	case "supervised":
		again(&syscall.SysProcAttr{Setsid: true}, "supervisor", addr, pids)
		time.Sleep(time.Hour)
	case "supervisor":
		for {
			again(&syscall.SysProcAttr{Setsid: true}, "serve", addr, pids).Wait()
		}
	}
	os.Exit(0)
}

// again starts this program another way, with neither environment nor files of its
// parent.
func again(attr *syscall.SysProcAttr, how, addr, pids string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestServeHelper$", "serve", how, addr, pids)
	cmd.Env, cmd.SysProcAttr = []string{}, attr
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	return cmd
}

// note leaves the number of this process.
func note(t *testing.T, pids string) {
	f, err := os.OpenFile(pids, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	fmt.Fprintln(f, os.Getpid())
	require.NoError(t, f.Close())
}

// serve answers a byte with a byte.
func serve(t *testing.T, addr string) {
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	for {
		conn, err := l.Accept()
		require.NoError(t, err)
		go func() {
			defer conn.Close()
			io.CopyN(conn, conn, 1)
		}()
	}
}

type forked struct {
	*cluster.Cluster
	rec    *record
	host   *cluster.Local
	member target.Member
	target forks
}

func newForked(t *testing.T, how string) *forked {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	net, err := subnet.Claim(t.Context())
	require.NoError(t, err)
	dir := t.TempDir()
	f := &forked{rec: &record{}, host: host, target: forks{how: how}, member: target.Member{
		Name: "n1", PeerAddr: net.Addr(11, 7701), ClientAddr: net.Addr(11, 7702), DataDir: filepath.Join(dir, "data"),
	}}
	f.Cluster, err = cluster.New(cluster.Options{
		Target: f.target, Host: host, Members: []target.Member{f.member}, Dir: dir, Record: f.rec.add,
		Grace: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { f.Stop(); require.NoError(t, host.Close()); net.Close() })
	return f
}

// pids lists all processes that have been the member.
func (f *forked) pids(t *testing.T) (pids []int) {
	b, err := os.ReadFile(filepath.Join(f.member.DataDir, "pids"))
	require.NoError(t, err)
	for _, s := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(s)
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

func (f *forked) answers(t *testing.T) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := f.target.Status(ctx, f.member)
	return err == nil
}

// However a member's server was started, it is hit: a paused one does not
// answer, a killed one does not even accept, and nothing is left.
func TestWhoServesIsHit(t *testing.T) {
	for _, how := range []string{"serve", "late", "session", "background", "daemon", "orphan", "supervised"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			f := newForked(t, how)
			for range 2 {
				require.NoError(t, f.Start(t.Context(), "n1"))
				eventually(t, func() bool { return f.answers(t) })
				require.NotEmpty(t, f.Processes()["n1"])

				require.NoError(t, f.Pause(t.Context(), "n1"))
				for _, pid := range f.Processes()["n1"] {
					eventually(t, func() bool { return state(pid) == "T" || gone(pid) }) // starters end
				}
				require.False(t, f.answers(t))
				require.Empty(t, f.Serves(t.Context(), "n1"))
				require.NoError(t, f.Resume(t.Context(), "n1"))
				eventually(t, func() bool { return f.answers(t) })
				require.Empty(t, f.Serves(t.Context(), "n1"))

				_, err := f.Kill(t.Context(), "n1")
				require.NoError(t, err)
				require.Empty(t, f.Serves(t.Context(), "n1"))
				_, err = net.Dial("tcp", f.member.ClientAddr)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				for _, pid := range f.pids(t) {
					require.True(t, gone(pid))
				}
			}
			require.NoError(t, f.Start(t.Context(), "n1"))
			eventually(t, func() bool { return f.answers(t) })
			f.Stop()
			for _, pid := range f.pids(t) {
				require.True(t, gone(pid))
			}
			require.False(t, f.rec.has(func(e history.Event) bool { return e.Run != nil }), "nothing to tell")
		})
	}
}

// A harness that is killed takes those with it that have left their group, too.
func TestNoOrphansElsewhere(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledHarnessHelper$", "harness", pids)
	require.NoError(t, cmd.Start())
	var all []string
	eventually(t, func() bool {
		b, _ := os.ReadFile(pids)
		all = strings.Fields(string(b))
		return len(all) == 3
	})
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for _, s := range all {
		pid, err := strconv.Atoi(s)
		require.NoError(t, err)
		eventually(t, func() bool { return gone(pid) })
	}
}

// TestKilledHarnessHelper is the harness that TestNoOrphansElsewhere kills.
func TestKilledHarnessHelper(t *testing.T) {
	if len(os.Args) < 4 || os.Args[2] != "harness" {
		t.Skip("runs as a child of TestNoOrphansElsewhere")
	}
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	net, err := subnet.Claim(t.Context())
	require.NoError(t, err)
	_, err = host.Start(target.Command{
		Path: os.Args[0], Args: []string{"-test.run=^TestServeHelper$", "serve", "orphan", net.Addr(11, 7702), os.Args[3]},
	}, os.Stderr)
	require.NoError(t, err)
	time.Sleep(time.Hour)
}

// Somebody else who serves where the member does is told and not touched.
func TestSomebodyElseServes(t *testing.T) {
	f := newForked(t, "wait")
	require.NoError(t, f.Start(t.Context(), "n1"))
	other := again(nil, "serve", f.member.ClientAddr, filepath.Join(f.member.DataDir, "other"))
	ended := make(chan struct{})
	go func() { defer close(ended); other.Wait() }()
	t.Cleanup(func() { other.Process.Kill(); <-ended })
	eventually(t, func() bool { return f.answers(t) })
	who := fmt.Sprintf("its private address %s: pid %d (", f.member.ClientAddr, other.Process.Pid)

	require.NoError(t, f.Pause(t.Context(), "n1"))
	eventually(t, func() bool { return f.Serves(t.Context(), "n1") != "" })
	require.Contains(t, f.Serves(t.Context(), "n1"), "n1 was paused, and yet somebody answers at "+who)
	require.NoError(t, f.Resume(t.Context(), "n1"))
	require.Empty(t, f.Serves(t.Context(), "n1"))

	_, err := f.Kill(t.Context(), "n1")
	require.NoError(t, err)
	require.Contains(t, f.Serves(t.Context(), "n1"), "n1 was ended, and yet somebody accepts at "+who)
	eventually(t, func() bool { return f.answers(t) }) // it goes on

	require.NoError(t, f.Start(t.Context(), "n1"))
	require.True(t, f.rec.has(said("it may fail to start: n1 was ended")))
	f.Stop()
	require.True(t, f.rec.has(said("left behind: n1 was ended, and yet somebody accepts at "+who)))
	eventually(t, func() bool { return f.answers(t) }) // it goes on
}

// Whoever was there before the member has nothing to do with it.
func TestStrangersProveNothing(t *testing.T) {
	f := newForked(t, "wait")
	l, err := net.Listen("tcp", f.member.PeerAddr)
	require.NoError(t, err)
	defer l.Close()
	require.NoError(t, f.Start(t.Context(), "n1"))
	require.True(t, f.rec.has(said("before it is started: pid "+strconv.Itoa(os.Getpid()))))
	_, err = f.Kill(t.Context(), "n1")
	require.NoError(t, err)
	require.Empty(t, f.Serves(t.Context(), "n1"))
}

// A stopped member's kernel accepts, and what it was asked before is answered when
// it goes on: neither is an answer.
func TestBacklogIsNoAnswer(t *testing.T) {
	f := newForked(t, "session")
	require.NoError(t, f.Start(t.Context(), "n1"))
	eventually(t, func() bool { return f.answers(t) })
	require.NoError(t, f.Pause(t.Context(), "n1"))
	conn, err := net.Dial("tcp", f.member.ClientAddr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, f.Resume(t.Context(), "n1"))
	require.Empty(t, f.Serves(t.Context(), "n1"))
}

func said(text string) func(history.Event) bool {
	return func(e history.Event) bool {
		return e.Run != nil && e.Run.What == history.RunNote && e.Run.Node == "n1" && strings.Contains(e.Run.Text, text)
	}
}

// everywhere is a target whose n1 listens nowhere, and whose n2 at every address.
type everywhere struct{ forks }

func (e everywhere) Command(m target.Member) (target.Command, error) {
	e.how = "wait"
	if m.Name == "n2" {
		_, port, err := net.SplitHostPort(m.ClientAddr)
		if err != nil {
			return target.Command{}, err
		}
		e.how, m.ClientAddr = "serve", net.JoinHostPort("0.0.0.0", port)
	}
	return e.forks.Command(m)
}

func (e everywhere) Status(ctx context.Context, m target.Member) (target.Status, error) {
	_, err := e.forks.Status(ctx, m)
	return target.Status{Role: "leader", Term: 3, Atomic: true}, err
}

// An answer that another member gave is no evidence against the one that was asked.
func TestClaimOfAnotherMember(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	dir := t.TempDir()
	var rec record
	o := cluster.Options{Target: everywhere{}, Host: host, Dir: dir, Record: rec.add, Grace: 200 * time.Millisecond}
	for i, name := range []string{"n1", "n2"} {
		o.Members = append(o.Members, target.Member{
			Name: name, DataDir: filepath.Join(dir, name, "data"), ClientAddr: fmt.Sprintf("127.0.0.%d:%d", i+11, port),
		})
	}
	c, err := cluster.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		require.NoError(t, host.Close())
	})
	require.NoError(t, c.Start(t.Context(), "n1"))
	require.NoError(t, c.Start(t.Context(), "n2"))
	eventually(t, func() bool {
		c.Statuses(t.Context())
		return len(rec.claims()) >= 2
	})
	for _, claim := range rec.claims() {
		require.Equal(t, claim.Node == "n2", claim.Atomic, "%+v", claim)
	}
}
