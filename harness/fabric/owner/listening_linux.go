package owner

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listens is the state of a listening socket in the kernel's tables.
const listens = "0A"

// Listening returns the processes that have a socket open that listens at addr, or
// at its port on every address. It sees processes of its own user, and all if it
// is root.
func Listening(addr string) ([]int, error) {
	inodes, err := listenersAt(addr)
	if err != nil {
		return nil, err
	}
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("who listens at %s: %w", addr, err)
	}
	var pids []int
	for _, p := range procs {
		if pid, err := strconv.Atoi(p.Name()); err == nil && hasAny(pid, inodes) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Listens tells whether one of the processes is among those that Listening returns
// for addr. It looks at no other, which is much cheaper.
func Listens(addr string, pids []int) (bool, error) {
	inodes, err := listenersAt(addr)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(pids, func(pid int) bool { return hasAny(pid, inodes) }), nil
}

// listenersAt returns the inodes of the sockets that listen at addr.
func listenersAt(addr string) (map[uint64]bool, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("who listens at %s: %w", addr, err)
	}
	at := tcp.AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	if d, err := newDiag(); err == nil {
		defer d.close()
		if inodes, err := d.listeners(at); err == nil {
			return inodes, nil
		}
	}
	inodes := make(map[uint64]bool)
	tables{}.listeners(at, inodes)
	return inodes, nil
}

// listeners adds the sockets that listen at the address, or at its port on all.
func (tables) listeners(at netip.AddrPort, inodes map[uint64]bool) {
	for _, any := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		for _, local := range []netip.AddrPort{at, netip.AddrPortFrom(any, at.Port())} {
			if local.Addr().Is4() {
				listening("/proc/net/tcp", tableAddr(local, 4), inodes)
			}
			listening("/proc/net/tcp6", tableAddr(local, 16), inodes)
		}
	}
}

// listening adds the inodes of the sockets of a table that listen at local.
func listening(table, local string, inodes map[uint64]bool) {
	f, err := os.Open(table)
	if err != nil {
		return // there is no IPv6
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Fields(lines.Text()) // as in findSocket
		if len(c) >= 10 && c[1] == local && c[3] == listens {
			if inode, err := strconv.ParseUint(c[9], 10, 64); err == nil {
				inodes[inode] = true
			}
		}
	}
}

// hasAny tells whether a process has one of the sockets open.
func hasAny(pid int, inodes map[uint64]bool) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	link := make([]byte, 64)
	return slices.ContainsFunc(files, func(f os.DirEntry) bool {
		n, err := unix.Readlink(dir+"/"+f.Name(), link)
		if err != nil {
			return false
		}
		inode, ok := socketInode(link[:n])
		return ok && inodes[inode]
	})
}

// Names tells of processes as a person knows them: "pid 4711 (redis-server)".
func Names(pids []int) string {
	var all []string
	for _, pid := range pids {
		name := fmt.Sprintf("pid %d", pid)
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil {
			name += fmt.Sprintf(" (%s)", strings.TrimSpace(string(comm)))
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}
