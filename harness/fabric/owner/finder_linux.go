package owner

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

// Finder tells which member dialled a connection of this machine: the one that
// has the dialling socket among its open files. It needs no privilege for
// processes of one's own user. Its methods may be called concurrently.
type Finder struct {
	pids func() map[string][]int
	kin  func() map[string][]int
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

// New returns the Finder of the members that pids names, with their processes.
// A process stands for its process group too, if it leads one, so that the child
// of a wrapper script counts as the member. kin, if not nil, lists also those that
// have left the group, and is asked for a socket that none of the others has. Both
// are called often, never concurrently, and must not call the Finder; members may
// come, go and restart.
func New(pids, kin func() map[string][]int) (*Finder, error) {
	f := &Finder{pids: pids, kin: kin, turn: make(chan struct{}, 1), known: make(map[process]map[uint64]struct{})}
	d, err := newDiag()
	if err == nil {
		f.sockets = d
		return f, nil
	}
	if _, missing := os.Stat("/proc/net/tcp"); missing != nil {
		return nil, fmt.Errorf("telling diallers apart by the owner of their socket needs sock_diag or /proc/net/tcp: %w", errors.Join(err, missing))
	}
	f.sockets, f.note = tables{}, fmt.Sprintf("diallers are looked up in /proc/net/tcp, which is slow and may miss some: %v", err)
	return f, nil
}

// Note is one line for the user about what the system lacks; "" if nothing.
func (f *Finder) Note() string { return f.note }

// Close releases what the Finder holds. Identify fails from then on.
func (f *Finder) Close() error {
	f.turn <- struct{}{}
	defer func() { <-f.turn }()
	if f.sockets == nil {
		return nil
	}
	err := f.sockets.close()
	f.sockets = nil
	return err
}

// Identify names the member that dialled a connection, given the addresses of
// its accepted socket. The error wraps ErrGone if nobody has the dialling
// socket open any more. Any other one may pass: a socket may not be listed yet,
// nor the process that has it.
func (f *Finder) Identify(ctx context.Context, remote, local net.Addr) (string, error) {
	from, err := addrPort(remote)
	if err != nil {
		return "", err
	}
	to, err := addrPort(local)
	if err != nil {
		return "", err
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if f.sockets == nil {
		return "", fmt.Errorf("look up the socket of %s: %w", remote, os.ErrClosed)
	}
	inode, err := f.sockets.inode(ctx, from, to)
	if err != nil {
		return "", fmt.Errorf("look up the socket of %s: %w", remote, err)
	}
	return f.owner(inode)
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
func (f *Finder) owner(inode uint64) (string, error) {
	leaders := f.leaders()
	for p, has := range f.known {
		if _, ok := has[inode]; ok {
			return p.member, nil
		}
	}
	f.failure = nil
	for _, p := range leaders {
		if f.scan(p, inode) {
			return p.member, nil
		}
	}
	members, err := groups(leaders)
	if err != nil {
		return "", err
	}
	if p, ok := f.first(members, leaders, inode); ok {
		return p.member, nil
	}
	kin := f.emigrants(leaders)
	if p, ok := f.first(kin, append(leaders, members...), inode); ok {
		return p.member, nil
	}
	members = append(members, kin...)
	for p := range f.known {
		if !slices.Contains(leaders, p) && !slices.Contains(members, p) {
			delete(f.known, p) // has ended
		}
	}
	if f.failure != nil {
		return "", fmt.Errorf("no member is known to have socket %d open, but not all could be asked: %w", inode, f.failure)
	}
	return "", fmt.Errorf("no member has socket %d open", inode)
}

// first returns the first process that has the socket; some were looked at already.
func (f *Finder) first(all, seen []process, inode uint64) (process, bool) {
	for _, p := range all {
		if !slices.Contains(seen, p) && f.scan(p, inode) {
			return p, true
		}
	}
	return process{}, false
}

// emigrants lists the processes of members that may have left their group.
func (f *Finder) emigrants(leaders []process) (all []process) {
	if f.kin == nil {
		return nil
	}
	kin := f.kin()
	for _, l := range leaders {
		for _, pid := range kin[l.member] {
			all = append(all, process{l.member, l.leader, pid})
		}
	}
	return all
}

// leaders lists the processes that members have now, and forgets what is known
// of former ones.
func (f *Finder) leaders() []process {
	var all []process
	for member, list := range f.pids() {
		for _, pid := range list {
			all = append(all, process{member, pid, pid})
		}
	}
	slices.SortFunc(all, func(a, b process) int {
		return cmp.Or(strings.Compare(a.member, b.member), cmp.Compare(a.pid, b.pid))
	})
	for p := range f.known {
		if !slices.Contains(all, process{p.member, p.leader, p.leader}) {
			delete(f.known, p)
		}
	}
	return all
}

// scan looks at the open files of a process and tells whether the socket is
// among them.
func (f *Finder) scan(p process, inode uint64) bool {
	delete(f.known, p)
	dir, err := os.Open("/proc/" + strconv.Itoa(p.pid) + "/fd")
	if err != nil {
		f.failed(err)
		return false
	}
	defer dir.Close()
	// A failure halfway leaves what was listed.
	names, err := dir.Readdirnames(-1)
	if err != nil {
		f.failed(err)
	}
	has := make(map[uint64]struct{}, len(names))
	for _, name := range names {
		n, err := unix.Readlinkat(int(dir.Fd()), name, f.link[:])
		if err != nil {
			continue // closed meanwhile
		}
		if s, ok := socketInode(f.link[:n]); ok {
			has[s] = struct{}{}
		}
	}
	if len(has) > 0 {
		f.known[p] = has
	}
	_, ok := has[inode]
	return ok
}

// failed keeps the reason why a process could not be looked at, unless it is
// that the process has ended.
func (f *Finder) failed(err error) {
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.ESRCH) {
		f.failure = err
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

// PeerOf asks an accepted socket about its other end. Where the kernel does not
// say, it counts as open.
func PeerOf(tcp *net.TCPConn) Peer {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return PeerReset
	}
	var info *unix.TCPInfo
	var failed error
	if err := raw.Control(func(fd uintptr) {
		info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}); err != nil {
		return PeerReset
	}
	switch {
	case failed != nil:
		return PeerOpen
	case info.State == unix.BPF_TCP_CLOSE:
		return PeerReset
	case info.State != unix.BPF_TCP_ESTABLISHED:
		return PeerEnded
	}
	return PeerOpen
}
