package cluster_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// shell is a target whose members are shell scripts. $TRACE is the trace file.
type shell struct{ script string }

func (s shell) Name() string { return "shell" }
func (s shell) Command(m target.Member) (target.Command, error) {
	return target.Command{Path: "sh", Args: []string{"-c", s.script}, Env: []string{"TRACE=" + m.TraceFile}}, nil
}
func (shell) Status(context.Context, target.Member) (target.Status, error) {
	return target.Status{}, errors.New("a script has no status")
}
func (shell) Client(target.Member) (workload.Client, error) { return nil, errors.New("no clients") }
func (shell) OneAddress() bool                              { return false }
func (shell) Protocol() fabric.Protocol                     { return nil }
func (shell) Tap([]string, func(history.Raft)) target.Tap   { return nil }
func (shell) Traced() bool                                  { return true }
func (shell) Trace(line []byte) (r history.Raft, err error) {
	err = json.Unmarshal(line, &r)
	return r, err
}

// record collects what a cluster records.
type record struct {
	mu     sync.Mutex
	events []history.Event
}

func (r *record) add(e history.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *record) has(want func(history.Event) bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if want(e) {
			return true
		}
	}
	return false
}

func newCluster(t *testing.T, script string) (*cluster.Cluster, *record) {
	t.Helper()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	c, err := cluster.New(cluster.Options{
		Target:  shell{script},
		Host:    host,
		Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}},
		Dir:     dir,
		Record:  rec.add,
		Grace:   200 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		require.NoError(t, host.Close())
	})
	return c, &rec
}

func exits(e history.Event) bool { return e.Proc != nil && e.Proc.What == history.ProcExit }

// patience is how long a condition may take on a machine that is busy with other things.
const patience = time.Minute

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	require.Eventually(t, cond, patience, 2*time.Millisecond)
}

// state is the process's state letter in /proc: T is stopped, Z a zombie.
func state(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:1]
}

func pidOf(r *record) (pid int) {
	r.has(func(e history.Event) bool {
		if e.Proc != nil && e.Proc.What == history.ProcStart {
			pid = e.Proc.Pid
		}
		return false
	})
	return pid
}

func TestKillPauseResume(t *testing.T) {
	ctx := t.Context()
	// It has no children: who waits for one that is stopped before its exec is not in state T.
	c, rec := newCluster(t, "exec sleep 600")
	_, err := c.Kill(ctx, "n1")
	require.ErrorIs(t, err, cluster.ErrDown)
	require.ErrorIs(t, c.Pause(ctx, "n1"), cluster.ErrDown)
	require.NoError(t, c.Start(ctx, "n1"))
	require.ErrorIs(t, c.Start(ctx, "n1"), cluster.ErrUp)
	pid := pidOf(rec)

	require.NoError(t, c.Pause(ctx, "n1"))
	eventually(t, func() bool { return state(pid) == "T" })
	require.NoError(t, c.Resume(ctx, "n1"))
	eventually(t, func() bool { return state(pid) != "T" })

	require.NoError(t, c.Pause(ctx, "n1"))
	killed, err := c.Kill(ctx, "n1") // also a paused one
	require.NoError(t, err)
	require.Equal(t, pid, killed)
	require.Empty(t, state(pid), "killed and reaped")
	require.True(t, rec.has(func(e history.Event) bool {
		return exits(e) && e.Proc.Expected && e.Proc.Signal == "killed"
	}))
	require.ErrorContains(t, c.Pause(ctx, "n7"), `no member "n7"`)
}

// What a process wrote to its trace before it was killed is in the history when
// Kill returns; a torn last line is not.
func TestTraceIsReadToTheEnd(t *testing.T) {
	c, rec := newCluster(t, `i=1
while [ $i -le 300 ]; do echo '{"src":"trace","node":"n1","seq":'$i',"what":"vote"}'; i=$((i+1)); done >>$TRACE
printf '{"src":"tra' >>$TRACE
while :; do sleep 0.01; done`)
	require.NoError(t, c.Start(t.Context(), "n1"))
	m, err := c.Member("n1")
	require.NoError(t, err)
	eventually(t, func() bool {
		b, _ := os.ReadFile(m.TraceFile)
		return strings.HasSuffix(string(b), "tra")
	})
	_, err = c.Kill(t.Context(), "n1")
	require.NoError(t, err)
	seq := uint64(0)
	for _, e := range rec.events {
		if e.Raft != nil {
			seq++
			require.Equal(t, seq, e.Raft.Seq)
		}
		require.False(t, e.Run != nil && e.Run.What == history.RunUntrace)
	}
	require.EqualValues(t, 300, seq)
}

func TestUnreadableTraceIsAHole(t *testing.T) {
	c, rec := newCluster(t, `echo hello >>$TRACE; while :; do sleep 0.01; done`)
	require.NoError(t, c.Start(t.Context(), "n1"))
	eventually(t, func() bool {
		return rec.has(func(e history.Event) bool {
			return e.Run != nil && e.Run.What == history.RunUntrace && strings.Contains(e.Run.Text, "trace.1.jsonl:1:")
		})
	})
}

func TestEndlessTraceLineIsAHole(t *testing.T) {
	c, rec := newCluster(t, `yes | tr -d '\n' | head -c 3000000 >>$TRACE; while :; do sleep 0.01; done`)
	require.NoError(t, c.Start(t.Context(), "n1"))
	eventually(t, func() bool {
		return rec.has(func(e history.Event) bool {
			return e.Run != nil && e.Run.What == history.RunUntrace && strings.Contains(e.Run.Text, "trace.1.jsonl:1: longer than")
		})
	})
}

// A trace that tells of another member, or of somebody who is none, would make a
// history that nobody can read.
func TestTraceOfStrangersIsAHole(t *testing.T) {
	for line, problem := range map[string]string{
		`{"src":"trace","node":"n7","seq":1,"what":"leader","term":1}`:             `it tells of "n7", but is the trace of n1`,
		`{"src":"trace","node":"n1","seq":1,"what":"vote","term":1,"peer":"n7"}`:   `it tells of "n7", which is no member`,
		`{"src":"trace","node":"n1","seq":1,"what":"start","term":1,"vote":"who"}`: `it tells of "who", which is no member`,
	} {
		c, rec := newCluster(t, `echo '`+line+`' >>$TRACE; while :; do sleep 0.01; done`)
		require.NoError(t, c.Start(t.Context(), "n1"))
		eventually(t, func() bool {
			return rec.has(func(e history.Event) bool {
				return e.Run != nil && e.Run.What == history.RunUntrace && strings.Contains(e.Run.Text, problem)
			})
		})
		require.False(t, rec.has(func(e history.Event) bool { return e.Raft != nil }))
	}
}

func TestUnexpectedExitShowsTheLog(t *testing.T) {
	c, rec := newCluster(t, `echo "starting"; echo "panic: at the disco" >&2; exit 3`)
	require.NoError(t, c.Start(t.Context(), "n1"))
	eventually(t, func() bool {
		return rec.has(func(e history.Event) bool {
			return exits(e) && !e.Proc.Expected && e.Proc.Code == 3 && strings.Contains(e.Proc.Text, "starting\npanic: at the disco")
		})
	})
	require.True(t, rec.has(func(e history.Event) bool {
		return e.Run != nil && e.Run.What == history.RunLog && e.Run.Text == "panic: at the disco"
	}))
	_, _, err := c.AwaitLeader(t.Context()) // no majority is left to wait for
	require.ErrorContains(t, err, "n1 ended by itself (exit status 3)")
	require.ErrorContains(t, c.AwaitReady(t.Context()), "n1 ended by itself (exit status 3)")
	eventually(t, func() bool { return c.Start(t.Context(), "n1") == nil }) // a dead one can be started again
}

func contextFor(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestNodeThatNeverAnswers(t *testing.T) {
	c, _ := newCluster(t, "echo at work; while :; do sleep 0.01; done")
	require.NoError(t, c.Start(t.Context(), "n1"))
	m, err := c.Member("n1")
	require.NoError(t, err)
	eventually(t, func() bool {
		b, _ := os.ReadFile(filepath.Join(filepath.Dir(m.TraceFile), "log"))
		return len(b) > 0
	})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too slow"))
	defer cancel()
	err = c.AwaitReady(ctx)
	require.EqualError(t, err, "await ready: too slow: no status from n1: a script has no status; the last log lines of n1:\nat work")
	_, _, err = c.AwaitLeader(contextFor(t, 50*time.Millisecond))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "0 of 1 members answer")
}

// lost is a member that answers, and knows of no leader.
type lost struct{ shell }

func (lost) Status(context.Context, target.Member) (target.Status, error) {
	return target.Status{Role: "follower", Term: 3}, nil
}

func TestMembersThatNameNoLeader(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	defer host.Close()
	dir := t.TempDir()
	var rec record
	c, err := cluster.New(cluster.Options{
		Target: lost{shell{"while :; do sleep 0.01; done"}},
		Host:   host, Members: []target.Member{{Name: "n1", DataDir: dir + "/data"}},
		Dir: dir, Record: rec.add, Grace: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	defer c.Stop()
	require.NoError(t, c.Start(t.Context(), "n1"))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 500*time.Millisecond, errors.New("too slow"))
	defer cancel()
	require.EqualError(t, c.AwaitReady(ctx), "await ready: too slow: all members answer, but no majority names one leader: n1 is follower in term 3 and names nobody")
}

// A member that ignores SIGTERM, with a child of its own, is gone after Stop.
func TestStopEndsTheWholeGroup(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	defer host.Close()
	dir := t.TempDir()
	var rec record
	c, err := cluster.New(cluster.Options{
		Target: shell{`trap '' TERM; sleep 1000 & echo $! >` + dir + `/child; wait; while :; do sleep 1; done`},
		Host:   host, Members: []target.Member{{Name: "n1", DataDir: dir + "/data"}},
		Dir: dir, Record: rec.add, Grace: 50 * time.Millisecond,
	})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context(), "n1"))
	var child int
	eventually(t, func() bool {
		b, _ := os.ReadFile(dir + "/child")
		child, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return child > 0
	})
	c.Stop()
	eventually(t, func() bool { return gone(child) })
}

func gone(pid int) bool { s := state(pid); return s == "" || s == "Z" }

func TestFloodedLogIsBounded(t *testing.T) {
	c, _ := newCluster(t, "yes "+strings.Repeat("a-line-that-is-written-again-and-again-", 10))
	require.NoError(t, c.Start(t.Context(), "n1"))
	m, err := c.Member("n1")
	require.NoError(t, err)
	log := filepath.Join(filepath.Dir(m.TraceFile), "log")
	eventually(t, func() bool {
		i, err := os.Stat(log)
		return err == nil && i.Size() >= 15<<20
	})
	_, err = c.Kill(t.Context(), "n1")
	require.NoError(t, err)
	i, err := os.Stat(log)
	require.NoError(t, err)
	require.Less(t, i.Size(), int64(17<<20))
}

func TestMissingBinary(t *testing.T) {
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	defer host.Close()
	_, err = host.Start(target.Command{Path: "/nonexistent/binary"}, os.Stderr)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "/nonexistent/binary")
}

// A harness that is killed takes its members with it.
func TestNoOrphans(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestOrphanHelper$", "-test.v")
	cmd.Args = append(cmd.Args, "orphans")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		if pid, ok := strings.CutPrefix(lines.Text(), "pid "); ok {
			n, err := strconv.Atoi(pid)
			require.NoError(t, err)
			pids = append(pids, n)
		}
	}
	require.Len(t, pids, 3)
	for _, pid := range pids {
		require.False(t, gone(pid))
	}
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	for _, pid := range pids {
		eventually(t, func() bool { return gone(pid) })
	}
}

// TestOrphanHelper is the harness that TestNoOrphans kills.
func TestOrphanHelper(t *testing.T) {
	if os.Args[len(os.Args)-1] != "orphans" {
		t.Skip("runs as a child of TestNoOrphans")
	}
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	for range 3 {
		p, err := host.Start(target.Command{Path: "sh", Args: []string{"-c", "trap '' HUP TERM; while :; do sleep 0.1; done"}}, os.Stderr)
		require.NoError(t, err)
		fmt.Printf("pid %d\n", p.Pid())
	}
	p, err := host.Start(target.Command{Path: "sleep", Args: []string{"1000"}}, os.Stderr)
	require.NoError(t, err)
	require.NoError(t, p.Signal(syscall.SIGSTOP))
	select {}
}
