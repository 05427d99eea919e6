package vdso_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/machine/vdso"
)

// Who waits for a time of his wall clock waits until that tells it, whatever the kernel's
// does; what else waits does so as ever.
func TestEndWaits(t *testing.T) {
	supported(t)
	p := start(t, 0, compiled(t, "gcc", "-O2", "-pthread", "-o", "OUT", "testdata/waits.c"))
	pid := p.cmd.Process.Pid
	var mu sync.Mutex
	waited := make(map[string][]int64)
	go func() {
		for {
			line, err := p.told.ReadString('\n')
			if err != nil {
				return
			}
			var how string
			var ms int64
			fmt.Sscan(line, &how, &ms)
			mu.Lock()
			waited[how] = append(waited[how], ms)
			mu.Unlock()
		}
	}()
	times := func(how string) int {
		mu.Lock()
		defer mu.Unlock()
		return len(waited[how])
	}
	all := []string{"c", "s", "n", "m"}
	for _, how := range all {
		require.Eventually(t, func() bool { return times(how) > 0 }, time.Minute, time.Millisecond)
	}
	clock := vdso.Clock{Offset: time.Hour}
	require.NoError(t, vdso.Set(pid, clock))
	before := make(map[string]int)
	for _, how := range all {
		before[how] = times(how)
	}
	ended := 0
	require.Eventually(t, func() bool {
		n, err := vdso.EndWaits(pid, clock)
		require.NoError(t, err)
		ended += n
		for _, how := range all {
			if times(how) < before[how]+3 {
				return false
			}
		}
		return true
	}, 30*time.Second, 10*time.Millisecond, "%v", waited)
	require.GreaterOrEqual(t, ended, 6)
	require.NoError(t, vdso.Restore(pid))
	mu.Lock()
	defer mu.Unlock()
	for _, how := range all {
		long := 0
		for _, ms := range waited[how] {
			if ms >= 500 || ms == 499 { // the last millisecond is of two clocks
				long++
			}
		}
		// The first one that is under way when the clock jumps is over at once, and no other.
		require.GreaterOrEqual(t, long, len(waited[how])-1, "%s: %v", how, waited[how])
	}
}

// A true clock ends no wait.
func TestEndWaitsOfTrueClock(t *testing.T) {
	supported(t)
	p := start(t, 0, compiled(t, "gcc", "-O2", "-pthread", "-o", "OUT", "testdata/waits.c"))
	for range 20 {
		n, err := vdso.EndWaits(p.cmd.Process.Pid, vdso.Clock{Offset: -time.Minute})
		require.NoError(t, err)
		require.Zero(t, n)
	}
	require.NoError(t, p.ask.Close())
	require.NoError(t, p.cmd.Wait())
	_, err := vdso.EndWaits(p.cmd.Process.Pid, vdso.Clock{})
	require.ErrorIs(t, err, vdso.ErrGone)
}
