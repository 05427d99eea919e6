package vdso

import (
	"bufio"
	"bytes"
	"errors"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A thread whose system call takes longer than it may, as on a busy machine, goes on where it was.
func TestLateCall(t *testing.T) {
	if runtime.GOARCH != "amd64" || Available() != nil {
		t.Skip("clocks of others cannot be changed here")
	}
	cat := exec.Command("cat")
	in, err := cat.StdinPipe()
	require.NoError(t, err)
	out, err := cat.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cat.Start())
	lines := bufio.NewReader(out)
	late := 0
	for range 300 {
		require.NoError(t, hold(cat.Process.Pid, func(h *held) error {
			img, err := read(cat.Process.Pid)
			require.NoError(t, err)
			by := img.base + uint64(bytes.Index(img.bytes, []byte{0x0f, 0x05}))
			for _, thread := range h.threads {
				if _, err := thread.call(time.Nanosecond, thread.halt, by, unix.SYS_GETPID, 0, 0, 0, 0, 0, 0); err != nil {
					require.ErrorIs(t, err, errNotNow)
					late++
				}
			}
			return nil
		}))
		_, err := in.Write([]byte("here\n"))
		require.NoError(t, err)
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "here\n", line)
	}
	require.NotZero(t, late)
	require.NoError(t, in.Close())
	require.NoError(t, cat.Wait())
}

// One that cannot be put back is told of, unless it was killed.
func TestNotPutBack(t *testing.T) {
	if runtime.GOARCH != "amd64" || Available() != nil {
		t.Skip("clocks of others cannot be changed here")
	}
	for _, killed := range []bool{false, true} {
		cat := exec.Command("cat")
		in, err := cat.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cat.Start())
		require.NoError(t, hold(cat.Process.Pid, func(h *held) error {
			img, err := read(cat.Process.Pid)
			require.NoError(t, err)
			by := img.base + uint64(bytes.Index(img.bytes, []byte{0x0f, 0x05}))
			for _, thread := range h.threads {
				_, err = thread.call(holds, func() error {
					if killed {
						cat.Process.Kill()
						return thread.halt()
					}
					return errNotNow
				}, by, unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)
				require.Equal(t, !killed, errors.Is(err, ErrSpoilt), err)
			}
			return nil
		}))
		cat.Process.Kill()
		cat.Wait()
		in.Close()
	}
}
