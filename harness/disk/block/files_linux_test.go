package block

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// files is a directory below which a test works, aside, and the first error that it met.
type files struct {
	dir string
	err error
}

// aside works below a directory of a disk.
func aside(dir string, work func(f *files)) error {
	return Aside(func() error {
		f := &files{dir: dir}
		work(f)
		return f.err
	})
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

func (f *files) do(what, name string, err error) {
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%s %s: %w", what, name, err)
	}
}

// in does something with an open file or directory.
func (f *files) in(what, name string, flags int, do func(fd int) error) {
	if f.err != nil {
		return
	}
	fd, err := unix.Open(f.path(name), flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		err = errors.Join(do(fd), unix.Close(fd))
	}
	f.do(what, name, err)
}

// write writes a file, at its start or where the flags say, and syncs nothing, though the
// kernel begins to write it out.
func (f *files) write(name string, flags int, data []byte) {
	f.in("write", name, unix.O_RDWR|unix.O_CREAT|flags, func(fd int) error {
		if _, err := unix.Write(fd, data); err != nil {
			return err
		}
		return unix.SyncFileRange(fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	})
}

// synced writes a file and syncs it.
func (f *files) synced(name string, flags int, data []byte) {
	f.in("write", name, unix.O_RDWR|unix.O_CREAT|flags, func(fd int) error {
		if _, err := unix.Write(fd, data); err != nil {
			return err
		}
		return unix.Fdatasync(fd)
	})
}

func (f *files) sync(dir string)    { f.in("sync", dir, unix.O_RDONLY, unix.Fsync) }
func (f *files) syncfs()            { f.in("sync all of", "", unix.O_RDONLY, unix.Syncfs) }
func (f *files) remove(name string) { f.do("remove", name, os.Remove(f.path(name))) }
func (f *files) mkdir(name string)  { f.do("make", name, os.MkdirAll(f.path(name), 0o700)) }

func (f *files) rename(from, to string) {
	f.do("rename", from, os.Rename(f.path(from), f.path(to)))
}

// has notes an error if a file does not hold what it should.
func (f *files) has(name string, want []byte) {
	got, err := os.ReadFile(f.path(name))
	if err == nil && !bytes.Equal(want, got) {
		err = fmt.Errorf("it has %d bytes, %.8q…, want %d, %.8q…", len(got), got, len(want), want)
	}
	f.do("find", name, err)
}

// lacks notes an error if there is a file.
func (f *files) lacks(name string) {
	if _, err := os.Lstat(f.path(name)); !errors.Is(err, os.ErrNotExist) {
		f.do("miss", name, fmt.Errorf("it is there: %v", err))
	}
}
