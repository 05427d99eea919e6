package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/guard"
)

// loop is a loop device that serves an image. It detaches itself when the last who has it
// open, which is who mounted it, is gone.
type loop struct{ device, image string }

func (l loop) undo() guard.Undo {
	return guard.Undo{What: guard.Detach, Of: l.device, From: l.image}
}

// attach finds a free loop device and has it serve an image. While it is open it stays.
// A fresh one is taken for every mount: what an old one has in its cache, or who still holds
// a dead file system on it, then cannot be mistaken for the medium.
func attach(ctx context.Context, g *guard.Guard, m medium) (l loop, open *os.File, err error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return l, nil, err
	}
	defer control.Close()
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return l, nil, fmt.Errorf("no free loop device, losetup -a says who has them: %w", err)
		}
		l := loop{device: "/dev/loop" + strconv.Itoa(n), image: m.image()}
		open, err := os.OpenFile(l.device, os.O_RDWR, 0)
		if err != nil {
			return l, nil, fmt.Errorf("no free loop device: %w", err)
		}
		if err := g.Promise(l.undo()); err != nil {
			open.Close()
			return l, nil, err
		}
		if err = m.aside(l.configure); err == nil {
			return l, open, nil
		}
		g.Fulfilled(l.undo())
		open.Close()
		if !errors.Is(err, unix.EBUSY) { // somebody else was quicker
			return l, nil, fmt.Errorf("attach %s to %s: %w", l.image, l.device, err)
		}
		if ctx.Err() != nil {
			return l, nil, context.Cause(ctx)
		}
	}
}

// configure attaches the image, past the page cache where its file system can do that.
func (l loop) configure() error {
	device, err := os.OpenFile(l.device, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer device.Close()
	file, err := os.OpenFile(l.image, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	config := &unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR | unix.LO_FLAGS_DIRECT_IO}}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], file.Name())
	err = unix.IoctlLoopConfigure(int(device.Fd()), config)
	if errors.Is(err, unix.EINVAL) {
		config.Info.Flags &^= unix.LO_FLAGS_DIRECT_IO
		err = unix.IoctlLoopConfigure(int(device.Fd()), config)
	}
	return err
}

// attached tells whether the device still serves the image.
func (l loop) attached() bool {
	b, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(l.device), "loop/backing_file"))
	return err == nil && strings.TrimSuffix(string(b), "\n") == l.image
}

// detached waits until the device has detached itself.
func (l loop) detached(ctx context.Context, g *guard.Guard) error {
	for wait := time.Millisecond; l.attached(); wait = min(2*wait, 50*time.Millisecond) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was unmounted but is still held, perhaps by a process in a mount namespace of its own: %w", l.device, context.Cause(ctx))
		case <-time.After(wait):
		}
	}
	g.Fulfilled(l.undo())
	return nil
}

// flushes counts those that the device was ever asked for; -1 if the kernel does not.
func (l loop) flushes() int64 {
	b, err := os.ReadFile(filepath.Join("/sys/block", filepath.Base(l.device), "stat"))
	if fields := strings.Fields(string(b)); err == nil && len(fields) > 15 {
		if n, err := strconv.ParseInt(fields[15], 10, 64); err == nil {
			return n
		}
	}
	return -1
}
