package files

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// node is a file, directory or link that the kernel knows, by all its names.
type node struct {
	*fs.LoopbackNode
	dir *Dir
	file
	last atomic.Pointer[string] // by which name it was opened last
}

var (
	_ fs.NodeWrapChilder    = (*node)(nil)
	_ fs.NodeOnForgetter    = (*node)(nil)
	_ fs.NodeOpener         = (*node)(nil)
	_ fs.NodeCreater        = (*node)(nil)
	_ fs.NodeTmpfiler       = (*node)(nil)
	_ fs.NodeMkdirer        = (*node)(nil)
	_ fs.NodeMknoder        = (*node)(nil)
	_ fs.NodeSymlinker      = (*node)(nil)
	_ fs.NodeSetattrer      = (*node)(nil)
	_ fs.NodeFsyncer        = (*node)(nil)
	_ fs.NodeOpendirHandler = (*node)(nil)
	_ fs.NodeCopyFileRanger = (*node)(nil)
)

func newNode(d *Dir, loopback *fs.LoopbackNode) *node {
	return &node{LoopbackNode: loopback, dir: d, file: file{undo: undo{budget: &d.budget}}}
}

// WrapChild makes a node of ours of each that the library finds.
func (n *node) WrapChild(_ context.Context, ops fs.InodeEmbedder) fs.InodeEmbedder {
	return newNode(n.dir, ops.(*fs.LoopbackNode))
}

// OnForget lets go of what is remembered for a file that the kernel forgot.
func (n *node) OnForget() { n.forget() }

// name is the path below the directory by which rules know the node: of a file that
// was removed, the last.
func (n *node) name() string {
	if _, parent := n.Parent(); parent == nil && n != n.dir.root {
		if last := n.last.Load(); last != nil {
			return *last
		}
		return ""
	}
	return n.Path(n.dir.root.EmbeddedInode())
}

// holdChild returns the rules for a file that is about to be in this directory.
func (n *node) holdChild(name string) held {
	return n.dir.rules.hold(func() string {
		if n == n.dir.root {
			return name
		}
		return n.name() + "/" + name
	})
}

// refuse tells whether the disk is too full for one more name in this directory.
func (n *node) refuse(name string) syscall.Errno {
	h := n.holdChild(name)
	defer h.release()
	return fs.ToErrno(h.refuse())
}

// below returns the flags by which a file is opened below, and whether it syncs as it
// writes. Reads and writes come with addresses of ours, so O_DIRECT is between the
// program and the kernel; and what is overwritten has to be read.
func below(flags uint32) (uint32, bool) {
	const dsync = syscall.O_DSYNC // part of O_SYNC
	if flags&syscall.O_ACCMODE == syscall.O_WRONLY {
		flags = flags&^syscall.O_ACCMODE | syscall.O_RDWR
	}
	return flags &^ (syscall.O_DIRECT | syscall.O_SYNC | syscall.O_APPEND), flags&dsync != 0
}

func (n *node) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	wide, dsync := below(flags)
	h, fuseFlags, errno := n.LoopbackNode.Open(ctx, wide)
	if errno == syscall.EACCES {
		h, fuseFlags, errno = n.LoopbackNode.Open(ctx, wide&^syscall.O_ACCMODE|flags&syscall.O_ACCMODE)
	}
	if errno != 0 {
		return nil, 0, errno
	}
	return n.handle(h, dsync), fuseFlags, 0
}

func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.refuse(name); errno != 0 {
		return nil, nil, 0, errno
	}
	wide, dsync := below(flags)
	child, h, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, wide, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	own := child.Operations().(*node).handle(h, dsync)
	return child, own, fuseFlags, own.own(mode, out)
}

// Tmpfile opens a file without a name. Rules for all files are about it.
func (n *node) Tmpfile(ctx context.Context, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	if errno := n.refuse(""); errno != 0 {
		return nil, nil, 0, errno
	}
	wide, dsync := below(flags)
	child, h, fuseFlags, errno := n.LoopbackNode.Tmpfile(ctx, wide, mode, out)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return child, child.Operations().(*node).handle(h, dsync), fuseFlags, 0
}

func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.refuse(name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mkdir(ctx, name, mode, out)
}

func (n *node) Mknod(ctx context.Context, name string, mode, dev uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.refuse(name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Mknod(ctx, name, mode, dev, out)
}

func (n *node) Symlink(ctx context.Context, to, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	if errno := n.refuse(name); errno != 0 {
		return nil, errno
	}
	return n.LoopbackNode.Symlink(ctx, to, name, out)
}

func (n *node) Setattr(ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	size, ok := in.GetSize()
	if !ok {
		return n.LoopbackNode.Setattr(ctx, h, in, out)
	}
	return fs.ToErrno(n.truncate(int64(size), func() error {
		if errno := n.LoopbackNode.Setattr(ctx, h, in, out); errno != 0 {
			return errno
		}
		return nil
	}))
}

// Fsync syncs a file, or a directory, of which only the delay is a matter of rules.
func (n *node) Fsync(ctx context.Context, h fs.FileHandle, flags uint32) syscall.Errno {
	n.dir.syncs.Add(1)
	held := n.dir.rules.hold(n.name)
	defer held.release()
	s := syncing{dataOnly: flags&fsyncDataOnly != 0, dying: dying(ctx)}
	if own, ok := h.(*handle); ok {
		return own.sync(ctx, held, s)
	}
	if err := held.delay(ctx, s.dying); err != nil {
		return fs.ToErrno(err)
	}
	d, err := os.Open(n.dir.backing + "/" + n.name())
	if err != nil {
		return fs.ToErrno(err)
	}
	defer d.Close()
	return fs.ToErrno(syscall.Fsync(int(d.Fd())))
}

const fsyncDataOnly = 1 // FUSE_FSYNC_FDATASYNC

// OpendirHandle wraps the library's handle, so that syncs of it come to Fsync.
func (n *node) OpendirHandle(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	h, fuseFlags, errno := n.LoopbackNode.OpendirHandle(ctx, flags)
	if errno != 0 {
		return nil, 0, errno
	}
	return &listing{h.(stream)}, fuseFlags, 0
}

// stream is what a handle of a directory can do, but for syncing.
type stream interface {
	fs.FileReaddirenter
	fs.FileReleasedirer
	fs.FileSeekdirer
}

type listing struct{ stream }

// CopyFileRange is not offered: the kernel reads and writes instead.
func (n *node) CopyFileRange(context.Context, fs.FileHandle, uint64, *fs.Inode, fs.FileHandle, uint64, uint64, uint64) (uint32, syscall.Errno) {
	return 0, syscall.ENOSYS
}
