package owner

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sockets finds the inode of the TCP socket that is bound to local and connected
// to remote. The error wraps ErrGone if there is none, or none that a
// process still has open.
type sockets interface {
	inode(ctx context.Context, local, remote netip.AddrPort) (uint64, error)
	close() error
}

// diag asks the kernel for one socket at a time (sock_diag(7)), which takes some
// 10 µs however many there are. Calls must come one by one.
type diag struct {
	fd      int
	seq     uint32
	request [diagRequest]byte
	answer  [16 << 10]byte // a part of a long answer has at most 8 KiB
}

// Sizes and offsets in struct nlmsghdr, inet_diag_req_v2 and inet_diag_msg.
const (
	diagHeader  = unix.SizeofNlMsghdr
	diagRequest = diagHeader + 56
	diagAnswer  = diagHeader + 72

	diagID       = 8  // struct inet_diag_sockid in the request
	diagAnswerID = 4  // and in the answer
	diagSource   = 4  // in inet_diag_sockid, behind the two ports
	diagTarget   = 20 // in inet_diag_sockid
	diagCookie   = 40 // in inet_diag_sockid
	diagInode    = 68 // in the answer
)

func newDiag() (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	d := &diag{fd: fd}
	// Some kernels have sock_diag, but not for TCP.
	nobody := netip.MustParseAddrPort("127.0.0.1:1")
	if _, err := d.inode(context.Background(), nobody, nobody); !errors.Is(err, ErrGone) {
		unix.Close(fd)
		return nil, fmt.Errorf("try sock_diag: %w", err)
	}
	return d, nil
}

func (d *diag) close() error { return os.NewSyscallError("close", unix.Close(d.fd)) }

func (d *diag) inode(_ context.Context, local, remote netip.AddrPort) (uint64, error) {
	d.ask(local, remote)
	// The kernel has answered when sendto returns.
	if err := unix.Sendto(d.fd, d.request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	for {
		n, _, err := unix.Recvfrom(d.fd, d.answer[:], unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, os.NewSyscallError("recvfrom", err)
		}
		if n >= diagHeader && binary.NativeEndian.Uint32(d.answer[8:]) == d.seq {
			return d.read(d.answer[:n], local, remote)
		}
	}
}

// listeners asks for the sockets that listen at an address, or at its port on all
// addresses, and returns their inodes.
func (d *diag) listeners(at netip.AddrPort) (map[uint64]bool, error) {
	inodes := make(map[uint64]bool)
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		b := d.begin(family, unix.NLM_F_DUMP, 1<<unix.BPF_TCP_LISTEN)
		binary.BigEndian.PutUint16(b[diagID:], at.Port())
		if err := unix.Sendto(d.fd, d.request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return nil, os.NewSyscallError("sendto", err)
		}
		for more := true; more; {
			n, _, err := unix.Recvfrom(d.fd, d.answer[:], 0)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return nil, os.NewSyscallError("recvfrom", err)
			}
			if more, err = d.list(d.answer[:n], at, inodes); err != nil {
				return nil, err
			}
		}
	}
	return inodes, nil
}

// list takes the sockets that listen at an address out of a part of an answer, and
// tells whether there are more parts.
func (d *diag) list(b []byte, at netip.AddrPort, inodes map[uint64]bool) (more bool, err error) {
	native := binary.NativeEndian
	for len(b) >= diagHeader {
		size := int(native.Uint32(b))
		if size < diagHeader || size > len(b) {
			return false, fmt.Errorf("sock_diag answered with %d bytes of %d", len(b), size)
		}
		kind, of, m := native.Uint16(b[4:]), native.Uint32(b[8:]), b[diagHeader:size]
		b = b[min((size+3)&^3, len(b)):]
		switch {
		case of != d.seq: // left over from a question that was given up
		case kind == unix.NLMSG_DONE:
			return false, nil
		case kind != unix.SOCK_DIAG_BY_FAMILY || size < diagAnswer:
			return false, fmt.Errorf("sock_diag answered with type %d of %d bytes", kind, size)
		default:
			id := m[diagAnswerID:]
			addr := diagAddr(m[0], id[diagSource:])
			if binary.BigEndian.Uint16(id) == at.Port() && (addr == at.Addr() || addr.IsUnspecified()) {
				inodes[uint64(native.Uint32(m[diagInode:]))] = true
			}
		}
	}
	return true, nil
}

// begin starts a request, for sockets in some states, and returns what is behind its
// header.
func (d *diag) begin(family byte, flags uint16, states uint32) []byte {
	d.seq++
	b, native := d.request[:], binary.NativeEndian
	clear(b)
	native.PutUint32(b, diagRequest)
	native.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
	native.PutUint32(b[8:], d.seq)
	b = b[diagHeader:]
	b[0], b[1] = family, unix.IPPROTO_TCP
	native.PutUint32(b[4:], states)
	return b
}

// ask writes the request for one socket.
func (d *diag) ask(local, remote netip.AddrPort) {
	family := byte(unix.AF_INET6)
	if local.Addr().Is4() {
		family = unix.AF_INET
	}
	b, native := d.begin(family, 0, ^uint32(0)), binary.NativeEndian // in any state
	id := b[diagID:]
	binary.BigEndian.PutUint16(id, local.Port())
	binary.BigEndian.PutUint16(id[2:], remote.Port())
	copy(id[diagSource:], local.Addr().AsSlice())
	copy(id[diagTarget:], remote.Addr().AsSlice())
	native.PutUint64(id[diagCookie:], ^uint64(0)) // no cookie
}

// read takes the inode out of an answer to ask.
func (d *diag) read(b []byte, local, remote netip.AddrPort) (uint64, error) {
	native := binary.NativeEndian
	kind := native.Uint16(b[4:])
	if kind == unix.NLMSG_ERROR && len(b) >= diagHeader+4 {
		err := unix.Errno(-int32(native.Uint32(b[diagHeader:])))
		if err == unix.ENOENT {
			return 0, ErrGone
		}
		return 0, os.NewSyscallError("sock_diag", err)
	}
	if kind != unix.SOCK_DIAG_BY_FAMILY || len(b) < diagAnswer {
		return 0, fmt.Errorf("sock_diag answered with type %d of %d bytes", kind, len(b))
	}
	b = b[diagHeader:]
	id := b[diagAnswerID:]
	found := netip.AddrPortFrom(diagAddr(b[0], id[diagTarget:]), binary.BigEndian.Uint16(id[2:]))
	inode := native.Uint32(b[diagInode:])
	// For want of a connection, the kernel may answer with a listener.
	if found != remote || binary.BigEndian.Uint16(id) != local.Port() || inode == 0 {
		return 0, ErrGone
	}
	return uint64(inode), nil
}

// diagAddr reads an address; that of an IPv6 socket may be an IPv4 one.
func diagAddr(family byte, b []byte) netip.Addr {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.AddrFrom16([16]byte(b)).Unmap()
}

// tables reads the kernel's lists of sockets, where sock_diag is not to be had:
// slower the more sockets there are, and not a snapshot, so that a socket may be
// missed.
type tables struct{}

func (tables) close() error { return nil }

func (tables) inode(ctx context.Context, local, remote netip.AddrPort) (uint64, error) {
	if local.Addr().Is4() {
		inode, err := findSocket(ctx, "/proc/net/tcp", tableAddr(local, 4), tableAddr(remote, 4))
		if err != nil || inode != 0 {
			return inode, err
		}
	}
	// An IPv6 socket may be connected to an IPv4 address.
	inode, err := findSocket(ctx, "/proc/net/tcp6", tableAddr(local, 16), tableAddr(remote, 16))
	if err == nil && inode == 0 || errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("not among the sockets listed: %w", ErrGone)
	}
	return inode, err
}

// findSocket returns the inode of the socket in the table, 0 if it is not there
// or no process has it open.
func findSocket(ctx context.Context, table, local, remote string) (uint64, error) {
	f, err := os.Open(table)
	if err != nil {
		return 0, fmt.Errorf("list sockets: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		c := strings.Fields(lines.Text()) // sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode
		if len(c) >= 10 && c[1] == local && c[2] == remote {
			return strconv.ParseUint(c[9], 10, 64)
		}
	}
	return 0, lines.Err()
}

// tableAddr writes an address of the given size as the tables do: in words of
// the machine's byte order.
func tableAddr(a netip.AddrPort, size int) string {
	as16 := a.Addr().As16()
	b := as16[16-size:]
	for w := b; len(w) > 0; w = w[4:] {
		binary.NativeEndian.PutUint32(w, binary.BigEndian.Uint32(w))
	}
	return fmt.Sprintf("%X:%04X", b, a.Port())
}
