package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/files"
)

// Available tells whether such disks can be had here and, if not, what is missing and what
// to do about it.
func Available(kind Kind, engine Engine) error {
	engine = usual(kind, engine)
	if err := available(kind, engine); err != nil {
		return fmt.Errorf("disks of kind %s are not available: %w", kind, err)
	}
	return nil
}

func available(kind Kind, engine Engine) error {
	switch kind {
	case Plain:
		return nil
	case Ext4, XFS, Btrfs, FUSE:
	default:
		return fmt.Errorf("nobody knows that kind: there are %v", Kinds())
	}
	if kind == FUSE {
		return files.Available()
	}
	if os.Geteuid() != 0 {
		return errors.New("only root mounts file systems: run it as root")
	}
	if engine == Block {
		if err := device("/dev/fuse", "modprobe fuse, or give the container the device"); err != nil {
			return err
		}
	}
	switch {
	case engine != Shutdown && engine != Block:
		return fmt.Errorf("nobody knows the engine %s: there are %s and %s", engine, Shutdown, Block)
	case engine == Shutdown && kind == Btrfs:
		return fmt.Errorf("btrfs has no system call that takes its power: use the engine %s", Block)
	}
	if _, err := program(makers[kind][0]); err != nil {
		return fmt.Errorf("%w: apt-get install %s", err, packages[kind])
	}
	if err := known(kind); err != nil {
		return err
	}
	if err := files.MayMount(string(kind)); err != nil {
		return err
	}
	return freeLoop()
}

// program finds one that administrators have, also where they do not look: cron and plain su
// have root go without these directories.
func program(name string) (string, error) {
	for _, at := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(at); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing", name)
}

// device opens a device file.
func device(path, otherwise string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w: %s", err, otherwise)
	}
	return f.Close()
}

// known tells whether the kernel has the file system, or a module of it.
func known(kind Kind) error {
	b, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err
	}
	has := func() bool {
		for line := range strings.Lines(string(b)) {
			if strings.TrimSpace(line) == string(kind) {
				return true
			}
		}
		return false
	}
	if has() {
		return nil
	}
	if modprobe, err := program("modprobe"); err == nil {
		exec.Command(modprobe, string(kind)).Run()
	}
	if b, err = os.ReadFile("/proc/filesystems"); err == nil && has() {
		return nil
	}
	return fmt.Errorf("this kernel does not know %s: use another kind, or load its module", kind)
}

func freeLoop() error {
	f, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w: modprobe loop, or give the container the loop devices", err)
	}
	defer f.Close()
	n, err := unix.IoctlRetInt(int(f.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return fmt.Errorf("no loop device is free (%w): losetup -a says who has them", err)
	}
	return device(fmt.Sprintf("/dev/loop%d", n), "the container has no such device: give it /dev/loop*")
}
