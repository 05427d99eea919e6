package fabric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Owners tells which member dialled a connection of this machine: the one that
// has the dialling socket among its open files. It needs no privilege for
// processes of one's own user. Its methods may be called concurrently.
type Owners struct {
	pids func() map[string][]int
	note string

	turn    chan struct{} // held by the one who uses what is below
	sockets sockets
	known   map[process]map[uint64]struct{} // the sockets that each had when last looked at
	failure error                           // why some process could not be looked at
	link    [64]byte
}

type process struct {
	member string
	leader int // of its process group, or itself
	pid    int
}

// NewOwners returns Owners of the members that pids names, with their processes.
// A process stands for its process group too, if it leads one, so that the child
// of a wrapper script counts as the member. pids is called often, never
// concurrently, and must not call Owners; members may come, go and restart.
func NewOwners(pids func() map[string][]int) (*Owners, error) {
	o := &Owners{pids: pids, turn: make(chan struct{}, 1), known: make(map[process]map[uint64]struct{})}
	d, err := newDiag()
	if err == nil {
		o.sockets = d
		return o, nil
	}
	if _, missing := os.Stat("/proc/net/tcp"); missing != nil {
		return nil, fmt.Errorf("telling diallers apart by the owner of their socket needs sock_diag or /proc/net/tcp: %w", errors.Join(err, missing))
	}
	o.sockets, o.note = tables{}, fmt.Sprintf("diallers are looked up in /proc/net/tcp, which is slow and may miss some: %v", err)
	return o, nil
}

// Note is one line for the user about what the system lacks; "" if nothing.
func (o *Owners) Note() string { return o.note }

// Close releases what Owners holds. Identify fails from then on.
func (o *Owners) Close() error {
	o.turn <- struct{}{}
	defer func() { <-o.turn }()
	if o.sockets == nil {
		return nil
	}
	err := o.sockets.close()
	o.sockets = nil
	return err
}

// Identify names the member that dialled a connection, given the addresses of
// its accepted socket. The error wraps ErrDiallerGone if nobody has the dialling
// socket open any more. Any other one may pass: a socket may not be listed yet,
// nor the process that has it.
func (o *Owners) Identify(ctx context.Context, remote, local net.Addr) (string, error) {
	from, err := addrPort(remote)
	if err != nil {
		return "", err
	}
	to, err := addrPort(local)
	if err != nil {
		return "", err
	}
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if o.sockets == nil {
		return "", fmt.Errorf("look up the socket of %s: %w", remote, os.ErrClosed)
	}
	inode, err := o.sockets.inode(ctx, from, to)
	if err != nil {
		return "", fmt.Errorf("look up the socket of %s: %w", remote, err)
	}
	return o.owner(inode)
}

func addrPort(a net.Addr) (netip.AddrPort, error) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("address %v is not one of TCP", a)
	}
	ap := tcp.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port()), nil
}

// owner returns the member that has the socket. What is known of a process never
// misleads, for no two sockets have the same inode; it may only be too little.
func (o *Owners) owner(inode uint64) (string, error) {
	leaders := o.leaders()
	for p, has := range o.known {
		if _, ok := has[inode]; ok {
			return p.member, nil
		}
	}
	o.failure = nil
	for _, p := range leaders {
		if o.scan(p, inode) {
			return p.member, nil
		}
	}
	members, err := groups(leaders)
	if err != nil {
		return "", err
	}
	for _, p := range members {
		if !slices.Contains(leaders, p) && o.scan(p, inode) {
			return p.member, nil
		}
	}
	for p := range o.known {
		if !slices.Contains(leaders, p) && !slices.Contains(members, p) {
			delete(o.known, p) // has ended
		}
	}
	if o.failure != nil {
		return "", fmt.Errorf("no member is known to have socket %d open, but not all could be asked: %w", inode, o.failure)
	}
	return "", fmt.Errorf("no member has socket %d open", inode)
}

// leaders lists the processes that members have now, and forgets what is known
// of former ones.
func (o *Owners) leaders() []process {
	var all []process
	for member, list := range o.pids() {
		for _, pid := range list {
			all = append(all, process{member, pid, pid})
		}
	}
	slices.SortFunc(all, func(a, b process) int {
		return cmp.Or(strings.Compare(a.member, b.member), cmp.Compare(a.pid, b.pid))
	})
	for p := range o.known {
		if !slices.Contains(all, process{p.member, p.leader, p.leader}) {
			delete(o.known, p)
		}
	}
	return all
}

// scan looks at the open files of a process and tells whether the socket is
// among them.
func (o *Owners) scan(p process, inode uint64) bool {
	delete(o.known, p)
	dir, err := os.Open("/proc/" + strconv.Itoa(p.pid) + "/fd")
	if err != nil {
		o.failed(err)
		return false
	}
	defer dir.Close()
	// A failure halfway leaves what was listed.
	names, err := dir.Readdirnames(-1)
	if err != nil {
		o.failed(err)
	}
	has := make(map[uint64]struct{}, len(names))
	for _, name := range names {
		n, err := unix.Readlinkat(int(dir.Fd()), name, o.link[:])
		if err != nil {
			continue // closed meanwhile
		}
		if s, ok := socketInode(o.link[:n]); ok {
			has[s] = struct{}{}
		}
	}
	if len(has) > 0 {
		o.known[p] = has
	}
	_, ok := has[inode]
	return ok
}

// failed keeps the reason why a process could not be looked at, unless it is
// that the process has ended.
func (o *Owners) failed(err error) {
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
		o.failure = err
	}
}

// socketInode parses the likes of "socket:[4711]".
func socketInode(link []byte) (uint64, bool) {
	s, ok := strings.CutPrefix(string(link), "socket:[")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(s, "]"), 10, 64)
	return n, err == nil
}

// groups lists the processes in the process groups that the given ones lead.
func groups(leaders []process) ([]process, error) {
	leads := make(map[int]string, len(leaders))
	for _, p := range leaders {
		leads[p.pid] = p.member
	}
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var all []process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue // not a process
		}
		group, err := unix.Getpgid(pid)
		if err != nil {
			continue // has ended
		}
		if member, ok := leads[group]; ok {
			all = append(all, process{member, group, pid})
		}
	}
	return all, nil
}

// peerOf asks an accepted socket about its other end.
func peerOf(tcp *net.TCPConn) peer {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return peerReset
	}
	var info *unix.TCPInfo
	var failed error
	if err := raw.Control(func(fd uintptr) {
		info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); err != nil {
		return peerReset
	}
	switch {
	case failed != nil:
		return peerOpen
	case info.State == unix.BPF_TCP_CLOSE:
		return peerReset
	case info.State != unix.BPF_TCP_ESTABLISHED:
		return peerEnded
	}
	return peerOpen
}
