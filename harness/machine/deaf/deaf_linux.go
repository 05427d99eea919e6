package deaf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout bounds a dial on this machine, which is answered or refused at once.
const dialTimeout = time.Second

// Deafen closes all sockets on which the processes listen for TCP, those of nobody else, and
// dials where they were. A socket that some other process has open too is closed for it as
// well.
func Deafen(ctx context.Context, pids ...int) (Closed, error) {
	var closed Closed
	var where []netip.AddrPort
	for _, pid := range pids {
		at, err := deafen(pid)
		closed.Listeners += len(at)
		where = append(where, at...)
		if err != nil {
			return closed, fmt.Errorf("close the listening sockets of process %d: %w", pid, err)
		}
	}
	slices.SortFunc(where, netip.AddrPort.Compare)
	for _, at := range slices.Compact(where) {
		if err := accepts(ctx, at); errors.Is(err, syscall.ECONNREFUSED) {
			closed.Refused++
		} else if err == nil {
			closed.Accepts = append(closed.Accepts, at.String())
		}
	}
	return closed, ctx.Err()
}

// deafen closes the listening sockets of a process, and tells where they were. One that
// has ended has none.
func deafen(pid int) (where []netip.AddrPort, err error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, nil
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
		return nil, err
	}
	for _, n := range names {
		fd, err := strconv.Atoi(n.Name())
		if link, _ := os.Readlink(dir + "/" + n.Name()); err != nil || !strings.HasPrefix(link, "socket:") {
			continue
		}
		ours, err := unix.PidfdGetfd(pidfd, fd, 0)
		if errors.Is(err, unix.EBADF) || errors.Is(err, unix.ESRCH) {
			continue // closed meanwhile
		}
		if err != nil {
			return where, os.NewSyscallError("pidfd_getfd", err)
		}
		at, err := shut(ours)
		unix.Close(ours)
		if err != nil {
			return where, err
		}
		if at.IsValid() {
			where = append(where, at)
		}
	}
	return where, nil
}

// shut closes a socket if it listens for TCP, and tells where.
func shut(fd int) (at netip.AddrPort, err error) {
	if listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listens == 0 {
		return at, nil
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return at, os.NewSyscallError("getsockname", err)
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	default:
		return at, nil // one of this machine's own
	}
	return at, os.NewSyscallError("shutdown", unix.Shutdown(fd, unix.SHUT_RDWR))
}

// accepts tells why a dial to an address, or to this machine if it is that of all
// addresses, fails; nil if it does not.
func accepts(ctx context.Context, at netip.AddrPort) error {
	addr := at.Addr()
	if addr.IsUnspecified() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if at.Addr().Is6() {
			addr = netip.IPv6Loopback()
		}
	}
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(addr, at.Port()).String())
	if err == nil {
		conn.Close()
	}
	return err
}

// Available tells why listening sockets of other processes cannot be closed here, nil if they
// can. It tries to borrow from a process of its own.
func Available() error {
	cmd := exec.Command("/bin/sh", "-c", "read line")
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("%w: no shell to try it on: %w", ErrUnsupported, err)
	}
	defer func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	}()
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		return fmt.Errorf("%w: pidfd_open: %w", ErrUnsupported, err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 0, 0)
	switch {
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("%w: pidfd_getfd needs Linux 5.6: %w", ErrUnsupported, err)
	case err != nil:
		return fmt.Errorf("%w: pidfd_getfd, which ptrace's rules allow: %w", ErrUnsupported, err)
	}
	return unix.Close(fd)
}
