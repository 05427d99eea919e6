package deaf_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/machine/deaf"
)

// The test binary is also a server, of several addresses.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		serve(os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

// serve listens, tells where, and echoes until its input ends. Two listeners share the last
// address.
func serve(addrs []string) {
	share := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
	}}
	var told []string
	for i, addr := range addrs {
		share.SetMultipathTCP(i%2 == 0)
		l, err := share.Listen(context.Background(), "tcp", addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		told = append(told, l.Addr().String())
		go accept(l)
		if i == len(addrs)-1 {
			l, err := share.Listen(context.Background(), "tcp", l.Addr().String())
			if err != nil {
				fmt.Println(err)
				return
			}
			go accept(l)
		}
	}
	fmt.Println(strings.Join(told, " "))
	io.Copy(io.Discard, os.Stdin)
}

func accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go io.Copy(conn, conn)
	}
}

func start(t *testing.T, addrs ...string) (pid int, at []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve"}, addrs...)...)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	at = strings.Fields(line)
	require.Len(t, at, len(addrs), line)
	return cmd.Process.Pid, at
}

func echoes(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1))
	require.NoError(t, err)
}

func TestDeafen(t *testing.T) {
	if err := deaf.Available(); err != nil {
		t.Skip(err)
	}
	pid, at := start(t, "127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "127.0.0.1:0")
	_, others := start(t, "127.0.0.1:0")
	var live []net.Conn
	for _, addr := range at {
		addr = strings.Replace(addr, "0.0.0.0", "127.0.0.1", 1)
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		echoes(t, conn)
		live = append(live, conn)
	}

	closed, err := deaf.Deafen(t.Context(), pid)
	require.NoError(t, err)
	require.Equal(t, deaf.Closed{Listeners: 6, Refused: 5}, closed)
	for i, conn := range live {
		echoes(t, conn)
		_, err := net.Dial("tcp", strings.Replace(at[i], "0.0.0.0", "127.0.0.1", 1))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	}
	conn, err := net.Dial("tcp", others[0])
	require.NoError(t, err, "nobody else is deaf")
	echoes(t, conn)
	conn.Close()

	closed, err = deaf.Deafen(t.Context(), pid)
	require.NoError(t, err)
	require.Zero(t, closed, "nothing is left")
}

// Whoever listens at the same address in another process is let alone, and says so.
func TestShared(t *testing.T) {
	if err := deaf.Available(); err != nil {
		t.Skip(err)
	}
	_, at := start(t, "127.0.0.1:0")
	pid, _ := start(t, at[0])
	closed, err := deaf.Deafen(t.Context(), pid)
	require.NoError(t, err)
	require.Equal(t, deaf.Closed{Listeners: 2, Accepts: at}, closed)
	conn, err := net.Dial("tcp", at[0])
	require.NoError(t, err)
	echoes(t, conn)
	conn.Close()
}

func TestNobody(t *testing.T) {
	if err := deaf.Available(); err != nil {
		t.Skip(err)
	}
	closed, err := deaf.Deafen(t.Context(), 1<<22+1)
	require.NoError(t, err)
	require.Zero(t, closed)
}
