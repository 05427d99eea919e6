package cgroup_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/guard"
	"github.com/usurper/usurper/harness/machine/cgroup"
)

// The test binary is also a program that uses what it is told to.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "eat" {
		eat()
		return
	}
	os.Exit(m.Run())
}

// eat reads numbers: of so many MiB of memory that it is to use, or 0 for some ten milliseconds of
// processor time. It answers each.
func eat() {
	var kept [][]byte
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		n, _ := strconv.Atoi(in.Text())
		if n == 0 {
			for began := used(); used()-began < 10*time.Millisecond; {
			}
		}
		b := make([]byte, n<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
		fmt.Println(len(kept))
	}
}

func used() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type eater struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	told *bufio.Reader
}

func start(t *testing.T) *eater {
	t.Helper()
	e := &eater{t: t, cmd: exec.Command(os.Args[0], "eat")}
	var err error
	e.in, err = e.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := e.cmd.StdoutPipe()
	require.NoError(t, err)
	e.told = bufio.NewReader(out)
	require.NoError(t, e.cmd.Start())
	t.Cleanup(func() {
		e.cmd.Process.Kill()
		e.cmd.Wait()
	})
	return e
}

func (e *eater) eat(mib int) error {
	if _, err := fmt.Fprintln(e.in, mib); err != nil {
		return err
	}
	_, err := e.told.ReadString('\n')
	return err
}

// promises are those of a guard, as a test sees them.
type promises map[guard.Undo]int

func (p promises) Promise(u guard.Undo) error { p[u]++; return nil }
func (p promises) Fulfilled(u guard.Undo)     { p[u]-- }

func open(t *testing.T, controllers ...cgroup.Controller) (*cgroup.Root, promises) {
	t.Helper()
	p := promises{}
	r := cgroup.Open(fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()), p)
	for _, c := range controllers {
		if err := r.Available(c); err != nil {
			t.Skip(err)
		}
	}
	t.Cleanup(func() {
		require.NoError(t, r.Close())
		for u, n := range p {
			require.Zero(t, n, "%v", u)
			_, err := os.Stat(u.Of)
			require.ErrorIs(t, err, os.ErrNotExist)
		}
	})
	return r, p
}

func group(t *testing.T, r *cgroup.Root, e *eater) *cgroup.Group {
	t.Helper()
	g, err := r.Group("n1")
	require.NoError(t, err)
	again, err := r.Group("n1")
	require.NoError(t, err)
	require.Same(t, g, again)
	require.NoError(t, g.Enter(e.cmd.Process.Pid))
	return g
}

func TestSlow(t *testing.T) {
	r, p := open(t, cgroup.CPU)
	e := start(t)
	g := group(t, r, e)
	require.NotEmpty(t, p, "it was promised to remove them")
	for range 5 {
		require.NoError(t, e.eat(0))
	}
	before, err := g.Counts()
	require.NoError(t, err)
	require.Zero(t, before.Throttled)
	for _, percent := range []float64{5, 0.5} {
		require.NoError(t, g.LimitCPU(percent))
		for range 3 {
			require.NoError(t, e.eat(0))
		}
		now, err := g.Counts()
		require.NoError(t, err)
		require.Positive(t, now.Minus(before).Throttled, "%v %%", percent)
		before = now
	}
	require.NoError(t, g.LimitCPU(0))
	require.NoError(t, e.eat(0))
	require.Eventually(t, func() bool {
		before, err := g.Counts()
		require.NoError(t, err)
		for range 20 {
			require.NoError(t, e.eat(0))
		}
		now, err := g.Counts()
		require.NoError(t, err)
		return now.Throttled == before.Throttled
	}, time.Minute, time.Millisecond, "all is as it was")
	require.ErrorContains(t, g.LimitCPU(0.01), "at least")
}

func TestStarve(t *testing.T) {
	r, _ := open(t, cgroup.Memory)
	e := start(t)
	g := group(t, r, e)
	require.NoError(t, e.eat(20))
	require.ErrorContains(t, g.LimitMemory(2<<20), "cannot be freed")
	require.NoError(t, e.eat(1), "it lives")
	require.ErrorContains(t, g.LimitMemory(1000), "too few")
	require.NoError(t, g.LimitMemory(64<<20))
	require.NoError(t, e.eat(10), "that is within it")
	require.NoError(t, g.LimitMemory(0))
	require.NoError(t, e.eat(100))
	counts, err := g.Counts()
	require.NoError(t, err)
	require.Zero(t, counts.OOMKills)
}

func TestOutOfMemory(t *testing.T) {
	r, _ := open(t, cgroup.Memory)
	e, other := start(t), start(t)
	g := group(t, r, e)
	require.NoError(t, e.eat(10))
	require.NoError(t, g.LimitMemory(64<<20))
	require.Error(t, e.eat(100), "it is killed")
	state, err := e.cmd.Process.Wait()
	require.NoError(t, err)
	require.Equal(t, syscall.SIGKILL, state.Sys().(syscall.WaitStatus).Signal())
	counts, err := g.Counts()
	require.NoError(t, err)
	require.EqualValues(t, 1, counts.OOMKills)
	require.Positive(t, counts.MemoryHits)
	require.NoError(t, other.eat(100), "nobody else is")

	require.NoError(t, g.LimitMemory(0))
	next := start(t)
	require.NoError(t, g.Enter(next.cmd.Process.Pid))
	require.NoError(t, next.eat(100))
}

func TestFreeze(t *testing.T) {
	r, _ := open(t, cgroup.Freezer)
	e := start(t)
	g := group(t, r, e)
	require.False(t, g.Frozen())
	require.NoError(t, g.Freeze(t.Context()))
	require.True(t, g.Frozen())
	require.False(t, g.Doomed())
	done := make(chan error, 1)
	go func() { done <- e.eat(0) }()
	select {
	case <-done:
		t.Fatal("it goes on")
	case <-time.After(100 * time.Millisecond):
	}
	require.NoError(t, g.Thaw())
	require.NoError(t, <-done)
	require.False(t, g.Frozen())

	// Whether a frozen process can be killed, the versions differ: it can once thawed.
	require.NoError(t, g.Freeze(t.Context()))
	require.NoError(t, e.cmd.Process.Kill())
	ended := make(chan struct{})
	go func() {
		e.cmd.Process.Wait()
		close(ended)
	}()
	require.Eventually(t, func() bool {
		select {
		case <-ended:
			return true
		default:
			return g.Doomed()
		}
	}, time.Minute, time.Millisecond)
	require.NoError(t, g.Thaw())
	<-ended
}

// Whoever lives when the groups go lives on.
func TestCloseFrozen(t *testing.T) {
	r, p := open(t, cgroup.Freezer)
	e := start(t)
	g := group(t, r, e)
	require.NoError(t, g.Freeze(context.Background()))
	require.NoError(t, r.Close())
	require.NoError(t, e.eat(0))
	for u := range p {
		require.NoDirExists(t, u.Of)
	}
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", e.cmd.Process.Pid))
	require.NoError(t, err)
	require.False(t, strings.Contains(string(own), "usurper-"))
}

// What this program cannot undo itself any more is undone for it: who stands still is
// thawed and killed, and the groups are gone.
func TestPromised(t *testing.T) {
	g, err := guard.Open()
	require.NoError(t, err)
	r := cgroup.Open(fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()), g)
	if err := r.Available(cgroup.Freezer); err != nil {
		require.NoError(t, g.Close())
		t.Skip(err)
	}
	e := start(t)
	of := group(t, r, e)
	require.NoError(t, of.Freeze(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- e.cmd.Wait() }() // as a harness that lives on reaps it
	require.NoError(t, g.Close())
	require.Error(t, <-ended)
	require.NoError(t, r.Close(), "nothing is left to remove")
}
