package block

import (
	"errors"
	"fmt"
	"io"
	"log"
	"path/filepath"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Device is a disk that is served.
type Device struct {
	mountpoint string
	files      *filesystem
	served     chan struct{} // closed when nobody can ask any more
}

// largest is the most that one request carries.
const largest = 1 << 20

// Serve mounts a disk of zeros of the given size in a directory, and answers whoever uses
// it until it is closed. Root is required.
//
// It is served by this process, which therefore touches the mount, or a file system on top of
// it, only Aside.
func Serve(mountpoint string, size int64, opts Options) (*Device, error) {
	return serve(mountpoint, size, opts, func(f fuse.RawFileSystem) fuse.RawFileSystem { return f })
}

// serve is Serve to a kernel that asks through what seen returns, which may look at it.
func serve(mountpoint string, size int64, opts Options, seen func(fuse.RawFileSystem) fuse.RawFileSystem) (*Device, error) {
	medium, err := newMedium(size, opts)
	if err != nil {
		return nil, err
	}
	d := &Device{
		mountpoint: mountpoint,
		files:      &filesystem{RawFileSystem: fuse.NewDefaultRawFileSystem(), medium: medium, troubles: newTroubles()},
		served:     make(chan struct{}),
	}
	server, err := d.mount(seen(d.files))
	if err != nil {
		medium.close()
		return nil, fmt.Errorf("mount a disk at %s: %w", mountpoint, err)
	}
	go func() {
		defer close(d.served)
		server.Serve()
	}()
	if err := Aside(d.askOnce); err != nil {
		return nil, errors.Join(fmt.Errorf("use the disk at %s: %w", mountpoint, err), d.Close())
	}
	return d, nil
}

// askOnce has the kernel learn that this file system does not know poll. Go asks that of each
// file that it opens, and would wait for the answer where it answers nobody.
func (d *Device) askOnce() error {
	fd, err := unix.Open(d.File(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	if errors.Is(err, unix.EINTR) {
		err = nil
	}
	return err
}

// mount opens the kernel's end by itself: the library's own way leaves it open in every
// program that is started later, and a mount lives as long as anybody has its end open.
func (d *Device) mount(files fuse.RawFileSystem) (*fuse.Server, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	how := fmt.Sprintf("fd=%d,rootmode=%o,user_id=0,group_id=0,max_read=%d", fd, unix.S_IFDIR, largest)
	if err := unix.Mount(Source, d.mountpoint, "fuse.usurper", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, how); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	server, err := fuse.NewServer(files, fmt.Sprintf("/dev/fd/%d", fd), &fuse.MountOptions{
		MaxWrite:          largest,
		MaxBackground:     64,
		ExtraCapabilities: fuse.CAP_ASYNC_DIO,
		DisableXAttrs:     true,
		DisableSplice:     true,
		Logger:            log.New(io.Discard, "", 0), // it says when it is unmounted
	})
	if err != nil {
		return nil, errors.Join(err, unix.Unmount(d.mountpoint, unix.MNT_FORCE|unix.MNT_DETACH))
	}
	return server, nil
}

// File is the disk, for a loop device.
func (d *Device) File() string { return filepath.Join(d.mountpoint, diskName) }

// Hold lets no flush end until Release or Cut: what whoever flushes has written is at risk,
// and he is not told otherwise.
func (d *Device) Hold() { d.files.troubles.hold() }

// Release lets flushes go on that Hold keeps.
func (d *Device) Release() { d.files.troubles.release() }

// Cut takes the power: from now on nothing changes what the choice left, and whoever asks
// gets errors. It returns what the device had been asked for until then.
func (d *Device) Cut(keep Choice) State {
	defer d.Release()
	return d.files.medium.cut(keep)
}

// Restore gives the power back to a disk from which the file system has been unmounted and
// the loop device detached.
func (d *Device) Restore() { d.files.medium.restore() }

// State is what the device has been asked for.
func (d *Device) State() State { return d.files.medium.stateNow() }

// Begin gives the disk a trouble, which it keeps until that is ended, also while it has no
// power.
func (d *Device) Begin(t Trouble) *Ongoing { return d.files.troubles.begin(t) }

// Calm lets no trouble have any effect until again is called, nor on what is under way.
func (d *Device) Calm() (again func()) { return d.files.troubles.calm() }

// Close unmounts and forgets the disk. Whoever still uses it gets errors, also a flush that
// is held.
func (d *Device) Close() error {
	if err := unmount(d.mountpoint); err != nil {
		return err
	}
	d.files.medium.end() // else those who serve it wait for as long as a flush takes
	<-d.served
	d.files.medium.close()
	return nil
}

// unmount ends the disk for whoever uses it, and unmounts it: from everywhere at once, or
// once the last of them has noticed.
func unmount(mountpoint string) error {
	err := unix.Unmount(mountpoint, unix.MNT_FORCE|unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", mountpoint, err)
	}
	return nil
}
