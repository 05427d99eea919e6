package vdso_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/machine/vdso"
)

// The test binary is also a program that tells its clocks.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "clocks":
		tellClocks()
	case len(os.Args) == 4 && os.Args[1] == "storm":
		storm()
	default:
		os.Exit(m.Run())
	}
}

func tellClocks() {
	start := time.Now()
	for b := make([]byte, 1); ; {
		if _, err := os.Stdin.Read(b); err != nil {
			return
		}
		now := time.Now()
		fmt.Println(now.UnixNano(), now.Sub(start).Nanoseconds())
	}
}

// truth asks the kernel itself.
func truth() time.Time {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &t) // a system call: x/sys knows no vDSO
	return time.Unix(t.Unix())
}

// program is a process that tells its clocks.
type program struct {
	t    *testing.T
	cmd  *exec.Cmd
	ask  io.WriteCloser
	told *bufio.Reader
	wall int // how many of the clocks that it tells are wall clocks
}

func start(t *testing.T, wall int, name string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(name, args...), wall: wall}
	p.cmd.Stderr = os.Stderr
	var err error
	p.ask, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.told = bufio.NewReader(out)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

// clocks asks the program for its clocks.
func (p *program) clocks() []int64 {
	p.t.Helper()
	_, err := p.ask.Write([]byte("\n"))
	require.NoError(p.t, err)
	return p.line()
}

func (p *program) line() (all []int64) {
	p.t.Helper()
	line, err := p.told.ReadString('\n')
	require.NoError(p.t, err)
	for _, f := range strings.Fields(line) {
		n, err := strconv.ParseInt(f, 10, 64)
		require.NoError(p.t, err)
		all = append(all, n)
	}
	return all
}

// off requires all wall clocks to be off by as much, and the others to go on.
func (p *program) off(by time.Duration) {
	p.t.Helper()
	first, before := p.clocks(), time.Now()
	all := p.clocks()
	after := time.Now()
	const coarse = time.Second + 50*time.Millisecond // some clocks tell seconds, of which the last has just ended
	for i, ns := range all[:p.wall] {
		at := time.Unix(0, ns).Add(-by)
		require.Truef(p.t, at.After(before.Add(-coarse)) && at.Before(after.Add(coarse)), "clock %d says %v, and not %v at %v", i, time.Unix(0, ns), by, after)
	}
	for i, ns := range all[p.wall:] {
		passed := time.Duration(ns - first[p.wall+i])
		require.Truef(p.t, passed >= 0 && passed < time.Minute, "monotonic clock %d went on by %v", i, passed)
	}
}

func supported(t *testing.T) {
	t.Helper()
	if err := vdso.Available(); err != nil {
		t.Skip(err)
	}
}

func compiled(t *testing.T, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "clocks")
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "OUT", out)
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	text, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	require.NoError(t, err, string(text))
	return out
}

// programs are all that the host can run, with the number of wall clocks that each tells.
func programs(t *testing.T, each func(t *testing.T, p *program)) {
	t.Run("go", func(t *testing.T) { each(t, start(t, 1, os.Args[0], "clocks")) })
	t.Run("cgo", func(t *testing.T) {
		each(t, start(t, 2, compiled(t, "go", "build", "-o", "OUT", "testdata/cgo/main.go")))
	})
	t.Run("c", func(t *testing.T) {
		each(t, start(t, 5, compiled(t, "gcc", "-O2", "-pthread", "-o", "OUT", "testdata/clocks.c")))
	})
	t.Run("c-static", func(t *testing.T) {
		each(t, start(t, 5, compiled(t, "gcc", "-O2", "-static", "-pthread", "-o", "OUT", "testdata/clocks.c")))
	})
	t.Run("java", func(t *testing.T) {
		if _, err := exec.LookPath("java"); err != nil {
			t.Skip("java is not installed")
		}
		each(t, start(t, 2, "java", "-XX:TieredStopAtLevel=1", "testdata/java/Clocks.java"))
	})
}

func TestShift(t *testing.T) {
	supported(t)
	programs(t, func(t *testing.T, p *program) {
		pid := p.cmd.Process.Pid
		p.off(0)
		require.NoError(t, vdso.Restore(pid), "nothing to do")
		for _, by := range []time.Duration{time.Hour, -30 * time.Second, 400 * 24 * time.Hour} {
			require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: by}))
			p.off(by)
		}
		s, err := vdso.Look(pid)
		require.NoError(t, err)
		require.True(t, s.Shifted)
		require.GreaterOrEqual(t, s.Readings, int64(6), "it has read its clock so often")
		require.NoError(t, vdso.Restore(pid))
		p.off(0)
		s, err = vdso.Look(pid)
		require.NoError(t, err)
		require.False(t, s.Shifted)
		require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: time.Hour}), "once more")
		p.off(time.Hour)
		require.NoError(t, vdso.Restore(pid))
		p.off(0)
		require.NoError(t, p.ask.Close())
		require.NoError(t, p.cmd.Wait(), "it ends as it would have")
	})
}

// A restored vDSO is the original, up to where its file ends.
func TestRestoredBytes(t *testing.T) {
	supported(t)
	p := start(t, 1, os.Args[0], "clocks")
	p.off(0)
	pid := p.cmd.Process.Pid
	before := page(t, pid)
	require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: time.Hour}))
	require.NotEqual(t, before, page(t, pid))
	require.NoError(t, vdso.Restore(pid))
	after := page(t, pid)
	end := len(strings.TrimRight(before, "\x00"))
	require.Equal(t, before[:end], after[:end])
}

func page(t *testing.T, pid int) string {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(line, "[vdso]\n") {
			var from, to int64
			_, err := fmt.Sscanf(line, "%x-%x", &from, &to)
			require.NoError(t, err)
			mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
			require.NoError(t, err)
			defer mem.Close()
			b := make([]byte, to-from)
			_, err = mem.ReadAt(b, from)
			require.NoError(t, err)
			return string(b)
		}
	}
	t.Fatal("no vDSO")
	return ""
}

func TestStrobe(t *testing.T) {
	supported(t)
	p := start(t, 1, os.Args[0], "clocks")
	clock := vdso.Clock{Start: time.Now(), Offset: 5 * time.Second, Every: 50 * time.Millisecond}
	require.NoError(t, vdso.Set(p.cmd.Process.Pid, clock))
	seen := map[bool]int{}
	for deadline := time.Now().Add(20 * time.Second); (seen[true] < 3 || seen[false] < 3) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		before := truth()
		at := time.Unix(0, p.clocks()[0])
		after := truth()
		ahead := at.After(after)
		seen[ahead]++
		if clock.At(before).After(before) == clock.At(after).After(after) && after.Sub(before) < clock.Every {
			require.Equal(t, clock.At(after).After(after), ahead, "it is as far as the clock says")
		}
		by := clock.Offset
		if !ahead {
			by = -by
		}
		require.WithinRange(t, at, before.Add(by).Add(-time.Millisecond), after.Add(by).Add(time.Millisecond))
	}
	require.GreaterOrEqual(t, seen[true], 3)
	require.GreaterOrEqual(t, seen[false], 3)
}

func TestDrift(t *testing.T) {
	supported(t)
	p := start(t, 1, os.Args[0], "clocks")
	for _, ppm := range []float64{200, -200, 100_000, -500_000} {
		// As if it had begun to drift a day ago.
		clock := vdso.Clock{Start: time.Now().Add(-24 * time.Hour), Drift: ppm, Offset: time.Second}
		require.NoError(t, vdso.Set(p.cmd.Process.Pid, clock))
		before := truth()
		at := time.Unix(0, p.clocks()[0])
		after := truth()
		const slack = 50 * time.Microsecond // a day's rounding of the fraction
		require.WithinRange(t, at, clock.At(before).Add(-slack), clock.At(after).Add(slack), "%v ppm", ppm)
	}
}

// A process that somebody has stopped stays so, and goes on when told to.
func TestStoppedStays(t *testing.T) {
	supported(t)
	p := start(t, 1, os.Args[0], "clocks")
	p.off(0)
	pid := p.cmd.Process.Pid
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool { return state(pid) == "T" }, time.Minute, time.Millisecond)
	require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: time.Hour}))
	require.Eventually(t, func() bool { return state(pid) == "T" }, time.Minute, time.Millisecond)
	_, err := p.ask.Write([]byte("\n"))
	require.NoError(t, err)
	require.Never(t, func() bool { return state(pid) != "T" }, 100*time.Millisecond, 10*time.Millisecond)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
	require.Greater(t, p.line()[0], time.Now().Add(30*time.Minute).UnixNano())
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
	require.Eventually(t, func() bool { return state(pid) == "T" }, time.Minute, time.Millisecond)
	require.NoError(t, vdso.Restore(pid))
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
	p.off(0)
}

func state(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	return after[:min(1, len(after))]
}

func TestRefused(t *testing.T) {
	supported(t)
	p := start(t, 1, os.Args[0], "clocks")
	pid := p.cmd.Process.Pid
	require.ErrorContains(t, vdso.Set(pid, vdso.Clock{Offset: 30 * 365 * 24 * time.Hour}), "20 years")
	require.ErrorContains(t, vdso.Set(pid, vdso.Clock{Drift: 1e6}), "ppm")
	require.NoError(t, p.cmd.Process.Kill())
	p.cmd.Wait()
	require.True(t, errors.Is(vdso.Set(pid, vdso.Clock{}), vdso.ErrGone))
	_, err := vdso.Look(pid)
	require.ErrorIs(t, err, vdso.ErrGone)
}
