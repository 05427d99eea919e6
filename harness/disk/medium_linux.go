package disk

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/block"
)

// medium is what a file system lies on, and how it loses power.
type medium interface {
	// image is the file that the loop device serves.
	image() string
	// aside calls what uses the file system, or mounts or unmounts it.
	aside(call func() error) error
	// keeps tells whether a power failure can keep so much.
	keeps(what string) bool
	// harmless tells whether a flush just before the cut changes nothing of what the cut
	// leaves of what was not flushed.
	harmless() bool
	// strain lets each flush take so long, and hold lets none end, until release or cut, if
	// it holds.
	holds() bool
	strain(flush time.Duration)
	hold()
	release()
	// cut takes the power of what is mounted at root. It returns how many bytes were
	// unflushed, -1 if nobody counted.
	cut(root string, keep Keep) (unflushed int64, err error)
	// begin gives it a trouble.
	begin(t block.Trouble) *block.Ongoing
	// calm lets no trouble have any effect until again is called.
	calm() (again func())
	// restore gives it power again, once it is not mounted.
	restore() error
	close() error
}

// newMedium makes one of zeros.
func newMedium(i *images, o fsOptions) (medium, error) {
	switch o.engine {
	case Shutdown:
		path, err := i.create(o.member)
		if err != nil {
			return nil, err
		}
		return &shutdown{path: path}, nil
	case Block:
		return newBlocks(i, o)
	}
	return nil, fmt.Errorf("engine %q: %w", o.engine, ErrUnsupported)
}

// shutdown is a file, and the system call by which ext4 and xfs stop in the middle.
type shutdown struct{ path string }

// What is asked of FS_IOC_SHUTDOWN. With flag 0 it would sync first.
const (
	fsIocShutdown      = 0x8004587d
	shutdownAfterLog   = 1 // just after a commit of the journal: names are kept
	shutdownWithoutLog = 2 // just before one
)

func (s *shutdown) image() string { return s.path }

func (s *shutdown) keeps(what string) bool { return what == keepNothing || what == keepNames }

func (s *shutdown) aside(call func() error) error { return call() }

func (s *shutdown) harmless() bool { return true }

func (s *shutdown) holds() bool { return false }

func (s *shutdown) strain(time.Duration) {}

func (s *shutdown) hold() {}

func (s *shutdown) release() {}

func (s *shutdown) cut(root string, keep Keep) (int64, error) {
	dir, err := os.Open(root)
	if err != nil {
		return -1, err
	}
	defer dir.Close()
	flag := uint32(shutdownWithoutLog)
	if keep.What == keepNames {
		flag = shutdownAfterLog
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), fsIocShutdown, uintptr(unsafe.Pointer(&flag))); e != 0 {
		return -1, fmt.Errorf("shut the file system down: %w", e)
	}
	return -1, nil
}

func (s *shutdown) begin(block.Trouble) *block.Ongoing { return nil }

func (s *shutdown) calm() (again func()) { return func() {} }

func (s *shutdown) restore() error { return nil }

func (s *shutdown) close() error { return os.Remove(s.path) }
