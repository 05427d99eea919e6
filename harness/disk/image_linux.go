package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/guard"
)

// images are the files that file systems lie in, all in one directory.
type images struct {
	room
	dir  string
	own  bool // it is a tmpfs of its own
	undo []guard.Undo
	g    *guard.Guard
}

const tmpfsName = "usurper-images" // as /proc/mounts lists it

// place makes the directory: a tmpfs of its own, bounded by what all images may take, or a
// directory on disk.
func place(g *guard.Guard, o Options) (*images, error) {
	var stat unix.Statfs_t
	if err := os.MkdirAll(o.Spill, 0o755); err != nil {
		return nil, err
	}
	if err := unix.Statfs(o.Spill, &stat); err != nil {
		return nil, fmt.Errorf("look for room in %s: %w", o.Spill, err)
	}
	available, free := o.memory, int64(stat.Bavail)*stat.Bsize
	if available == 0 {
		available = availableMemory("/proc", "/sys/fs/cgroup")
	}
	if o.Engine == Block { // which remembers up to a quarter more, of what can vanish
		available = available / 5 * 4
	}
	r, err := roomFor(len(o.Members), o.Size, available, free)
	if err != nil {
		return nil, err
	}
	above := o.Spill
	if r.memory {
		above = os.TempDir()
	}
	if above, err = filepath.Abs(above); err == nil {
		above, err = filepath.EvalSymlinks(above) // as the kernel names it
	}
	if err != nil {
		return nil, err
	}
	if o.Engine == Block && !r.memory {
		return nil, fmt.Errorf("%s, and blocks in user space lie in memory: free some, ask for smaller disks, or use the engine %s", r.note, Shutdown)
	}
	i := &images{room: r, own: r.memory && o.Engine != Block, dir: filepath.Join(above, "usurper-images-"+fresh()), g: g}
	if err := i.promise(guard.Undo{What: guard.Remove, Of: i.dir}); err != nil {
		return nil, err
	}
	if err := os.Mkdir(i.dir, 0o700); err != nil {
		return nil, err
	}
	if !i.own {
		return i, nil
	}
	if err := i.promise(guard.Undo{What: guard.Unmount, Of: i.dir, From: tmpfsName}); err != nil {
		return nil, err
	}
	size := int64(len(o.Members))*(r.size+r.size>>6) + 1<<20
	if err := unix.Mount(tmpfsName, i.dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOEXEC, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		return nil, fmt.Errorf("mount a tmpfs for images: %w", err)
	}
	return i, nil
}

func (i *images) promise(u guard.Undo) error {
	if err := i.g.Promise(u); err != nil {
		return err
	}
	i.undo = append(i.undo, u)
	return nil
}

// remove removes the directory.
func (i *images) remove() error {
	if i.own {
		if err := unmount(context.Background(), i.dir, patience); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(i.dir); err != nil {
		return fmt.Errorf("remove images: %w", err)
	}
	for _, u := range i.undo {
		i.g.Fulfilled(u)
	}
	return nil
}

// create makes a sparse file.
func (i *images) create(member string) (string, error) {
	path := filepath.Join(i.dir, member+".img")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	return path, errors.Join(f.Truncate(i.size), f.Close())
}

// makers are the programs that make file systems, with what makes them quick and small.
var makers = map[Kind][]string{
	Ext4:  {"mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-i", "65536", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard"},
	XFS:   {"mkfs.xfs", "-q", "-f", "-K"},
	Btrfs: {"mkfs.btrfs", "-q", "-f", "-K", "-m", "single"},
}

// packages are Debian's, in which the makers are.
var packages = map[Kind]string{Ext4: "e2fsprogs", XFS: "xfsprogs", Btrfs: "btrfs-progs"}

// make makes a file system in an image.
//
// That of btrfs first looks at what every loop device of the machine lies on, and gives up
// if it cannot ask of one, such as that of a run that was killed just now and is about to be
// cleared away.
func (k Kind) make(ctx context.Context, image string) error {
	args := makers[k]
	maker, err := program(args[0])
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(strangers); ; {
		cmd := exec.CommandContext(ctx, maker, append(args[1:len(args):len(args)], image)...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil { // that is why it ended
			return context.Cause(ctx)
		}
		err = fmt.Errorf("%s: %w: %s", args[0], err, strings.Join(strings.Fields(string(bytes.TrimSpace(out))), " "))
		if !bytes.Contains(out, []byte("cannot check mount status")) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// strangers is how long others on the machine may be in the way.
const strangers = 10 * time.Second

// mountOptions are what a kind is mounted with. That names are committed late shows more of who
// relies on it; data that is ordered and allocated late is what syncs of others leave alone.
func (k Kind) mountOptions(memory bool) string {
	switch k {
	case Ext4:
		options := "data=ordered,delalloc,noinit_itable,commit=300"
		if !memory {
			options += ",barrier=0" // what the image's own disk has flushed is no matter of a cut
		}
		return options
	case Btrfs:
		return "commit=300"
	}
	return ""
}
