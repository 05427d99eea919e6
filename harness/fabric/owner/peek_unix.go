//go:build unix

package owner

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// Peek returns how many bytes at the beginning of what a socket has received fill b, and
// leaves them there; 0 if none has come yet. io.EOF says that none ever will.
func Peek(tcp *net.TCPConn, b []byte) (n int, err error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		n, _, failed = syscall.Recvfrom(int(fd), b, syscall.MSG_PEEK) // the socket does not block
	}); err != nil {
		return 0, err
	}
	switch {
	case errors.Is(failed, syscall.EAGAIN), errors.Is(failed, syscall.EINTR):
		return 0, nil
	case failed != nil:
		return 0, failed
	case n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return n, nil
}
