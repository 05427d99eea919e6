package cluster_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/target"
)

// A program runs in its directory, and knows of no other.
func TestStartsInItsDirectory(t *testing.T) {
	t.Parallel()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, host.Close()) })
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	var said bytes.Buffer
	p, err := host.Start(target.Command{Path: "/bin/sh", Args: []string{"-c", `pwd; echo "old $OLDPWD, $# $0 $1"`, "a b", ""}, Dir: dir}, &said)
	require.NoError(t, err)
	<-p.Done()
	require.Equal(t, dir+"\nold , 1 a b \n", said.String())
}

// Of a program that was killed nothing is left that others could take for a process, whoever
// had started what and however late the first process of the machine reaps.
func TestLeavesNoZombies(t *testing.T) {
	t.Parallel()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, host.Close()) })
	said, says := io.Pipe()
	p, err := host.Start(target.Command{Path: "/bin/sh", Args: []string{"-c", `sleep 1000 & echo $!; setsid sh -c 'echo $$; sleep 1000; true' & wait`}}, says)
	require.NoError(t, err)
	lines := bufio.NewScanner(said)
	var pids []int
	for range 2 {
		require.True(t, lines.Scan())
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid, 0))
		pids = append(pids, pid)
	}
	go io.Copy(io.Discard, said)
	killed := time.Now()
	require.NoError(t, p.Signal(syscall.SIGKILL))
	<-p.Done()
	for _, pid := range pids {
		if syscall.Kill(pid, 0) == nil && time.Since(killed) > 5*time.Second {
			t.Skip("nobody reaps orphans here")
		}
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	}
}

// Programs can be started in a directory that the harness itself serves, whatever else it
// does at that moment, such as to collect garbage.
func TestStartsOnADiskOfItsOwn(t *testing.T) {
	if err := disk.Available(disk.FUSE, ""); err != nil {
		t.Skip(err)
	}
	mount := filepath.Join(t.TempDir(), "disk")
	d, err := disk.Open(t.Context(), disk.Options{Kind: disk.FUSE, Members: []string{"n1"}, Mount: func(string) string { return mount }})
	require.NoError(t, err)
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	for begun := time.Now(); time.Since(begun) < 2*time.Second; {
		require.NoError(t, os.WriteFile(filepath.Join(mount, "x"), nil, 0o600)) // so that the kernel has to ask who may enter
		require.NoError(t, os.Remove(filepath.Join(mount, "x")))
		var said bytes.Buffer
		p, err := host.Start(target.Command{Path: "/bin/sh", Args: []string{"-c", "pwd"}, Dir: mount}, &said)
		require.NoError(t, err)
		<-p.Done()
		require.True(t, strings.HasSuffix(said.String(), "/disk\n"), said.String())
	}
	close(stop)
	<-stopped
	require.NoError(t, host.Close())
	require.NoError(t, d.Close())
}
