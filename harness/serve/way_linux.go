package serve

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// GiveWay has this process, for good, let others on the machine go first, so that a run
// that is watched is disturbed as little as possible: none of its threads takes a processor
// from who is at work (SCHED_BATCH), and among those who wait others count for more (a nice
// value higher by five). Between sessions the second means nothing where each is a group of
// its own (autogroup).
func GiveWay() error {
	changed := make(map[int]bool)
	for more := true; more; { // threads that begin meanwhile are as the one that began them
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("give way to others: %w", err)
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || changed[id] {
				continue
			}
			more, changed[id] = true, true
			if err := meek(id); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("give way to others: %w", err)
			}
		}
	}
	return nil
}

// meek sets one thread, unless somebody has set more than a nice value before.
func meek(thread int) error {
	a, err := unix.SchedGetAttr(thread, 0)
	if err != nil || a.Policy != unix.SCHED_NORMAL {
		return err
	}
	const higher, highest = 5, 19
	return unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_BATCH, Nice: min(a.Nice+higher, highest)}, 0)
}
