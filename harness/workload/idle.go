package workload

import (
	"net"
	"syscall"
)

// Idle tells whether an open connection, which a client keeps for its next
// request, has nothing to read: neither bytes that nobody asked for, nor its end,
// nor an error. It takes nothing off the connection and does not wait.
func Idle(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var quiet bool
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EINTR
	})
	return err == nil && quiet
}
