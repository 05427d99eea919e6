package cgroup

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Group is a member's groups, one of each controller that can be had.
type Group struct {
	where map[Controller]place
}

type place struct {
	dir string
	two bool
}

func (p place) file(one, two string) string {
	if p.two {
		one = two
	}
	return filepath.Join(p.dir, one)
}

func (g *Group) place(c Controller) (place, error) {
	p, ok := g.where[c]
	if !ok {
		return p, fmt.Errorf("%w: no controller %s", ErrUnsupported, c)
	}
	return p, nil
}

// Enter puts processes into the group. One that has ended is no error; this process itself
// is, and it stays outside.
func (g *Group) Enter(pids ...int) error {
	if slices.Contains(pids, os.Getpid()) {
		return errors.New("this process is to be no member's: it would limit itself")
	}
	for _, p := range g.where {
		for _, pid := range pids {
			err := write(filepath.Join(p.dir, "cgroup.procs"), strconv.Itoa(pid))
			if err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("put process %d into its control group: %w", pid, err)
			}
		}
	}
	return nil
}

// pids lists who is in a group.
func (p place) pids() (all []int) {
	b, _ := os.ReadFile(filepath.Join(p.dir, "cgroup.procs"))
	for _, f := range strings.Fields(string(b)) {
		if pid, err := strconv.Atoi(f); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// evacuate puts whoever is in the groups into the group above the run's.
func (g *Group) evacuate() (failed error) {
	for _, p := range g.where {
		above := filepath.Join(filepath.Dir(filepath.Dir(p.dir)), "cgroup.procs")
		for _, pid := range p.pids() {
			if err := write(above, strconv.Itoa(pid)); err != nil && !errors.Is(err, syscall.ESRCH) {
				failed = errors.Join(failed, fmt.Errorf("take process %d out of its control group: %w", pid, err))
			}
		}
	}
	return failed
}

const (
	period      = 100_000   // microseconds, in which a share of a processor is used up
	longPeriod  = 1_000_000 // the kernel's longest
	least       = 1_000     // of a period, the kernel's least
	leastShare  = 100 * float64(least) / longPeriod
	leastMemory = 1_000_000 // as plans have it
)

// LimitCPU lets the group use so many percent of one processor; 0 is all that there is.
func (g *Group) LimitCPU(percent float64) error {
	p, err := g.place(CPU)
	if err != nil {
		return err
	}
	if percent < 0 || percent > 0 && percent < leastShare || percent > 1e6 || math.IsNaN(percent) {
		return fmt.Errorf("%v %% of a processor cannot be had: it is at least %v %%", percent, leastShare)
	}
	quota, each := int64(math.Round(percent/100*period)), int64(period)
	if quota < least {
		quota, each = int64(math.Round(percent/100*longPeriod)), longPeriod
	}
	if p.two {
		text := fmt.Sprintf("%d %d", quota, each)
		if percent == 0 {
			text = fmt.Sprintf("max %d", period)
		}
		return failure("limit a control group's share", write(filepath.Join(p.dir, "cpu.max"), text))
	}
	if percent == 0 {
		quota, each = -1, period
	}
	// In this order no combination on the way is refused.
	err = write(filepath.Join(p.dir, "cpu.cfs_quota_us"), "-1")
	if err == nil {
		err = write(filepath.Join(p.dir, "cpu.cfs_period_us"), strconv.FormatInt(each, 10))
	}
	if err == nil {
		err = write(filepath.Join(p.dir, "cpu.cfs_quota_us"), strconv.FormatInt(quota, 10))
	}
	return failure("limit a control group's share", err)
}

// LimitMemory lets the group use so many bytes of memory; 0 is all that there is. It fails if more
// is in use that cannot be freed.
func (g *Group) LimitMemory(bytes int64) error {
	p, err := g.place(Memory)
	if err != nil {
		return err
	}
	if bytes < 0 || bytes > 0 && bytes < leastMemory {
		return fmt.Errorf("%d bytes of memory are too few for any process: it is at least %d", bytes, leastMemory)
	}
	if bytes > 0 {
		// The second version kills at once; the first refuses what cannot be met.
		if used := p.firm(); p.two && used > bytes {
			return fmt.Errorf("limit a control group's memory to %d bytes: %d are in use that cannot be freed", bytes, used)
		}
	}
	text := strconv.FormatInt(bytes, 10)
	if bytes == 0 {
		text = map[bool]string{false: "-1", true: "max"}[p.two]
	}
	err = write(p.file("memory.limit_in_bytes", "memory.max"), text)
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("limit a control group's memory to %d bytes: %d are in use that cannot be freed: %w", bytes, p.firm(), syscall.EBUSY)
	}
	return failure("limit a control group's memory", err)
}

// Firm is how much memory is in use that cannot be freed, as caches of files can; 0 if nobody can tell.
func (g *Group) Firm() int64 {
	p, err := g.place(Memory)
	if err != nil {
		return 0
	}
	return p.firm()
}

// firm is how much memory is in use that is no cache of files.
func (p place) firm() (sum int64) {
	names := []string{"total_rss", "total_shmem"}
	if p.two {
		names = []string{"anon", "kernel", "shmem"}
	}
	for _, name := range names {
		n, _ := field(filepath.Join(p.dir, "memory.stat"), name) // of what an older kernel does not count there is none
		sum += n
	}
	return sum
}

// Counts tells what was counted so far.
func (g *Group) Counts() (c Counts, err error) {
	var failed error
	note := func(n int64, err error) int64 {
		failed = errors.Join(failed, err)
		return n
	}
	if p, ok := g.where[CPU]; ok {
		c.Throttled = note(field(filepath.Join(p.dir, "cpu.stat"), "nr_throttled"))
	}
	if p, ok := g.where[Memory]; ok {
		c.OOMKills = note(field(p.file("memory.oom_control", "memory.events"), "oom_kill"))
		if p.two {
			c.MemoryHits = note(field(filepath.Join(p.dir, "memory.events"), "max"))
		} else {
			b, err := os.ReadFile(filepath.Join(p.dir, "memory.failcnt"))
			n, wrong := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
			c.MemoryHits = note(n, errors.Join(err, wrong))
		}
	}
	return c, failure("count a control group's", failed)
}

// Freeze has the group stand still, and returns once it does. One of the first version cannot
// even be killed then: Doomed tells.
func (g *Group) Freeze(ctx context.Context) error {
	p, err := g.place(Freezer)
	if err != nil {
		return err
	}
	if err := write(p.file("freezer.state", "cgroup.freeze"), map[bool]string{false: "FROZEN", true: "1"}[p.two]); err != nil {
		return failure("freeze a control group", err)
	}
	for !p.frozen() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("freeze a control group, where something sleeps in the kernel: %w", errors.Join(ctx.Err(), g.thaw()))
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (p place) frozen() bool {
	if p.two {
		n, err := field(filepath.Join(p.dir, "cgroup.events"), "frozen")
		return err == nil && n == 1
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "freezer.state"))
	return err == nil && strings.TrimSpace(string(b)) == "FROZEN"
}

// Frozen tells whether all that is in the group stands still.
func (g *Group) Frozen() bool {
	p, ok := g.where[Freezer]
	return ok && p.frozen()
}

// Doomed tells whether a process of the group was killed and cannot end, since it is frozen.
func (g *Group) Doomed() bool {
	for _, pid := range g.where[Freezer].pids() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(b)) {
			for _, name := range []string{"SigPnd:", "ShdPnd:"} {
				if set, ok := strings.CutPrefix(line, name); ok {
					n, _ := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
					if n&(1<<(syscall.SIGKILL-1)) != 0 {
						return true
					}
				}
			}
		}
	}
	return false
}

// Thaw lets the group go on.
func (g *Group) Thaw() error { return g.thaw() }

func (g *Group) thaw() error {
	p, ok := g.where[Freezer]
	if !ok {
		return nil
	}
	err := write(p.file("freezer.state", "cgroup.freeze"), map[bool]string{false: "THAWED", true: "0"}[p.two])
	if errors.Is(err, os.ErrNotExist) {
		return nil // the group is gone
	}
	return failure("thaw a control group", err)
}

func failure(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
