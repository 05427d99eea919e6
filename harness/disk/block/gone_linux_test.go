package block

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestServerProcess is no test: it serves a disk with a file system on it until it is
// killed, syncing files of it without end if it is told to.
func TestServerProcess(t *testing.T) {
	args := os.Args
	for len(args) > 0 && args[0] != "--" {
		args = args[1:]
	}
	if len(args) != 4 {
		t.Skip("started by another test")
	}
	r := &rig{t: t, fs: "ext4", dir: args[2]}
	var err error
	r.disk, err = Serve(args[1], rigSize, Options{})
	require.NoError(t, err)
	r.make()
	r.attach()
	require.NoError(t, r.mount())
	r.disk.Begin(Trouble{Delay: 50 * time.Millisecond})
	fmt.Println("loop", r.loop)
	if args[3] == "syncing" {
		for hand := range 2 {
			go aside(r.dir, func(f *files) {
				for f.err == nil {
					f.synced(fmt.Sprint(hand), unix.O_APPEND, newer())
				}
			})
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	fmt.Println("the end of the input")
}

// When the process that serves a disk is killed, nothing that was built on it hangs: neither
// the process itself, while it syncs a file on its own disk, nor who writes to it, nor
// whoever unmounts, detaches and unmounts again.
func TestServerGone(t *testing.T) {
	needs(t, "mkfs.ext4")
	for _, doing := range []string{"nothing", "syncing"} {
		t.Run(doing, func(t *testing.T) { // alone: mkfs.btrfs looks at every mount, and fails of dead ones
			disk, dir := t.TempDir(), t.TempDir()
			left := &rig{t: t, disk: &Device{mountpoint: disk}, guard: guarded(t)}
			left.promise(mounted(disk, Source))
			server := exec.Command(os.Args[0], "-test.run=^TestServerProcess$", "--", disk, dir, doing)
			in, err := server.StdinPipe()
			require.NoError(t, err)
			defer in.Close()
			out, err := server.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, server.Start())
			lines := bufio.NewScanner(out)
			for left.loop == "" && lines.Scan() {
				left.loop, _ = strings.CutPrefix(lines.Text(), "loop ")
			}
			require.NotEmpty(t, left.loop)
			left.promise(left.attached())
			left.promise(mounted(dir, left.loop))
			other := exec.Command("dd", "if=/dev/zero", "of="+dir+"/other", "bs=4k", "oflag=sync", "count=100000")
			require.NoError(t, other.Start())
			require.Eventually(t, func() bool {
				info, err := os.Stat(dir + "/other")
				return err == nil && info.Size() > 0 // it is in the midst of it
			}, 30*time.Second, time.Millisecond)

			require.NoError(t, server.Process.Kill())
			within(t, "the server dies", func() { _ = server.Wait() })
			within(t, "who writes to it gets errors", func() { _ = other.Wait() })
			within(t, "the file system is unmounted", func() { run(t, "umount", dir) })
			within(t, "the loop device is detached", left.detach)
			within(t, "the disk is unmounted", func() { run(t, "umount", disk) })
		})
	}
}

// within fails a test in which something hangs.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		require.FailNow(t, "it hangs", what)
	}
}
