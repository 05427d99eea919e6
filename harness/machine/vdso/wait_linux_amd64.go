package vdso

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// wait is a system call that ends when the wall clock tells a time, as a thread
// makes it: the kernel goes by its own clock, of which it is told nothing.
type wait struct {
	tid    int
	number uint64
	args   [6]uint64
}

const (
	futexWaitBitset = 9
	futexLockPI2    = 13
	futexCommand    = 0x7f
	futexRealtime   = 0x100
	matchAny        = 0xffffffff // the bits that C libraries wait for
)

// deadline is where the time is that it waits for, 0 if it waits for none of the wall clock.
func (w wait) deadline() uint64 {
	switch futex := w.args[1]&futexCommand == futexWaitBitset && uint32(w.args[5]) == matchAny; {
	case w.number == unix.SYS_FUTEX && w.args[1]&futexCommand == futexLockPI2,
		w.number == unix.SYS_FUTEX && futex,
		w.number == unix.SYS_RESTART_SYSCALL && futex: // of which one sees its arguments alone
		if w.args[1]&futexRealtime != 0 {
			return w.args[3]
		}
	case w.number == unix.SYS_CLOCK_NANOSLEEP && w.args[0] == unix.CLOCK_REALTIME && w.args[1]&unix.TIMER_ABSTIME != 0:
		return w.args[2]
	}
	return 0
}

// over is what it returns when the time has come.
func (w wait) over() uint64 {
	if w.number == unix.SYS_CLOCK_NANOSLEEP {
		return 0
	}
	return ^uint64(unix.ETIMEDOUT) + 1
}

// EndWaits ends the waits of a process's threads for a time that its clock, being c, tells
// already: what begins to wait for "now, and a second" by a clock that is an hour ahead
// would wait for an hour. It tells how many there were. Whoever wants such waits to last as long as they
// should calls it often. Those by timerfd, and signals that are to come at a time, are not reached.
func EndWaits(pid int, c Clock) (ended int, err error) {
	due, err := dueWaits(pid, c)
	for _, w := range due {
		done := false
		err = errors.Join(err, apart(func() (err error) {
			done, err = w.end(pid)
			return err
		}))
		if done {
			ended++
		}
	}
	return ended, err
}

// dueWaits lists the waits that are over by the process's clock. It stops nothing.
func dueWaits(pid int, c Clock) (due []wait, err error) {
	h := held{pid: pid}
	tids, err := h.list()
	if err != nil {
		return nil, err
	}
	for _, tid := range tids {
		w, ok := waitOf(pid, tid)
		if !ok || w.deadline() == 0 {
			continue
		}
		b := h.peekUpTo(w.deadline(), 16)
		if len(b) < 16 {
			continue
		}
		until := time.Unix(int64(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:])))
		if !c.At(time.Now()).Before(until) {
			due = append(due, w)
		}
	}
	return due, nil
}

// waitOf is the system call that a thread sleeps in.
func waitOf(pid, tid int) (w wait, ok bool) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/syscall", pid, tid))
	f := strings.Fields(string(b))
	if len(f) != 9 { // number, arguments, and where; "running" is one word
		return w, false
	}
	w.tid = tid
	w.number, _ = strconv.ParseUint(f[0], 10, 64)
	for i := range w.args {
		w.args[i], _ = strconv.ParseUint(f[1+i], 0, 64)
	}
	return w, true
}

// end has the thread return from the wait, if it is in it yet. A thread that somebody else traces, or
// that does not stop at once, is left to the next time.
func (w wait) end(pid int) (ended bool, err error) {
	seized, err := seize(pid, w.tid)
	if err != nil || !seized {
		if errors.Is(err, errNotNow) {
			err = nil
		}
		return false, err
	}
	t := &thread{tid: w.tid}
	h := held{pid: pid, threads: map[int]*thread{w.tid: t}}
	defer h.release()
	if here, err := t.await(time.Now().Add(holds)); err != nil || !here || !t.stopped {
		return false, nil
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(w.tid, &regs); err != nil || !w.interrupted(&regs) {
		return false, nil
	}
	regs.Rax, regs.Orig_rax = w.over(), ^uint64(0)
	if err := unix.PtraceSetRegs(w.tid, &regs); err != nil {
		return false, nil // killed meanwhile
	}
	return true, nil
}

// What a system call returns that the kernel would take up again.
const (
	errRestartSys      = 512
	errRestartNoHandle = 514
	errRestartBlock    = 516
)

// interrupted tells whether registers are those of this very wait, to be taken up again.
func (w wait) interrupted(r *unix.PtraceRegs) bool {
	switch -int64(r.Rax) {
	case errRestartSys, errRestartNoHandle, errRestartBlock:
		return r.Orig_rax == w.number && [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9} == w.args
	}
	return false
}
