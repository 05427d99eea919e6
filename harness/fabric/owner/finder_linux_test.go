package owner

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Both ways of finding a socket, on every kind of address.
func TestSocketInode(t *testing.T) {
	d, err := newDiag()
	require.NoError(t, err)
	defer d.close()
	for name, by := range map[string]sockets{"sock_diag": d, "tables": tables{}} {
		for _, on := range []string{"127.0.0.1", "::1", "::ffff:127.0.0.1"} {
			t.Run(name+" "+on, func(t *testing.T) { socketInodeOn(t, by, netip.MustParseAddr(on)) })
		}
	}
}

func socketInodeOn(t *testing.T, by sockets, on netip.Addr) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(on.Unmap(), 0).String())
	if err != nil {
		t.Skipf("no %s here: %v", on, err)
	}
	defer l.Close()
	family := unix.AF_INET6
	var to unix.Sockaddr = &unix.SockaddrInet6{Addr: on.As16(), Port: l.Addr().(*net.TCPAddr).Port}
	if on.Is4() {
		family, to = unix.AF_INET, &unix.SockaddrInet4{Addr: on.As4(), Port: l.Addr().(*net.TCPAddr).Port}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	open := true
	defer func() {
		if open {
			unix.Close(fd)
		}
	}()
	require.NoError(t, unix.Connect(fd, to))
	accepted, err := l.Accept()
	require.NoError(t, err)
	defer accepted.Close()
	var stat unix.Stat_t
	require.NoError(t, unix.Fstat(fd, &stat))
	from, err := addrPort(accepted.RemoteAddr())
	require.NoError(t, err)
	at, err := addrPort(accepted.LocalAddr())
	require.NoError(t, err)

	inode, err := by.inode(context.Background(), from, at)
	require.NoError(t, err)
	require.Equal(t, stat.Ino, inode)
	other := netip.AddrPortFrom(from.Addr(), from.Port()^1)
	_, err = by.inode(context.Background(), at, other) // at is listened on
	require.ErrorIs(t, err, ErrGone)
	open = false
	require.NoError(t, unix.Close(fd))
	_, err = by.inode(context.Background(), from, at)
	require.ErrorIs(t, err, ErrGone)
}

func TestFinderRefuses(t *testing.T) {
	f, err := New(func() map[string][]int { return nil }, nil)
	require.NoError(t, err)
	require.Empty(t, f.Note())
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	_, err = f.Identify(context.Background(), &net.UnixAddr{}, at)
	require.ErrorContains(t, err, "not one of TCP")
	_, err = f.Identify(context.Background(), at, at)
	require.ErrorIs(t, err, ErrGone)
	require.NoError(t, f.Close())
	_, err = f.Identify(context.Background(), at, at)
	require.ErrorIs(t, err, os.ErrClosed)
}
