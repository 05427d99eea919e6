package vdso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// held is a process of which no thread executes anything: each is stopped, or is in
// the kernel and will be stopped before it leaves it.
type held struct {
	pid     int
	threads map[int]*thread
}

type thread struct {
	tid     int
	stopped bool        // by ptrace; else it is in an uninterruptible sleep
	going   bool        // it was let go on, and has not stopped since
	signal  unix.Signal // that it was about to receive
	pc, sp  uint64      // where it will go on
}

const (
	// holds bounds how long a process is kept from running.
	holds = 100 * time.Millisecond
	// tries bounds how long one waits for an instant at which it can be changed.
	tries = 5 * time.Second
)

// errNotNow is that the process could not be held, or not at an instant that suits.
var errNotNow = errors.New("no suitable instant")

// hold stops all threads of a process, calls f, and lets them go on. It tries again while
// either says errNotNow.
func hold(pid int, f func(*held) error) error {
	for deadline := time.Now().Add(tries); ; {
		err := apart(func() error {
			h := &held{pid: pid, threads: make(map[int]*thread)}
			defer h.release()
			if err := h.stop(time.Now().Add(holds)); err != nil {
				return err
			}
			return f(h)
		})
		if !errors.Is(err, errNotNow) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// apart calls f on a thread of its own, which ends with it: the kernel then lets go of
// whatever the thread still traces. The first thread of a program never ends.
func apart(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			done <- apart(f)
			runtime.UnlockOSThread()
			return
		}
		done <- f()
	}()
	return <-done
}

// stop stops all threads, and those that they start meanwhile.
func (h *held) stop(deadline time.Time) error {
	for {
		tids, err := h.list()
		if err != nil {
			return err
		}
		fresh := false
		for _, tid := range tids {
			if h.threads[tid] != nil {
				continue
			}
			seized, err := seize(h.pid, tid)
			if err != nil {
				return err
			}
			if seized {
				h.threads[tid], fresh = &thread{tid: tid}, true
			}
		}
		if !fresh {
			break
		}
		for tid, t := range h.threads {
			here, err := t.await(deadline)
			if err != nil {
				return err
			}
			if !here {
				delete(h.threads, tid) // has ended
			}
		}
	}
	if len(h.threads) == 0 {
		return ErrGone
	}
	return nil
}

func (h *held) list() ([]int, error) {
	dir, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", h.pid))
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", h.pid, ErrGone)
	}
	var all []int
	for _, e := range dir {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, tid)
		}
	}
	return all, nil
}

// seize begins to trace a thread, and asks it to stop. It reports false for one that has ended.
func seize(pid, tid int) (bool, error) {
	err := ptrace(unix.PTRACE_SEIZE, tid, 0, unix.PTRACE_O_TRACESYSGOOD)
	switch state := stateOf(pid, tid); {
	case err == nil:
	case errors.Is(err, unix.ESRCH), strings.ContainsAny(state, "ZX"), state == "":
		return false, nil
	case errors.Is(err, unix.EPERM) && tracer(pid, tid) != 0:
		return false, fmt.Errorf("thread %d is traced by process %d: %w", tid, tracer(pid, tid), errNotNow)
	default:
		return false, fmt.Errorf("trace thread %d of process %d: %w", tid, pid, err)
	}
	if err := ptrace(unix.PTRACE_INTERRUPT, tid, 0, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return false, fmt.Errorf("stop thread %d of process %d: %w", tid, pid, err)
	}
	return true, nil
}

// await waits until a thread is stopped, or certain to be. It reports false for one that
// has ended.
func (t *thread) await(deadline time.Time) (bool, error) {
	if t.stopped || t.pc != 0 {
		return true, nil
	}
	for n := 0; ; n++ {
		status, ok, err := stopOf(t.tid)
		if err != nil {
			return false, nil
		}
		if ok {
			return t.arrive(status)
		}
		state := stateOf(t.tid, t.tid)
		if state == "" || strings.ContainsAny(state, "ZX") {
			return false, nil
		}
		if n > 1 && state == "D" {
			if pc, sp, ok := kernelEntry(t.tid); ok && stateOf(t.tid, t.tid) == "D" {
				t.pc, t.sp = pc, sp
				return true, nil
			}
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("thread %d, in state %s, does not stop: %w", t.tid, state, errNotNow)
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// arrive notes where a thread was stopped, and the signal that it was to receive
// just then.
func (t *thread) arrive(status int) (bool, error) {
	t.stopped = true
	if status>>8 == 0 {
		t.signal = unix.Signal(status & 0x7f)
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(t.tid, &regs); err != nil {
		return false, nil // killed meanwhile
	}
	t.pc, t.sp = regs.Rip, regs.Rsp
	return true, nil
}

// release lets all threads go on, with the signals that they were to receive.
func (h *held) release() {
	for tid, t := range h.threads {
		if !t.stopped {
			// One that is about to stop is let go when this thread ends.
			if status, ok, err := stopOf(tid); err == nil && ok {
				t.arrive(status)
			}
		}
		if err := ptrace(unix.PTRACE_DETACH, tid, 0, uintptr(t.signal)); err != nil && tid != h.pid {
			unix.Wait4(tid, nil, unix.WALL|unix.WNOHANG, nil) // one that was killed is nobody else's to reap
		}
	}
}

// within tells whether a thread would go on inside one of the ranges, now or when the
// handler of a signal returns.
func (h *held) within(ranges [][2]uint64) bool {
	inside := func(pc uint64) bool {
		for _, r := range ranges {
			if r[0] < pc && pc < r[1] {
				return true
			}
		}
		return false
	}
	for _, t := range h.threads {
		if inside(t.pc) {
			return true
		}
		var mask uint64
		if !t.stopped || ptrace(unix.PTRACE_GETSIGMASK, t.tid, 8, uintptr(unsafe.Pointer(&mask))) == nil && mask == 0 {
			continue // in no handler
		}
		stack := h.peekUpTo(t.sp&^7, 64<<10)
		for ; len(stack) >= 8; stack = stack[8:] {
			if inside(binary.LittleEndian.Uint64(stack)) {
				return true
			}
		}
	}
	return false
}

// peekUpTo reads what there is of memory from an address on.
func (h *held) peekUpTo(addr uint64, most int) []byte {
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", h.pid))
	if err != nil {
		return nil
	}
	defer mem.Close()
	b := make([]byte, most)
	n, _ := mem.ReadAt(b, int64(addr))
	return b[:n]
}

// poke writes memory that the process itself may not write to.
func (h *held) poke(addr uint64, b []byte) error {
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", h.pid), os.O_WRONLY, 0)
	if err == nil {
		defer mem.Close()
		if _, err = mem.WriteAt(b, int64(addr)); err == nil {
			return nil
		}
	}
	for tid, t := range h.threads { // a kernel may forbid the one, and allow the other
		if t.stopped {
			if n, also := unix.PtracePokeData(tid, uintptr(addr), b); also == nil && n == len(b) {
				return nil
			}
		}
	}
	return fmt.Errorf("write to the memory of process %d: %w", h.pid, err)
}

func ptrace(request, tid int, addr, data uintptr) error {
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, uintptr(request), uintptr(tid), addr, data, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// stopOf asks whether a traced thread has stopped, and why. It takes notice of no
// end of a process: that is for its parent.
func stopOf(tid int) (status int, stopped bool, err error) {
	const stoppedOnly = unix.WSTOPPED | unix.WALL | unix.WNOHANG
	var info [128]byte
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, unix.P_PID, uintptr(tid), uintptr(unsafe.Pointer(&info)), stoppedOnly, 0, 0)
	if errno != 0 {
		return 0, false, errno
	}
	// siginfo_t: si_pid is at 16, si_status at 24.
	return int(binary.LittleEndian.Uint32(info[24:])), binary.LittleEndian.Uint32(info[16:]) != 0, nil
}

// stateOf is the letter by which proc_pid_stat(5) tells what a thread is at, "" if it has ended.
func stateOf(pid, tid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
	if i := bytes.LastIndexByte(b, ')'); err == nil && i > 0 && i+2 < len(b) {
		return string(b[i+2 : i+3])
	}
	return ""
}

func tracer(pid, tid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
	for line := range strings.Lines(string(b)) {
		if who, ok := strings.CutPrefix(line, "TracerPid:"); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(who))
			return n
		}
	}
	return 0
}

// kernelEntry tells from where a sleeping thread entered the kernel.
func kernelEntry(tid int) (pc, sp uint64, ok bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", tid))
	f := strings.Fields(string(b))
	if err != nil || len(f) < 3 {
		return 0, 0, false
	}
	sp, err1 := strconv.ParseUint(f[len(f)-2], 0, 64)
	pc, err2 := strconv.ParseUint(f[len(f)-1], 0, 64)
	return pc, sp, err1 == nil && err2 == nil
}
