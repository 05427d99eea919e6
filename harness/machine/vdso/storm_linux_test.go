package vdso_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/machine/vdso"
)

// storm reads the wall clock in several goroutines, asks the kernel before and after,
// and counts as testdata/clocks.c does.
func storm() {
	n, _ := strconv.Atoi(os.Args[2])
	seconds, _ := strconv.ParseInt(os.Args[3], 10, 64)
	offset, slack := time.Duration(seconds)*time.Second, time.Millisecond
	var mu sync.Mutex
	var all, off, wrong int64
	over := make(chan struct{})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			var count, shifted, neither int64
			for done := false; !done; {
				select {
				case <-over:
					done = true
				default:
				}
				before, now, after := truth(), time.Now().Round(0), truth()
				count++
				within := func(t time.Time) bool { return !t.Before(before.Add(-slack)) && !t.After(after.Add(slack)) }
				switch {
				case within(now):
				case within(now.Add(-offset)):
					shifted++
				default:
					neither++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			all, off, wrong = all+count, off+shifted, wrong+neither
		})
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	close(over)
	wg.Wait()
	fmt.Println(all, off, wrong)
}

// However often a process is changed while many threads read the clock, each reading is
// one truth or the other.
func TestStorm(t *testing.T) {
	supported(t)
	storms := map[string]func(t *testing.T) *program{
		"go": func(t *testing.T) *program { return start(t, 0, os.Args[0], "storm", "4", "3600") },
		"c": func(t *testing.T) *program {
			return start(t, 0, compiled(t, "gcc", "-O2", "-pthread", "-o", "OUT", "testdata/clocks.c"), "4", "3600")
		},
	}
	for name, begin := range storms {
		t.Run(name, func(t *testing.T) {
			p := begin(t)
			line, err := p.told.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)
			pid := p.cmd.Process.Pid
			for range 200 {
				require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: time.Hour}))
				require.NoError(t, vdso.Restore(pid))
			}
			require.NoError(t, vdso.Set(pid, vdso.Clock{Offset: time.Hour}))
			s, err := vdso.Look(pid)
			require.NoError(t, err)
			require.NoError(t, p.ask.Close())
			n := p.line()
			require.LessOrEqual(t, s.Readings, n[1])
			require.NotZero(t, s.Readings)
			require.Zero(t, n[2], "of %d readings", n[0])
			require.NotZero(t, n[1], "of %d readings", n[0])
			require.NoError(t, p.cmd.Wait())
			t.Logf("%d readings, %d of them an hour off", n[0], n[1])
		})
	}
}

// Whoever waits for a process that is killed while it is changed is told how it ended.
func TestKilledMeanwhile(t *testing.T) {
	supported(t)
	for range 20 {
		p := start(t, 0, os.Args[0], "storm", "4", "3600")
		_, err := p.told.ReadString('\n')
		require.NoError(t, err)
		pid := p.cmd.Process.Pid
		done := make(chan error, 1)
		go func() {
			for {
				if err := vdso.Set(pid, vdso.Clock{Offset: time.Hour}); err != nil {
					done <- err
					return
				}
			}
		}()
		require.NoError(t, p.cmd.Process.Kill())
		var exit *exec.ExitError
		require.ErrorAs(t, p.cmd.Wait(), &exit)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
		require.ErrorIs(t, <-done, vdso.ErrGone)
	}
}
