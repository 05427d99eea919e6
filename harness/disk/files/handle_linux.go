package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// handle is an open file.
type handle struct {
	node  *node
	below *fs.LoopbackFile
	fd    descriptor
	dsync bool // each write is a sync as well, for which the kernel does not ask

	failed atomic.Bool // a sync of it has failed
}

var (
	_ fs.FileReader    = (*handle)(nil)
	_ fs.FileWriter    = (*handle)(nil)
	_ fs.FileFlusher   = (*handle)(nil)
	_ fs.FileReleaser  = (*handle)(nil)
	_ fs.FileGetattrer = (*handle)(nil)
	_ fs.FileStatxer   = (*handle)(nil)
	_ fs.FileSetattrer = (*handle)(nil)
	_ fs.FileAllocater = (*handle)(nil)
	_ fs.FileLseeker   = (*handle)(nil)
)

func (n *node) handle(h fs.FileHandle, dsync bool) *handle {
	attr, name := n.StableAttr(), n.name()
	n.identify(ident{attr.Ino, attr.Gen})
	n.last.Store(&name)
	below := h.(*fs.LoopbackFile)
	fd, _ := below.PassthroughFd()
	return &handle{node: n, below: below, fd: descriptor(fd), dsync: dsync && n.dir.unasked}
}

// own gives a new file the mode that it was asked for, whatever umask this process has.
func (h *handle) own(mode uint32, out *fuse.EntryOut) syscall.Errno {
	if out.Attr.Mode&0o7777 == mode&0o7777 {
		return 0
	}
	if err := syscall.Fchmod(int(h.fd), mode&0o7777); err != nil {
		return fs.ToErrno(err)
	}
	out.Attr.Mode = out.Attr.Mode&^0o7777 | mode&0o7777
	return 0
}

func (h *handle) Read(ctx context.Context, p []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return h.below.Read(ctx, p, off)
}

func (h *handle) Write(ctx context.Context, p []byte, off int64) (uint32, syscall.Errno) {
	held := h.node.dir.rules.hold(h.node.name)
	defer held.release()
	caller, ok := fuse.FromContext(ctx)
	n, err := h.node.write(writing{held: held, pageout: ok && caller.Pid == 0}, h.fd, p, off)
	if err == nil && h.dsync {
		if errno := h.sync(ctx, held, syncing{dataOnly: true, dying: dying(ctx)}); errno != 0 {
			return 0, errno
		}
	}
	return uint32(max(n, 0)), fs.ToErrno(err)
}

// sync is called with the rules held. What the kernel has of a file must not be
// taken from it while the file is locked here: it may be waiting for a read of ours.
func (h *handle) sync(ctx context.Context, held held, s syncing) syscall.Errno {
	dropped, err := h.node.sync(ctx, held, h.fd, s)
	if dropped {
		h.node.NotifyContent(0, 0)
	}
	if a := held.first(FailSync); a != nil && (dropped || h.failed.Load()) {
		h.failed.Store(true)
		if err == nil {
			a.add("syncs-retried", 1)
		}
	}
	return fs.ToErrno(err)
}

// Flush tells the kernel never to ask again: at the end of this process, with a file of the
// directory open, it would wait for an answer.
func (h *handle) Flush(context.Context) syscall.Errno { return syscall.ENOSYS }

func (h *handle) Release(ctx context.Context) syscall.Errno { return h.below.Release(ctx) }

func (h *handle) Getattr(ctx context.Context, out *fuse.AttrOut) syscall.Errno {
	return h.below.Getattr(ctx, out)
}

// Statx asks for the file itself, which the library's own does not.
func (h *handle) Statx(_ context.Context, flags, mask uint32, out *fuse.StatxOut) syscall.Errno {
	var st unix.Statx_t
	if err := unix.Statx(int(h.fd), "", int(flags)|unix.AT_EMPTY_PATH, int(mask), &st); err != nil {
		return fs.ToErrno(err)
	}
	out.FromStatx(&st)
	return 0
}

func (h *handle) Setattr(ctx context.Context, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return h.below.Setattr(ctx, in, out)
}

func (h *handle) Lseek(ctx context.Context, off uint64, whence uint32) (uint64, syscall.Errno) {
	return h.below.Lseek(ctx, off, whence)
}

func (h *handle) Allocate(ctx context.Context, off, size uint64, mode uint32) syscall.Errno {
	held := h.node.dir.rules.hold(h.node.name)
	defer held.release()
	part := span{int64(off), int64(size), mode&(unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_ZERO_RANGE) != 0}
	return fs.ToErrno(h.node.allocate(held, h.fd, part, func() error {
		return unix.Fallocate(int(h.fd), mode, int64(off), int64(size))
	}))
}

// descriptor is an open file of the file system below.
type descriptor int

var _ medium = descriptor(0)

func (d descriptor) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := unix.Pread(int(d), p[n:], off+int64(n))
		if err != nil {
			return n, err
		}
		if m == 0 {
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

func (d descriptor) WriteAt(p []byte, off int64) (n int, err error) {
	err = d.written(func(fd int) error {
		n, err = unix.Pwrite(fd, p, off)
		return err
	})
	return max(n, 0), err
}

// written has write change the file, also if this descriptor may only read it: a program can
// sync by such a one what it wrote by another, and a sync that fails takes it back.
func (d descriptor) written(write func(fd int) error) error {
	err := write(int(d))
	if !errors.Is(err, unix.EBADF) {
		return err
	}
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", d), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(fd), unix.Close(fd))
}

func (d descriptor) Truncate(size int64) error { return unix.Ftruncate(int(d), size) }

// Zero falls back to writing, which every file system can.
func (d descriptor) Zero(off, n int64) error {
	err := d.written(func(fd int) error {
		return unix.Fallocate(fd, unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, off, n)
	})
	if !errors.Is(err, unix.EOPNOTSUPP) {
		return err
	}
	zeros := make([]byte, min(n, 1<<20))
	for n > 0 {
		m, err := d.WriteAt(zeros[:min(n, int64(len(zeros)))], off)
		if err != nil {
			return err
		}
		off, n = off+int64(m), n-int64(m)
	}
	return nil
}

func (d descriptor) Sync(dataOnly bool) error {
	if dataOnly {
		return unix.Fdatasync(int(d))
	}
	return unix.Fsync(int(d))
}

func (d descriptor) Room() (size, space int64, err error) {
	var st unix.Stat_t
	err = unix.Fstat(int(d), &st)
	return st.Size, st.Blocks * 512, err
}

// dying tells whether the thread that waits for an answer has been sent SIGKILL. The
// kernel tells of any signal that a thread was sent, Go's own to its threads among them,
// and it keeps even a killed thread until it is answered.
func dying(ctx context.Context) func() bool {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Pid == 0 {
		return func() bool { return false }
	}
	return func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", caller.Pid))
		if err != nil {
			return true // it has gone
		}
		for line := range bytes.Lines(status) {
			if pending, ok := bytes.CutPrefix(line, []byte("SigPnd:")); ok {
				set, err := strconv.ParseUint(string(bytes.TrimSpace(pending)), 16, 64)
				return err == nil && set&(1<<(syscall.SIGKILL-1)) != 0
			}
		}
		return false
	}
}
