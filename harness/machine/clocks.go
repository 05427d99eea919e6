package machine

import (
	"errors"
	"sync"

	"github.com/usurper/usurper/harness/machine/vdso"
)

// clocks are the wall clocks of a member's processes while they are changed.
type clocks struct {
	clock  vdso.Clock
	change func(pid int, c vdso.Clock) error // vdso.Set
	spoilt func(error)                       // is told of vdso.ErrSpoilt

	mu     sync.Mutex
	seen   map[int]*shifted
	lacked map[int]bool // those that came later and could not be given it
}

// shifted is one process.
type shifted struct {
	found    bool  // with the changed clock, when it was last looked at
	tries    int   // how often it was changed
	base     int64 // readings before this fault
	readings int64 // how often it has read the changed clock since, -1 if nobody counts
}

// mostTries bounds how often a process is changed that does not stay so.
const mostTries = 10

func newClocks(c vdso.Clock, spoilt func(error)) *clocks {
	return &clocks{clock: c, change: vdso.Set, spoilt: spoilt, seen: make(map[int]*shifted), lacked: make(map[int]bool)}
}

// set changes the clocks of processes. One that has ended is no failure.
func (c *clocks) set(pids []int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pid := range pids {
		if err := c.setLocked(pid); err != nil {
			return err
		}
	}
	return nil
}

func (c *clocks) setLocked(pid int) error {
	before, _ := vdso.Look(pid)
	if err := c.change(pid, c.clock); err != nil {
		if errors.Is(err, vdso.ErrSpoilt) {
			c.spoilt(err)
		}
		if errors.Is(err, vdso.ErrGone) {
			return nil
		}
		return err
	}
	s := c.seen[pid]
	if s == nil {
		s = &shifted{base: max(before.Readings, 0), readings: -1}
		c.seen[pid] = s
	}
	s.tries++
	s.found = true
	delete(c.lacked, pid)
	return nil
}

// look counts what processes have read, and changes those that have come since, or
// that have a true clock again since they execute another program. Where a fork of one
// that was changed is new, what its parent read counts for it too: it is taken off.
// It ends their waits for a time that has come.
func (c *clocks) look(pids []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, pid := range pids {
		state, err := vdso.Look(pid)
		if errors.Is(err, vdso.ErrGone) {
			continue // what it read before is known
		}
		if err != nil {
			c.lackLocked(pid, err)
			continue
		}
		s := c.seen[pid]
		switch {
		case s == nil && state.Shifted:
			c.seen[pid] = &shifted{found: true, tries: 1, base: max(state.Readings, 0), readings: min(state.Readings, 0)}
		case s == nil:
			c.lackLocked(pid, c.setLocked(pid)) // if it fails, it is tried again
		case !state.Shifted && s.tries < mostTries:
			s.base = -max(s.readings, 0) // a new program counts from 0
			c.lackLocked(pid, c.setLocked(pid))
		case state.Shifted && state.Readings < 0 && s.tries < mostTries:
			c.setLocked(pid) // now somebody may be able to count
		case state.Shifted && state.Readings >= 0:
			s.readings = state.Readings - s.base
		}
		if state.Shifted {
			vdso.EndWaits(pid, c.clock) // those that it does not reach are looked at again
		}
	}
}

// lackLocked notes whether a process goes on with a true clock.
func (c *clocks) lackLocked(pid int, err error) {
	if err != nil {
		c.lacked[pid] = true
	}
}

// restore gives processes their true clocks again, and those that they start meanwhile.
func (c *clocks) restore(pids func() []int) (failed error) {
	done := make(map[int]bool)
	for range enters {
		fresh := false
		for _, pid := range pids() {
			if done[pid] {
				continue
			}
			fresh, done[pid] = true, true
			if err := vdso.Restore(pid); err != nil && !errors.Is(err, vdso.ErrGone) {
				failed = errors.Join(failed, err)
			}
		}
		if !fresh {
			break
		}
	}
	return failed
}

// evidence is how many processes had the clock, how often they read it, and how many came
// later that could not be given it. If it is known that none read it, the fault did not bite.
func (c *clocks) evidence() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var n, off int64
	counted := true
	for _, s := range c.seen {
		if s.found {
			n++
		}
		if s.readings < 0 {
			counted = false
		}
		off += max(s.readings, 0)
	}
	if off == 0 && counted {
		return map[string]int64{"readings-off": 0}
	}
	told := map[string]int64{"clock-shifted-processes": n}
	if off > 0 {
		told["readings-off"] = off
	}
	if len(c.lacked) > 0 {
		told["clock-true-processes"] = int64(len(c.lacked))
	}
	return told
}
