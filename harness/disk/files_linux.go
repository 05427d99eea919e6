package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/files"
	"github.com/usurper/usurper/harness/guard"
)

// fileVolume is a directory of the machine's own file system, shown through FUSE by this
// process.
type fileVolume struct {
	dir            *files.Dir
	mount, backing string
	guard          *guard.Guard
	undo           []guard.Undo // in the order of their promises
}

func openFiles(g *guard.Guard, mount string, seed uint64) (_ Volume, err error) {
	if err := os.MkdirAll(mount, 0o755); err != nil {
		return nil, err
	}
	if mount, err = filepath.Abs(mount); err == nil {
		mount, err = filepath.EvalSymlinks(mount)
	}
	if err != nil {
		return nil, err
	}
	v := &fileVolume{mount: mount, backing: mount + ".files", guard: g}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if err := v.promise(guard.Undo{What: guard.Remove, Of: v.backing}); err != nil {
		return nil, err
	}
	if err := os.Mkdir(v.backing, 0o755); err != nil {
		return nil, err
	}
	if err := v.promise(guard.Undo{What: guard.Unmount, Of: mount, From: files.Source}); err != nil {
		return nil, err
	}
	v.dir, err = files.Mount(mount, v.backing, files.Options{Seed: seed})
	return v, err
}

func (v *fileVolume) promise(u guard.Undo) error {
	if err := v.guard.Promise(u); err != nil {
		return err
	}
	v.undo = append(v.undo, u)
	return nil
}

// Dir implements Volume.
func (v *fileVolume) Dir() string { return v.mount }

// Apply implements Faulty.
func (v *fileVolume) Apply(r files.Rule) (Applied, error) { return v.dir.Apply(r) }

// Calm implements Faulty: who is killed waits for no rule.
func (v *fileVolume) Calm() (again func()) { return func() {} }

// Broken implements Faulty: only files break.
func (v *fileVolume) Broken() error { return nil }

// Repair implements Faulty.
func (v *fileVolume) Repair(context.Context) error { return nil }

// Rot implements Faulty.
func (v *fileVolume) Rot(r files.Rot) (files.Damage, error) { return v.dir.Rot(r) }

// Settle implements Volume. What lies below is written, whatever faults are in force.
func (v *fileVolume) Settle() error {
	dir, err := os.Open(v.backing)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("settle %s: %w", v.mount, err)
	}
	return nil
}

// Cut implements Volume.
func (v *fileVolume) Cut(Keep) error {
	return fmt.Errorf("cut the power of %s: single operations on its files fail, but it lies on the machine's own file system; a disk of kind %s, %s or %s loses power: %w", v.mount, Ext4, XFS, Btrfs, ErrUnsupported)
}

// Restore implements Volume.
func (v *fileVolume) Restore(context.Context) (Restored, error) {
	return Restored{}, fmt.Errorf("restore %s: it never lost power: %w", v.mount, ErrUnsupported)
}

// Close implements Volume.
func (v *fileVolume) Close() error {
	var errs []error
	if v.dir != nil {
		errs = append(errs, v.dir.Close())
		v.dir = nil
	}
	errs = append(errs, os.RemoveAll(v.backing))
	os.Remove(v.mount) // unless it holds what was there before
	if errors.Join(errs...) == nil {
		for _, u := range v.undo {
			v.guard.Fulfilled(u)
		}
		v.undo = nil
	}
	return errors.Join(errs...)
}
