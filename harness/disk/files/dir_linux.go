package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Dir is a mounted directory.
type Dir struct {
	mountpoint, backing string
	rules               *rules
	budget              budget
	root                *node
	server              *fuse.Server

	syncs   atomic.Int64 // that the kernel asked for
	unasked bool         // the kernel asks for none after a write to a file of O_DSYNC
}

// Available tells why directories cannot be mounted here, nil if they can.
func Available() error {
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err == nil {
		f.Close()
	} else {
		return fmt.Errorf("no FUSE: %w: run it as root, or let this process have the device; or load the kernel's module fuse", err)
	}
	if os.Geteuid() == 0 {
		return MayMount("fuse")
	}
	if _, err := exec.LookPath("fusermount3"); err != nil {
		return fmt.Errorf("no FUSE without root: %w: install fuse3", err)
	}
	return nil
}

// MayMount tells why root may not mount file systems of a kind, as in most containers; nil if he
// may. It tries to mount what is none, which leaves nothing behind.
func MayMount(kind string) error {
	err := unix.Mount("/dev/null", "/", kind, 0, "")
	for _, refusal := range []error{unix.EPERM, unix.EACCES, unix.ENOSYS} {
		if errors.Is(err, refusal) {
			return fmt.Errorf("this root may not mount %s (%w): run it as root of the machine itself, or of a container with all that root may (--privileged)", kind, err)
		}
	}
	return nil
}

// capKillPriv has the kernel not ask before each write whether the file has capabilities.
const capKillPriv = 1 << 28

// longTime is how long the kernel may remember names and attributes. Nobody else changes
// them. There is another reason: between fork and exec a child that is to run in the directory goes there, while
// the Go runtime of its parent, this process, may wait for it; it must not have to ask us.
const longTime = 365 * 24 * time.Hour

// Mount shows the directory backing at mountpoint, until Close. Nobody else may change
// what is in backing meanwhile. As root it is there for all users, else for this one. This
// process must not end with files of it open: it could not be asked to close them any more.
func Mount(mountpoint, backing string, o Options) (*Dir, error) {
	d, err := mount(mountpoint, backing, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", mountpoint, err), Available())
	}
	if err := d.probe(); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", mountpoint, err), d.Close())
	}
	return d, nil
}

// Source is as what the kernel lists what is mounted.
const Source = "usurper"

func mount(mountpoint, backing string, o Options) (*Dir, error) {
	d := &Dir{mountpoint: mountpoint, backing: backing, rules: newRules(o.Seed)}
	if o.Memory == 0 {
		o.Memory = usualMemory
	}
	d.budget.left.Store(o.Memory)
	root, err := fs.NewLoopbackRoot(backing)
	if err != nil {
		return nil, err
	}
	loopback := root.(*fs.LoopbackNode)
	d.root = newNode(d, loopback)
	loopback.RootData.RootNode = d.root
	if os.Geteuid() == 0 {
		if mountpoint, err = mountDirectly(mountpoint); err != nil {
			return nil, err
		}
	}
	forever := longTime
	d.server, err = fs.Mount(mountpoint, d.root, &fs.Options{
		EntryTimeout: &forever, AttrTimeout: &forever, NullPermissions: true,
		MountOptions: fuse.MountOptions{
			FsName: Source, Name: Source,
			Options:  []string{"default_permissions"},
			MaxWrite: maxWrite,
			// Locks are left to the kernel: all who take them are behind the same mount.
			EnableLocks:              false,
			ExplicitDataCacheControl: true,
			ExtraCapabilities:        capKillPriv,
		},
	})
	return d, err
}

const maxWrite = 1 << 20

// mountDirectly mounts what this process will serve, and returns by which name the library
// takes it over. The library's own way leaves the device open to children, members among
// them, which then wait for ever once this process is gone, instead of getting errors.
func mountDirectly(mountpoint string) (string, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", fmt.Errorf("/dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=%d,max_read=%d,allow_other,default_permissions", fd, os.Getegid(), maxWrite)
	if err := unix.Mount(Source, mountpoint, "fuse."+Source, unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return "", errors.Join(err, unix.Close(fd))
	}
	return fmt.Sprintf("/dev/fd/%d", fd), nil
}

// probe proves that the directory works, and has the kernel find out what it need not ask
// again: that files cannot be polled, which Go's runtime would wait for with nobody left to
// answer, and that nothing has to be done when they are closed. It finds out whether the kernel asks
// for a sync after a write to a file of O_DSYNC, as newer ones do.
func (d *Dir) probe() error {
	name := d.mountpoint + "/.usurper-probe"
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_DSYNC|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte("alive"))
	d.unasked = d.syncs.Load() == 0
	err = errors.Join(err, unix.Close(fd), unix.Unlink(name))
	if hack, err := unix.Open(d.mountpoint+"/.go-fuse-epoll-hack", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Poll([]unix.PollFd{{Fd: int32(hack), Events: unix.POLLIN}}, 0)
		unix.Close(hack)
	}
	var st unix.Stat_t
	return errors.Join(err, unix.Stat(d.mountpoint, &st))
}

// Apply puts a rule in force, for files that are open already too, and returns what takes it
// out. Of rules about one file all count: a write that fails is neither shortened nor lost,
// one that is shortened may be lost.
func (d *Dir) Apply(r Rule) (*Applied, error) { return d.rules.apply(r) }

// Rot is [Rot.Damage] of the directory while it is mounted. No rule is in its way.
func (d *Dir) Rot(r Rot) (Damage, error) {
	damage, err := r.Damage(d.backing)
	if err == nil {
		d.refresh(damage.File)
	}
	return damage, err
}

// refresh has the kernel forget what it knows of a file.
func (d *Dir) refresh(name string) {
	n := d.root.EmbeddedInode()
	for part := range pathParts(name) {
		if n = n.GetChild(part); n == nil {
			return
		}
	}
	n.NotifyContent(0, 0)
}

// patience is how long Close waits for those who have a file open.
const patience = 2 * time.Second

// Close unmounts the directory. All who use it must have ended: if somebody does
// not let go, it is taken out of sight, and that is an error.
func (d *Dir) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := d.unmount(false)
		if err == nil || errors.Is(err, syscall.EINVAL) { // or it is not mounted any more
			d.server.Wait()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("unmount %s: %w: somebody still has a file of it open", d.mountpoint, err), d.unmount(true))
		}
	}
}

func (d *Dir) unmount(lazily bool) error {
	if os.Geteuid() == 0 {
		flags := unix.UMOUNT_NOFOLLOW
		if lazily {
			flags |= unix.MNT_DETACH
		}
		return unix.Unmount(d.mountpoint, flags)
	}
	args := []string{"-u", "-q", d.mountpoint}
	if lazily {
		args = append(args, "-z")
	}
	if err := exec.Command("fusermount3", args...).Run(); err != nil {
		if !mounted(d.mountpoint) {
			return syscall.EINVAL
		}
		return fmt.Errorf("fusermount3: %w", err)
	}
	return nil
}

// mounted tells whether a file system is mounted there.
func mounted(dir string) bool {
	var at, above unix.Stat_t
	if unix.Lstat(dir, &at) != nil {
		return true // a dead one
	}
	return unix.Lstat(dir+"/..", &above) != nil || at.Dev != above.Dev
}
