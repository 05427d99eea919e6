package night

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// leashed lets a process have a group of its own, so that an interrupt of the terminal
// reaches the night alone, and die with the thread that starts it.
func leashed() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// memory is how many bytes of their own a process and all that descends from it hold.
func memory(pid int) uint64 {
	var sum uint64
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		if pages := strings.Fields(string(text)); len(pages) > 2 {
			resident, _ := strconv.ParseUint(pages[1], 10, 64)
			shared, _ := strconv.ParseUint(pages[2], 10, 64)
			sum = (resident - min(shared, resident)) * uint64(os.Getpagesize())
		}
	}
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid)) // none: it has ended
	for _, t := range threads {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		for _, text := range strings.Fields(string(children)) {
			if child, err := strconv.Atoi(text); err == nil {
				sum += memory(child)
			}
		}
	}
	return sum
}

// oomKills counts the processes that the kernel has killed for want of memory, on the
// whole machine.
func oomKills() uint64 {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, _ := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
			return kills
		}
	}
	return 0
}

// free is how many bytes this process may still write to the disk of a folder.
func free(dir string) uint64 {
	var fs syscall.Statfs_t
	if syscall.Statfs(dir, &fs) != nil {
		return math.MaxUint64
	}
	if os.Geteuid() == 0 {
		return fs.Bfree * uint64(fs.Frsize)
	}
	return fs.Bavail * uint64(fs.Frsize)
}

// scarce tells whether less than an eighth of the machine's memory is left.
func scarce() bool {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return false
	}
	var total, left uint64
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 {
			switch f[0] {
			case "MemTotal:":
				total, _ = strconv.ParseUint(f[1], 10, 64)
			case "MemAvailable:":
				left, _ = strconv.ParseUint(f[1], 10, 64)
			}
		}
	}
	return left < total/8
}
