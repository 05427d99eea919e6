package rawio

import (
	"io"
	"os"
	"syscall"
	"unsafe"
)

func (c *Conn) init(raw syscall.RawConn) {
	c.raw = raw
	c.read = func(fd uintptr) bool { return c.reading.read(fd) }
	c.write = func(fd uintptr) bool { return c.writing.write(fd) }
}

func (p *piece) read(fd uintptr) (done bool) {
	n, errno := call(syscall.SYS_READ, fd, p.b)
	switch {
	case errno == syscall.EAGAIN:
		return false
	case errno != 0:
		p.err = os.NewSyscallError("read", errno)
	case n == 0:
		p.err = io.EOF
	}
	p.n = n
	return true
}

func (p *piece) write(fd uintptr) (done bool) {
	for p.n < len(p.b) {
		n, errno := call(syscall.SYS_WRITE, fd, p.b[p.n:])
		switch {
		case errno == syscall.EAGAIN:
			return false
		case errno != 0:
			p.err = os.NewSyscallError("write", errno)
			return true
		case n == 0:
			p.err = io.ErrUnexpectedEOF
			return true
		}
		p.n += n
	}
	return true
}

// call reads or writes once. b has at least one byte.
func call(what, fd uintptr, b []byte) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.RawSyscall(what, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)))
		if errno == syscall.EINTR {
			continue
		}
		if errno != 0 {
			n = 0
		}
		return int(n), errno
	}
}
