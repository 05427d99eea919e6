package vdso

import (
	"bytes"
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// page has the process map a page of memory, where its readings are counted. It returns 0 if
// that cannot be had just now: then nobody counts.
//
// One of its threads makes the system call, while all others are held, and is
// put back to where it was, to the same stop: so that a system call of its own that was
// interrupted is restarted as it would have been.
func (h *held) page(img *image) uint64 {
	syscall := bytes.Index(img.bytes, []byte{0x0f, 0x05})
	if syscall < 0 {
		return 0
	}
	for _, t := range h.threads {
		if t.stopped && t.signal == 0 {
			at, err := t.call(img.base+uint64(syscall), unix.SYS_MMAP, 0, uint64(unix.Getpagesize()),
				unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
			if err != nil {
				return 0
			}
			return at
		}
	}
	return 0
}

// call has the thread make a system call, by an instruction for that at an address of
// its own.
func (t *thread) call(by, number uint64, a ...uint64) (result uint64, err error) {
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
		back := errors.Join(ptrace(unix.PTRACE_INTERRUPT, t.tid, 0, 0), t.until(unix.PTRACE_CONT, func(status int) bool {
			return status>>8 == unix.PTRACE_EVENT_STOP
		}), unix.PtraceSetRegs(t.tid, &saved), ptrace(unix.PTRACE_SETSIGMASK, t.tid, 8, uintptr(unsafe.Pointer(&mask))))
		err = errors.Join(err, back)
	}()
	regs := saved
	regs.Rip, regs.Rax, regs.Orig_rax = by, number, ^uint64(0) // no system call is to be restarted now
	regs.Rdi, regs.Rsi, regs.Rdx, regs.R10, regs.R8, regs.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
	if err := unix.PtraceSetRegs(t.tid, &regs); err != nil {
		return 0, err
	}
	inCall := func(status int) bool { return status == int(unix.SIGTRAP)|0x80 }
	for range 2 { // at its beginning, at its end
		if err := t.until(unix.PTRACE_SYSCALL, inCall); err != nil {
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

// until lets the thread go on to a stop of a kind. A signal that it would receive
// meanwhile, as only SIGSTOP can be, it receives when it is released.
func (t *thread) until(how int, kind func(status int) bool) error {
	for deadline := time.Now().Add(holds); ; {
		if err := ptrace(how, t.tid, 0, 0); err != nil {
			return err
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
			case kind(status):
				return nil
			case status>>8 == 0 && status&0x80 == 0:
				t.signal = unix.Signal(status)
			}
			break
		}
	}
}
