package block

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Aside calls what waits inside the kernel for a disk that this process serves: whoever
// mounts, unmounts or syncs a file system on one, or reads or writes its files, does that
// aside.
//
// If the process is killed, the thread that waits is the last to go, and it would keep the
// kernel's end of the disk open that it waits for: both for ever. Aside it has no such end,
// nor any connection of this process. What is called opens the files that it uses and
// closes them, and hands none to another goroutine.
func Aside(call func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The first thread of a process never ends, nor lets go of what it has open.
			done <- Aside(call)
			runtime.UnlockOSThread()
			return
		}
		err := letGo()
		if err == nil {
			err = call()
		}
		done <- err
	}()
	return <-done
}

// letGo gives the thread files of its own: those of the process, without what others are
// told by that it is closed.
func letGo() error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("a thread with files of its own: %w", err)
	}
	const dir = "/proc/thread-self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		to, _ := os.Readlink(filepath.Join(dir, e.Name()))
		if fd > 2 && (to == "/dev/fuse" || strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "pipe:")) {
			_ = unix.Close(fd)
		}
	}
	return nil
}
