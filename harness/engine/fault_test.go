package engine_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
)

// These are faults of the harness's own world: each ends in a clear error, soon,
// and leaves no process.

func TestMissingBinary(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Target = wrapped{Target: cfg.Target, command: func(m target.Member, c target.Command) target.Command {
		c.Path = "/nonexistent/usurper"
		return c
	}}
	err := requireError(t, cfg)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "n1 cannot be started: start /nonexistent/usurper")
	require.ErrorContains(t, err, cfg.Results, "where the run is")
}

func TestNodeThatNeverGetsReady(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Settle = 5 * time.Second
	cfg.Target = shell(cfg.Target, "echo waiting for the disk; sleep 1000; :", "n2")
	err := requireError(t, cfg)
	require.ErrorContains(t, err, "not ready within 5s (--settle, or ready: {within: …} in the system's file, gives it longer")
	require.ErrorContains(t, err, "no status from n2")
	require.ErrorContains(t, err, "; the last log lines of n2:\nwaiting for the disk")
}

// A pattern of crashes that holds for whatever is printed ends the run: neither would be
// a verdict with it, nor one without.
func TestCrashPatternThatHoldsForAll(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Target = crying{shell(cfg.Target, "echo up; sleep 1000; :", "n2")}
	err := requireError(t, cfg)
	require.ErrorContains(t, err, `the crash pattern "p$" holds for the first line of a member that was just started, "up"`)
}

// crying is a target with a pattern of its own.
type crying struct{ target.Target }

func (crying) Crashes() []*regexp.Regexp { return []*regexp.Regexp{regexp.MustCompile("p$")} }

func TestNodeThatExitsAtStart(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Settle = 10 * time.Minute
	cfg.Target = shell(cfg.Target, "echo the disk is on fire; exit 3", "n3")
	err := requireError(t, cfg)
	require.ErrorContains(t, err, "n3 ended by itself (exit status 3); its last log lines:\nthe disk is on fire")
}

func TestPortIsTaken(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	var mu sync.Mutex
	var taken []net.Listener
	cfg.Target = wrapped{Target: cfg.Target, command: func(m target.Member, c target.Command) target.Command {
		if l, err := net.Listen("tcp", m.PeerAddr); err == nil && m.Name == "n1" {
			mu.Lock()
			defer mu.Unlock()
			taken = append(taken, l)
		} else if err == nil {
			l.Close()
		}
		return c
	}}
	err := requireError(t, cfg)
	require.ErrorContains(t, err, "n1 ended by itself")
	require.ErrorContains(t, err, "address already in use")
	for _, l := range taken {
		require.NoError(t, l.Close())
	}
}

func TestResultsCannotBeWritten(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	require.NoError(t, os.WriteFile(cfg.Results, nil, 0o644))
	require.ErrorIs(t, requireError(t, cfg), syscall.ENOTDIR)
}

// smallDisk mounts a file system of this size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		require.Eventually(t, func() bool { return syscall.Unmount(dir, 0) == nil }, time.Minute, 10*time.Millisecond,
			"something still uses it")
	})
	return dir
}

func TestDiskFullInMidRun(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Results = smallDisk(t, "64m")
	cfg.For = time.Hour
	cfg.Progress = func(p engine.Progress) {
		if p.Phase != history.PhaseFaults {
			return
		}
		if f, err := os.OpenFile(filepath.Join(cfg.Results, "filler"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644); err == nil {
			io.Copy(f, zeros{})
			f.Close()
		}
	}
	require.ErrorContains(t, requireError(t, cfg), "no space left on device")
	report, err := engine.CheckFile(filepath.Join(cfg.Results, "latest", results.HistoryFile))
	require.NoError(t, err, "what could be written is readable")
	require.NotEqual(t, checker.Valid, report.Verdict)
	require.Greater(t, report.Run.Events, uint64(100))
}

// A disk may also be full for the nodes first.
func TestDiskFullForTheNodes(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Results = smallDisk(t, "1m")
	err := requireError(t, cfg)
	require.ErrorContains(t, err, "ended by itself")
	require.ErrorContains(t, err, "no space left on device")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestDiskFullFromTheStart(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	cfg.Results = smallDisk(t, "4k")
	require.ErrorIs(t, requireError(t, cfg), syscall.ENOSPC)
	entries, err := os.ReadDir(cfg.Results)
	require.NoError(t, err)
	require.Empty(t, entries, "a run that did not begin leaves nothing")
}

// startHarness runs the test binary as a harness and waits until its faults are
// in force.
func startHarness(t *testing.T, mode, dir string) (cmd *exec.Cmd, input io.Closer, dying *strings.Builder) {
	t.Helper()
	dying = new(strings.Builder)
	cmd = exec.Command(binary, mode, dir)
	cmd.Stderr = dying
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	require.Eventually(t, func() bool {
		h, err := history.Open(filepath.Join(dir, "latest", results.HistoryFile))
		if err != nil {
			return false
		}
		defer h.Close()
		begun := 0
		for e, err := range h.Events() {
			if err == nil && e.Fault != nil && e.Fault.What == history.FaultInject {
				begun++
			}
		}
		return begun == 2
	}, 2*time.Minute, 20*time.Millisecond, "the harness injects no fault")
	return cmd, input, dying
}

// A harness that is killed takes its nodes with it, paused ones too, and leaves a
// history that proves nothing false.
func TestHarnessIsKilled(t *testing.T) {
	t.Parallel()
	dir := configFor(t).Results
	cmd, _, _ := startHarness(t, "harness", dir)
	require.NotEmpty(t, processes(func(_ int, line string) bool { return strings.Contains(line, dir+"/2") }))
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	requireNoneLeft(t, dir)
	requireUnknown(t, dir)
}

// So does one that crashes.
func TestHarnessPanics(t *testing.T) {
	t.Parallel()
	dir := configFor(t).Results
	cmd, input, dying := startHarness(t, "crash", dir)
	require.NoError(t, input.Close())
	var exit *exec.ExitError
	require.True(t, errors.As(cmd.Wait(), &exit))
	require.Equal(t, 2, exit.ExitCode())
	require.Contains(t, dying.String(), "panic: a client with a bug")
	requireNoneLeft(t, dir)
	requireUnknown(t, dir)
}

func requireUnknown(t *testing.T, dir string) {
	t.Helper()
	report, err := engine.CheckFile(filepath.Join(dir, "latest", results.HistoryFile))
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, report.Verdict, report.String())
	require.False(t, report.Run.Ended)
	require.NotZero(t, report.Run.Events)
}

func TestCheckSaysThatTheLastLineIsTorn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), results.HistoryFile)
	rec, err := history.Create(path)
	require.NoError(t, err)
	rec.Record(history.Event{Run: &history.Run{What: history.RunBegin, Format: history.Format, Nodes: []string{"n1"}}})
	require.NoError(t, rec.Close())
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = io.WriteString(f, `{"n":1,"t":5,"ru`)
	require.NoError(t, err)
	require.NoError(t, f.Close())

	report, err := engine.CheckFile(path)
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, report.Verdict)
	require.Equal(t, "line 2, the last, was cut short: judged up to the one before it", report.Problem)
	require.Contains(t, report.String(), report.Problem)
}

func TestHunt(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	broken := errors.New("no such bug")
	none := func(int) (engine.Config, error) { return engine.Config{}, broken }
	h, err := engine.Hunt(t.Context(), "votes", time.Hour, none)
	require.ErrorIs(t, err, broken)
	require.Empty(t, h.Results)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	h, err = engine.Hunt(cancelled, "votes", time.Hour, none)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, h.Results)
	require.False(t, h.Caught)

	h, err = engine.Hunt(t.Context(), "", 0, func(n int) (engine.Config, error) {
		require.Zero(t, n, "without a budget there is one run")
		return cfg, nil
	})
	require.NoError(t, err)
	require.Len(t, h.Results, 1)
	require.False(t, h.Caught, "%v", h.Checkers)
	require.Positive(t, h.Elapsed)

	h, err = engine.Hunt(t.Context(), "", 500*time.Millisecond, func(n int) (engine.Config, error) {
		bad := cfg
		if n < 2 { // not so many in a row that it gives up
			bad.Nodes = -1
		}
		return bad, nil
	})
	require.NoError(t, err, "runs without a verdict are passed over")
	require.Equal(t, 2, h.Lost)
	require.NotEmpty(t, h.Results)
}
