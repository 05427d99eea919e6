package block

import (
	"errors"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// filesystem is what the kernel asks: a directory with one file, which is the disk.
//
// A loop device asks for reads, writes, fsync for a flush, and fallocate for discarded and
// zeroed blocks. Nothing here may touch the mount itself, nor wait for whoever does.
type filesystem struct {
	fuse.RawFileSystem // the rest is not implemented
	medium             *medium
	troubles           *troubles
}

const (
	diskNode = 2
	diskName = "disk"
	forever  = time.Hour // what the kernel may believe of names and sizes
)

func (f *filesystem) String() string { return "disk" }

func (f *filesystem) attributes(node uint64, out *fuse.Attr) fuse.Status {
	*out = fuse.Attr{Ino: node, Nlink: 1, Mode: unix.S_IFREG | 0o600, Size: uint64(len(f.medium.now)), Blksize: Page}
	out.Blocks = out.Size / Sector
	switch node {
	case fuse.FUSE_ROOT_ID:
		*out = fuse.Attr{Ino: node, Nlink: 2, Mode: unix.S_IFDIR | 0o700}
	case diskNode:
	default:
		return fuse.ENOENT
	}
	return fuse.OK
}

func (f *filesystem) Lookup(_ <-chan struct{}, in *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	if in.NodeId != fuse.FUSE_ROOT_ID || name != diskName {
		return fuse.ENOENT
	}
	out.NodeId = diskNode
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(forever)
	return f.attributes(diskNode, &out.Attr)
}

func (f *filesystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	out.SetTimeout(forever)
	return f.attributes(in.NodeId, &out.Attr)
}

// SetAttr changes nothing: a disk has one size, and nobody cares for its times.
func (f *filesystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	if size, ok := in.GetSize(); ok && size != uint64(len(f.medium.now)) {
		return fuse.EPERM
	}
	out.SetTimeout(forever)
	return f.attributes(in.NodeId, &out.Attr)
}

// Open keeps the kernel from caching what the disk holds: after a power failure its cache
// would be of what is gone.
func (f *filesystem) Open(_ <-chan struct{}, _ *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	out.OpenFlags = fuse.FOPEN_DIRECT_IO | fuse.FOPEN_PARALLEL_DIRECT_WRITES | fuse.FOPEN_NOFLUSH
	return fuse.OK
}

func (f *filesystem) Read(_ <-chan struct{}, in *fuse.ReadIn, _ []byte) (fuse.ReadResult, fuse.Status) {
	data, err := f.medium.read(int64(in.Offset), int(in.Size))
	if err != nil {
		return nil, status(err)
	}
	return fuse.ReadResultData(data), fuse.OK
}

func (f *filesystem) Writev(_ <-chan struct{}, in *fuse.WriteIn, data [][]byte) (uint32, fuse.Status) {
	if err := f.troubles.write(); err != nil {
		return 0, status(err)
	}
	var n uint32
	for _, part := range data {
		if err := f.medium.write(int64(in.Offset)+int64(n), part); err != nil {
			return 0, status(err)
		}
		n += uint32(len(part))
	}
	return n, fuse.OK
}

func (f *filesystem) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status {
	return status(f.medium.flush(func() error { return f.troubles.wait(f.medium.died()) }))
}

func (f *filesystem) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	switch in.Mode &^ unix.FALLOC_FL_KEEP_SIZE {
	case unix.FALLOC_FL_PUNCH_HOLE, unix.FALLOC_FL_ZERO_RANGE:
		if err := f.troubles.write(); err != nil {
			return status(err)
		}
		return status(f.medium.zero(int64(in.Offset), int64(in.Length)))
	}
	return fuse.Status(unix.EOPNOTSUPP)
}

// StatFs answers, since unmounting asks.
func (f *filesystem) StatFs(<-chan struct{}, *fuse.InHeader, *fuse.StatfsOut) fuse.Status {
	return fuse.OK
}

func status(err error) fuse.Status {
	var errno unix.Errno
	switch {
	case err == nil:
		return fuse.OK
	case errors.As(err, &errno):
		return fuse.Status(errno)
	}
	return fuse.EIO
}
