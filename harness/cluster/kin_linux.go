package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// mark is what a started process and all that descend from it have in common,
// and nobody else has: a number of its own as the limit of their file locks, which
// Linux hands on to every child and has not looked at since 2.4.25. Neither a
// session of its own, nor the death of its parent, nor another program or an empty
// environment takes it from a process. 0 is none: the kernel does not allow it.
type mark uint64

// brand gives a process a mark. It must not have children yet.
func brand(pid int) mark {
	m := mark(rand.Uint64()>>2 | 1<<40) // no limit that anybody would set
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_LOCKS, nil, &limit); err != nil {
		return 0
	}
	limit.Cur = uint64(m)
	if err := unix.Prlimit(pid, unix.RLIMIT_LOCKS, &limit, nil); err != nil || !m.on(pid) {
		return 0
	}
	return m
}

// on tells whether a process has the mark.
func (m mark) on(pid int) bool {
	var limit unix.Rlimit
	err := unix.Prlimit(pid, unix.RLIMIT_LOCKS, nil, &limit)
	if errors.Is(err, unix.EPERM) { // another user's by now, as sudo makes one
		return m.listed(pid)
	}
	return err == nil && m != 0 && limit.Cur == uint64(m)
}

func (m mark) listed(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if limit, ok := strings.CutPrefix(line, "Max file locks"); ok {
			soft := strings.Fields(limit)
			return m != 0 && len(soft) > 0 && soft[0] == strconv.FormatUint(uint64(m), 10)
		}
	}
	return false
}

// kin lists the processes that have the mark and live.
func (m mark) kin() []int {
	return slices.DeleteFunc(m.all(), func(pid int) bool { return !alive(pid) })
}

// all lists the processes that have the mark, zombies too.
func (m mark) all() []int {
	if m == 0 {
		return nil
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // a failure halfway leaves what was listed
	var all []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && m.on(pid) {
			all = append(all, pid)
		}
	}
	return all
}

// signal signals a process if it has the mark. A number that has become another
// process's meanwhile is none's.
func (m mark) signal(pid int, sig syscall.Signal) error {
	p, err := os.FindProcess(pid) // by a pidfd
	if err != nil {
		return err
	}
	defer p.Release()
	if !m.on(pid) {
		return os.ErrProcessDone
	}
	return p.Signal(sig)
}

// alive tells whether a process is there and more than a zombie.
func alive(pid int) bool {
	stat := statOf(fmt.Sprintf("/proc/%d/stat", pid))
	// Of a process whose first thread has ended the others may go on.
	return len(stat) > 17 && (!strings.ContainsAny(stat[0], "ZX") || stat[17] != "1" && stat[17] != "0")
}

// buried returns once no zombies have the mark, or after a while: to others they are
// processes, and a server refuses to start while its pid file names one. Orphans are reaped
// by the first process of the machine, which may take its time; that of a container may never do it.
func (m mark) buried(patience time.Duration) {
	for begun, left := time.Now(), m.all(); len(left) > 0 && time.Since(begun) < patience; time.Sleep(time.Millisecond) {
		left = slices.DeleteFunc(left, func(pid int) bool { return !m.on(pid) })
	}
}

// stopped tells whether no thread of a process runs: each has been stopped, has
// ended, or is in the kernel and will be stopped before it leaves it.
func stopped(pid int) bool { return len(going(pid)) == 0 }

// halt stops the threads that go on although their process was sent SIGSTOP. The kernel
// gives that to one thread, which stops the others: if it waits for a disk, only once that
// has answered.
func halt(pid int) {
	for _, tid := range going(pid) {
		_ = unix.Tgkill(pid, tid, unix.SIGSTOP) // if it has ended it does not go on
	}
}

// going lists the threads of a process that are neither stopped nor about to be.
func going(pid int) (tids []int) {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil // it has ended
	}
	for _, t := range tasks {
		stat := statOf(fmt.Sprintf("/proc/%d/task/%s/stat", pid, t.Name()))
		if tid, err := strconv.Atoi(t.Name()); err == nil && len(stat) > 0 && !strings.ContainsAny(stat[0], "TtDZX") {
			tids = append(tids, tid)
		}
	}
	return tids
}

// statOf returns the fields of proc_pid_stat(5) from the state on: what stands
// before it, a name, may have blanks.
func statOf(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
}

// untilEnded returns once a child has ended, without reaping it. A wait that does reap takes
// one that is stopped by ptrace, as when its clock is changed, for one that has ended.
func untilEnded(pid int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || info.Code >= cldExited && info.Code <= cldDumped:
			return
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

// What became of a child, of the kernel's CLD constants.
const (
	cldExited = 1
	cldDumped = 3
)
