package vdso

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// page has the process map a page of memory, where its readings are counted. It returns 0 if
// that cannot be had just now: then nobody counts. Its error is ErrSpoilt.
//
// One of its threads makes the system call, while all others are held, and is
// put back to where it was, to the same stop: so that a system call of its own that was
// interrupted is restarted as it would have been.
func (h *held) page(img *image) (uint64, error) {
	syscall := bytes.Index(img.bytes, []byte{0x0f, 0x05})
	if syscall < 0 {
		return 0, nil
	}
	for _, t := range h.threads {
		if t.stopped && t.signal == 0 {
			at, err := t.call(holds, t.halt, img.base+uint64(syscall), unix.SYS_MMAP, 0, uint64(unix.Getpagesize()),
				unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
			if errors.Is(err, ErrSpoilt) {
				return 0, err
			}
			return at, nil
		}
	}
	return 0, nil
}

// puts bounds how long it may take to put a thread back. One that is let go before would go on
// with the registers of a system call that it never made.
const puts = 30 * time.Second

// call has the thread make a system call within limit, by an instruction for that at an address
// of its own, and brings it to where it was by halt. Its error is ErrSpoilt if the thread lives and that
// failed.
func (t *thread) call(limit time.Duration, halt func() error, by, number uint64, a ...uint64) (result uint64, err error) {
	var saved unix.PtraceRegs
	if err := unix.PtraceGetRegs(t.tid, &saved); err != nil {
		return 0, err
	}
	var mask uint64
	all := ^uint64(0)
	if err := ptrace(unix.PTRACE_GETSIGMASK, t.tid, 8, uintptr(unsafe.Pointer(&mask))); err != nil {
		return 0, err
	}
	if err := ptrace(unix.PTRACE_SETSIGMASK, t.tid, 8, uintptr(unsafe.Pointer(&all))); err != nil {
		return 0, err
	}
	defer func() { // whatever went wrong, it goes on where it was
		back := halt()
		if back == nil {
			back = errors.Join(unix.PtraceSetRegs(t.tid, &saved), ptrace(unix.PTRACE_SETSIGMASK, t.tid, 8, uintptr(unsafe.Pointer(&mask))))
		}
		if back != nil && !errors.Is(back, unix.ESRCH) && !errors.Is(back, unix.ECHILD) { // it was not killed
			back = fmt.Errorf("%w: %v", ErrSpoilt, back) // and that is not tried again
		}
		if err = errors.Join(err, back); err != nil {
			result = 0
		}
	}()
	regs := saved
	regs.Rip, regs.Rax, regs.Orig_rax = by, number, ^uint64(0) // no system call is to be restarted now
	regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
	if err := unix.PtraceSetRegs(t.tid, &regs); err != nil {
		return 0, err
	}
	inCall := func(status int) bool { return status == int(unix.SIGTRAP)|0x80 }
	for range 2 { // at its beginning, at its end
		if err := t.until(unix.PTRACE_SYSCALL, limit, inCall); err != nil {
			return 0, err
		}
	}
	if err := unix.PtraceGetRegs(t.tid, &regs); err != nil {
		return 0, err
	}
	if regs.Rax > ^uint64(4095) {
		return 0, unix.Errno(-regs.Rax)
	}
	return regs.Rax, nil
}

// halt brings the thread to the stop in which it was at first. Any other stop makes the kernel
// forget that one was asked for.
func (t *thread) halt() error {
	stop := func(kind func(status int) bool) error {
		return errors.Join(ptrace(unix.PTRACE_INTERRUPT, t.tid, 0, 0), t.until(unix.PTRACE_CONT, puts, kind))
	}
	if t.going {
		if err := stop(func(int) bool { return true }); err != nil {
			return err
		}
	}
	return stop(func(status int) bool { return status>>8 == unix.PTRACE_EVENT_STOP })
}

// until lets the thread go on to a stop of a kind, if it is not on its way already. A signal
// that it would receive meanwhile, as only SIGSTOP can be, it receives when it is released.
func (t *thread) until(how int, limit time.Duration, kind func(status int) bool) error {
	for deadline := time.Now().Add(limit); ; {
		if !t.going { // else it would go on from the very stop that is waited for
			if err := ptrace(how, t.tid, 0, 0); err != nil {
				return err
			}
			t.going = true
		}
		for {
			status, stopped, err := stopOf(t.tid)
			switch {
			case err != nil:
				return err
			case !stopped && time.Now().After(deadline):
				return errNotNow
			case !stopped:
				time.Sleep(20 * time.Microsecond)
				continue
			}
			t.going = false
			switch {
			case kind(status):
				return nil
			case status>>8 == 0 && status&0x80 == 0:
				t.signal = unix.Signal(status)
			}
			break
		}
	}
}
