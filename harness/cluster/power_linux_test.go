package cluster_test

import (
	"errors"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

func newThree(t *testing.T) (*cluster.Cluster, *record) {
	t.Helper()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	var rec record
	var started sync.Map
	t.Cleanup(func() {
		for _, e := range rec.events { // every process was told of
			if e.Proc != nil && e.Proc.What == history.ProcStart {
				_, told := started.Load(e.Proc.Node)
				require.True(t, told)
			}
		}
	})
	var members []target.Member
	for _, name := range []string{"n1", "n2", "n3"} {
		members = append(members, target.Member{Name: name, DataDir: filepath.Join(dir, name, "data")})
	}
	c, err := cluster.New(cluster.Options{Target: shell{"while :; do sleep 0.01; done"}, Host: host, Members: members, Dir: dir, Record: rec.add,
		Started: func(name string, pid int) { started.Store(name, pid) },
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		require.NoError(t, host.Close())
	})
	return c, &rec
}

// All stand still when the power is cut, none has a process when the disks come back,
// and none is started before that.
func TestPowerOff(t *testing.T) {
	ctx := t.Context()
	c, rec := newThree(t)
	require.NoError(t, c.Start(ctx, "n1"))
	require.NoError(t, c.Start(ctx, "n2"))
	before := c.Pids()
	var cut, restored atomic.Int32
	begun := make(chan struct{}, 3)
	started := make(chan error, 1)
	go func() {
		<-begun
		started <- c.Start(ctx, "n1") // waits for all disks
	}()
	pids, err := c.PowerOff(ctx, []string{"n3", "n1", "n2"}, cluster.Failure{
		Hold: func() func() {
			require.NotEqual(t, "T", state(before["n1"][0]))
			return func() { t.Error("released though the power went") }
		},
		Cut: func() error {
			cut.Add(1) // whoever is in a call that cannot be interrupted (D) stops behind it
			require.Regexp(t, "[TD]", state(before["n1"][0]))
			require.Regexp(t, "[TD]", state(before["n2"][0]))
			return nil
		},
		Restore: func(string) error {
			require.EqualValues(t, 1, cut.Load())
			require.Empty(t, c.Pids())
			begun <- struct{}{}
			restored.Add(1)
			return nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"n1": before["n1"][0], "n2": before["n2"][0]}, pids)
	require.EqualValues(t, 3, restored.Load())
	require.NoError(t, <-started)
	require.False(t, rec.has(func(e history.Event) bool { return exits(e) && !e.Proc.Expected }))
}

// A disk that does not come back has its member stay down; one that cannot be cut has
// the members without power killed all the same.
func TestPowerOffFails(t *testing.T) {
	ctx := t.Context()
	c, _ := newThree(t)
	require.NoError(t, c.Start(ctx, "n1"))
	require.NoError(t, c.Start(ctx, "n2"))
	broken := errors.New("broken")
	pids, err := c.PowerOff(ctx, []string{"n1", "n2"}, cluster.Failure{
		Cut: func() error { return broken },
		Restore: func(name string) error {
			if name == "n1" {
				return errors.New("refused")
			}
			return nil
		},
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "refused")
	require.Len(t, pids, 2)
	require.ErrorContains(t, c.Start(ctx, "n1"), "n1 is not started any more: refused")
	require.NoError(t, c.Start(ctx, "n2"))

	_, err = c.PowerOff(ctx, []string{"n1", "n2"}, cluster.Failure{Cut: func() error { panic("never called") }})
	require.ErrorContains(t, err, "n1 is not started any more")
	require.NotEmpty(t, c.Pids()["n2"])

	_, err = c.PowerOff(ctx, []string{"n9"}, cluster.Failure{})
	require.ErrorContains(t, err, "no member")
}

// A process that is stopped by ptrace, as when its clock is changed, has not ended.
func TestTracedProcessLives(t *testing.T) {
	ctx := t.Context()
	c, rec := newThree(t)
	require.NoError(t, c.Start(ctx, "n1"))
	pid := c.Pids()["n1"][0]
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, unix.PtraceSeize(pid))
	require.NoError(t, unix.PtraceInterrupt(pid))
	eventually(t, func() bool { return state(pid) == "t" })
	time.Sleep(20 * time.Millisecond) // in which a wait for its end would return
	require.NoError(t, unix.PtraceDetach(pid))
	require.False(t, rec.has(exits))
	gone, err := c.Kill(ctx, "n1")
	require.NoError(t, err)
	require.Equal(t, pid, gone)
}

// waiter is a system whose members are this test's executable, of which TestWaiting makes a
// process whose first thread waits in the kernel.
type waiter struct{ shell }

func (waiter) Command(target.Member) (target.Command, error) {
	exe, err := os.Executable()
	return target.Command{Path: exe, Args: []string{"-test.run=^TestWaiting$", "-test.v", "wait"}}, err
}

func TestWaiting(t *testing.T) {
	if flag.Arg(0) != "wait" {
		t.Skip("it is for the process of another test")
	}
	signal.Ignore(unix.SIGCHLD) // or the stop of its child would wake it
	var found atomic.Bool
	for !found.Load() {
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() != unix.Getpid() {
				select {}
			}
			found.Store(true)
			// Who has a child that shares its memory waits for it as for a disk.
			if pid, _, _ := syscall.RawSyscall(unix.SYS_CLONE, unix.CLONE_VFORK|unix.CLONE_VM|uintptr(unix.SIGCHLD), 0, 0); pid == 0 {
				for {
					_, _, _ = syscall.RawSyscall(unix.SYS_PPOLL, 0, 0, 0)
				}
			}
		}()
		time.Sleep(10 * time.Millisecond)
	}
	select {} // and nobody runs who could hear of a signal
}

// A process of which one thread waits for its disk stands still all the same.
func TestStopsWhoWaitsForADisk(t *testing.T) {
	ctx := t.Context()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	var rec record
	dir := t.TempDir()
	c, err := cluster.New(cluster.Options{Target: waiter{}, Host: host, Members: []target.Member{{Name: "n1", DataDir: filepath.Join(dir, "n1", "data")}}, Dir: dir, Record: rec.add})
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Stop()
		require.NoError(t, host.Close())
	})
	require.NoError(t, c.Start(ctx, "n1"))
	pid := pidOf(&rec)
	eventually(t, func() bool { return state(pid) == "D" })
	cut := false
	_, err = c.PowerOff(ctx, []string{"n1"}, cluster.Failure{
		Cut:     func() error { cut = true; return nil },
		Restore: func(string) error { return nil },
	})
	require.NoError(t, err)
	require.True(t, cut)
}
