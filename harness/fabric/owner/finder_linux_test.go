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

// Both ways of finding those who listen tell the same.
func TestListeners(t *testing.T) {
	d, err := newDiag()
	require.NoError(t, err)
	defer d.close()
	for _, on := range []string{"127.0.0.1:0", "127.0.0.2:0", "0.0.0.0:0", "[::1]:0", "[::]:0"} {
		l, err := net.Listen("tcp", on)
		if err != nil {
			t.Logf("no %s here: %v", on, err)
			continue
		}
		defer l.Close()
		port := l.Addr().(*net.TCPAddr).AddrPort().Port()
		found := 0
		for _, ask := range []string{"127.0.0.1", "127.0.0.2", "::1"} {
			at := netip.AddrPortFrom(netip.MustParseAddr(ask), port)
			want := make(map[uint64]bool)
			tables{}.listeners(at, want)
			got, err := d.listeners(at)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s, asked for %s", l.Addr(), at)
			found += len(got)
			listens, err := Listens(at.String(), []int{os.Getpid()})
			require.NoError(t, err)
			require.Equal(t, len(got) > 0, listens, "%s, asked for %s", l.Addr(), at)
		}
		require.NotZero(t, found, "%s", l.Addr())
		listens, err := Listens(l.Addr().String(), nil)
		require.NoError(t, err)
		require.False(t, listens)
	}
}
