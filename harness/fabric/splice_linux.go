package fabric

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	spliceSize  = 256 << 10
	spliceFlags = unix.SPLICE_F_NONBLOCK | unix.SPLICE_F_MOVE
)

// splicer moves bytes between sockets through a pipe, without copying them to
// user space. Unlike io.Copy it can be interrupted without losing what is in
// the pipe.
type splicer struct {
	in, out int // of the pipe
	held    int // bytes in the pipe
	err     error

	fillFunc, flushFunc func(fd uintptr) bool
	got                 int
}

// newSplicer returns one that is not usable when there is no pipe to be had.
func newSplicer() *splicer {
	p := &splicer{in: -1, out: -1}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return p
	}
	p.out, p.in = fds[0], fds[1]
	p.fillFunc, p.flushFunc = p.fillOnce, p.flushOnce
	// A larger pipe means fewer calls; the default one works too.
	_, _ = unix.FcntlInt(uintptr(p.in), unix.F_SETPIPE_SZ, spliceSize)
	return p
}

func (p *splicer) usable() bool { return p.in >= 0 }

// fill waits for bytes from src and takes them into the empty pipe. The end of
// src is io.EOF.
func (p *splicer) fill(src syscall.RawConn) (int, error) {
	if err := src.Read(p.fillFunc); err != nil {
		return 0, err
	}
	switch {
	case p.err != nil:
		return 0, os.NewSyscallError("splice", p.err)
	case p.got == 0:
		return 0, io.EOF
	}
	p.held = p.got
	return p.got, nil
}

func (p *splicer) fillOnce(fd uintptr) bool {
	n, err := splice(int(fd), p.in, spliceSize)
	p.got, p.err = n, err
	return err != unix.EAGAIN
}

// flush moves everything in the pipe to dst. After an error the rest is still
// there.
func (p *splicer) flush(dst syscall.RawConn) error {
	for p.held > 0 {
		if err := dst.Write(p.flushFunc); err != nil {
			return err
		}
		if p.err != nil {
			return os.NewSyscallError("splice", p.err)
		}
		p.held -= p.got
	}
	return nil
}

func (p *splicer) flushOnce(fd uintptr) bool {
	n, err := splice(p.out, int(fd), p.held)
	p.got, p.err = n, err
	return err != unix.EAGAIN
}

// take empties the pipe into memory.
func (p *splicer) take() ([]byte, error) {
	b := make([]byte, p.held)
	for got := 0; got < len(b); {
		n, err := unix.Read(p.out, b[got:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, fmt.Errorf("read back from pipe: %w", err)
		}
		got += n
	}
	p.held = 0
	return b, nil
}

// close may be called on nil.
func (p *splicer) close() {
	if p == nil || p.in < 0 {
		return
	}
	unix.Close(p.in)
	unix.Close(p.out)
	p.in, p.out = -1, -1
}

func splice(from, to, n int) (int, error) {
	for {
		m, err := unix.Splice(from, nil, to, nil, n, spliceFlags)
		if err != unix.EINTR {
			return int(m), err
		}
	}
}
