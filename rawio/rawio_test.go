package rawio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair returns the two ends of a connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	accepted, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled.(*net.TCPConn), accepted.(*net.TCPConn)
}

// More than the kernel takes at a time arrives whole, and the end is an end.
func TestAllArrives(t *testing.T) {
	a, b := pair(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	done := make(chan error, 1)
	go func() {
		n, err := New(a).Write(want)
		if n != len(want) {
			err = errors.Join(err, io.ErrShortWrite)
		}
		done <- errors.Join(err, a.CloseWrite())
	}()
	got, err := io.ReadAll(New(b))
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.True(t, bytes.Equal(want, got))
}

// What ends a wait for a socket of package net ends one here, with the same errors.
func TestWaitsEnd(t *testing.T) {
	a, b := pair(t)
	c := New(a)
	require.NoError(t, a.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, a.SetReadDeadline(time.Time{}))

	begun := make(chan error, 1)
	go func() { // one byte shows that the write has begun, and then nobody reads
		_, err := b.Read(make([]byte, 1))
		begun <- errors.Join(err, a.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	}()
	n, err := c.Write(make([]byte, 64<<20))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, <-begun)
	require.Positive(t, n)
	require.Less(t, n, 64<<20)

	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, a.Close())
	require.ErrorIs(t, <-read, net.ErrClosed)
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = New(a).Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)

	require.NoError(t, b.SetLinger(0))
}

func TestPeerIsGone(t *testing.T) {
	a, b := pair(t)
	require.NoError(t, b.SetLinger(0))
	require.NoError(t, b.Close()) // RST
	c := New(a)
	_, err := c.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	_, err = c.Write([]byte("x"))
	require.ErrorIs(t, err, syscall.EPIPE)
}

func TestFileAndPipe(t *testing.T) {
	f, err := os.OpenFile(t.TempDir()+"/f", os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	require.NoError(t, err)
	defer f.Close()
	c := New(f)
	for _, s := range []string{"one\n", "two\n"} {
		n, err := c.Write([]byte(s))
		require.NoError(t, err)
		require.Equal(t, 4, n)
	}
	r, err := os.Open(f.Name())
	require.NoError(t, err)
	b, err := io.ReadAll(New(r))
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\n", string(b))
	require.NoError(t, r.Close())
	_, err = New(r).Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrClosed)

	x, y := net.Pipe() // has no file descriptor
	go New(x).Write([]byte("hello"))
	got := make([]byte, 5)
	_, err = io.ReadFull(New(y), got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
}
