package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/guard"
)

const (
	keepNothing = "nothing"
	keepNames   = "names"
	keepSome    = "some"

	patience = 5 * time.Second // with who keeps a mount busy that is closed
	dataDir  = "data"          // of the member, beside canaries and what a file system has of its own
)

type fsOptions struct {
	kind          Kind
	engine        Engine
	mount, member string
}

// volume is a file system of a member's own.
type volume struct {
	fsOptions
	guard  *guard.Guard
	medium medium
	images *images

	loop     loop
	mounted  bool
	canaries canaries
	cut      *Keep // the power is gone
	lost     error // it is of no more use
	troubled bool  // something was wrong with the medium though it had power
	base     int64 // flushes that the device was asked for before the member's
	flushes  int64 // those that came then, until the power went
	atRisk   int64 // bytes unflushed when it went
}

func openFS(ctx context.Context, g *guard.Guard, i *images, o fsOptions) (_ Volume, err error) {
	mount, err := filepath.Abs(o.mount)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(mount); err != nil {
		if err := os.MkdirAll(mount, 0o755); err != nil {
			return nil, err
		}
	}
	if mount, err = filepath.EvalSymlinks(mount); err != nil {
		return nil, err
	}
	o.mount = mount
	v := &volume{fsOptions: o, guard: g, images: i, canaries: canaries{root: mount}}
	defer func() {
		if err != nil {
			err = errors.Join(err, v.Close())
		}
	}()
	if v.medium, err = newMedium(i, o); err != nil {
		return nil, err
	}
	if err := o.kind.make(ctx, v.medium.image()); err != nil {
		return nil, err
	}
	if err := v.bringUp(ctx); err != nil {
		return nil, err
	}
	if err := v.medium.aside(func() error { return os.Mkdir(v.Dir(), 0o755) }); err != nil {
		return nil, err
	}
	return v, v.Settle()
}

// Dir implements Volume.
func (v *volume) Dir() string { return filepath.Join(v.mount, dataDir) }

func (v *volume) undo() guard.Undo {
	return guard.Undo{What: guard.Unmount, Of: v.mount, From: v.loop.device}
}

// bringUp attaches the image and mounts it.
func (v *volume) bringUp(ctx context.Context) error {
	l, open, err := attach(ctx, v.guard, v.medium)
	if err != nil {
		return err
	}
	defer open.Close() // with the mount it stays, without it goes
	v.loop = l
	if err := v.guard.Promise(v.undo()); err != nil {
		return err
	}
	err = v.medium.aside(func() error {
		return unix.Mount(l.device, v.mount, string(v.kind), unix.MS_NODEV|unix.MS_NOSUID|unix.MS_NOATIME, v.kind.mountOptions(v.images.memory))
	})
	if err != nil {
		v.guard.Fulfilled(v.undo())
		return &mountError{fmt.Errorf("mount %s at %s: %w", v.kind, v.mount, err)}
	}
	v.mounted = true
	return nil
}

// damaged tells whether err is what the kernel says of a file system that makes no sense.
func damaged(err error) bool {
	var m *mountError
	if !errors.As(err, &m) {
		return false
	}
	for _, e := range []error{unix.EUCLEAN, unix.EBADMSG, unix.EINVAL, unix.EIO, unix.EROFS, unix.ENOENT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// takeDown unmounts and waits until the device has let go of the image.
func (v *volume) takeDown(ctx context.Context) error {
	if v.mounted {
		if err := v.medium.aside(func() error { return unmount(ctx, v.mount, 0) }); err != nil {
			return err
		}
		v.mounted = false
		v.guard.Fulfilled(v.undo())
	}
	if v.loop.device == "" {
		return nil
	}
	if err := v.loop.detached(ctx, v.guard); err != nil {
		return err
	}
	v.loop = loop{}
	return nil
}

// Settle implements Volume.
func (v *volume) Settle() error {
	if v.cut != nil || !v.mounted {
		return fmt.Errorf("settle %s: it has no power", v.mount)
	}
	defer v.medium.calm()()
	return v.medium.aside(v.settle)
}

func (v *volume) settle() error {
	if err := v.canaries.settle(); err != nil {
		return err
	}
	dir, err := os.Open(v.mount)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("settle %s: %w", v.mount, err)
	}
	v.base = v.loop.flushes()
	return nil
}

// Holds implements Holder.
func (v *volume) Holds() bool { return v.medium.holds() }

// Strain implements Holder.
func (v *volume) Strain(flush time.Duration) { v.medium.strain(flush) }

// Hold implements Holder.
func (v *volume) Hold() { v.medium.hold() }

// Release implements Holder.
func (v *volume) Release() { v.medium.release() }

// Cut implements Volume.
func (v *volume) Cut(keep Keep) error {
	switch {
	case v.cut != nil || !v.mounted:
		return fmt.Errorf("cut the power of %s: it has none", v.mount)
	case !v.medium.keeps(keep.What):
		return fmt.Errorf("cut the power of %s and keep %s: the engine %s cannot: %w", v.mount, keep.What, v.engine, ErrUnsupported)
	}
	v.flushes = v.loop.flushes() - v.base
	if v.base < 0 || v.kind == Ext4 && !v.images.memory {
		v.flushes = -1 // the kernel does not count, or it is mounted so that none is asked for
	}
	if err := v.medium.aside(func() error { return v.canaries.sing(v.medium.harmless()) }); err != nil && !v.brokenBefore(err) {
		return fmt.Errorf("cut the power of %s: %w", v.mount, err)
	}
	unflushed, err := v.medium.cut(v.mount, keep)
	if err != nil {
		return fmt.Errorf("cut the power of %s: %w", v.mount, err)
	}
	v.cut, v.atRisk = &keep, unflushed
	return nil
}

// Restore implements Volume.
func (v *volume) Restore(ctx context.Context) (Restored, error) {
	begun := time.Now()
	if v.lost != nil {
		return Restored{}, v.lost
	}
	if v.cut == nil {
		return Restored{}, fmt.Errorf("restore %s: it has power", v.mount)
	}
	defer v.medium.calm()()
	if err := v.takeDown(ctx); err != nil {
		return Restored{}, fmt.Errorf("restore %s: %w", v.mount, err)
	}
	if err := v.medium.restore(); err != nil {
		return Restored{}, fmt.Errorf("restore %s: %w", v.mount, err)
	}
	err := v.bringUp(ctx)
	var bit, lied bool
	if err == nil {
		err = v.medium.aside(func() error {
			if bit, lied, err = v.canaries.judge(v.cut.What); err != nil {
				return err
			}
			return v.probe()
		})
	}
	if damaged(err) {
		v.lost = fmt.Errorf("%w: %w", ErrRefused, err)
		return Restored{}, v.lost
	}
	if err != nil {
		return Restored{}, fmt.Errorf("restore %s: %w", v.mount, err)
	}
	r := Restored{Bit: bit, Lied: lied, Flushes: v.flushes, Unflushed: v.atRisk}
	v.cut = nil
	if err := v.Settle(); err != nil {
		return r, err
	}
	r.Took = time.Since(begun)
	return r, nil
}

// probe proves by a write that what was mounted lives, and is not one that was shut down.
func (v *volume) probe() error {
	name := filepath.Join(v.mount, "probe")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write(song())
		if errors.Is(err, unix.ENOSPC) {
			err = nil // it is full; to sync the file's name proves as much
		}
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(name))
	}
	if errors.Is(err, unix.ENOSPC) {
		return v.probeFull()
	}
	if err == nil {
		_, err = os.Stat(v.Dir())
	}
	if err != nil {
		return &mountError{fmt.Errorf("the file system at %s is mounted but does not work: %w", v.mount, err)}
	}
	return nil
}

// probeFull is probe for one that has no room even for a name.
func (v *volume) probeFull() error {
	f, err := os.OpenFile(filepath.Join(v.mount, steadyName), os.O_RDWR, 0)
	if err == nil {
		_, err = f.WriteAt(song(), canaryBlock)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return &mountError{fmt.Errorf("the file system at %s is mounted, full, and does not work: %w", v.mount, err)}
	}
	return nil
}

// Close implements Volume.
func (v *volume) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if v.medium != nil {
		defer v.medium.calm()()
	}
	err := v.takeDown(ctx)
	if v.mounted { // somebody is still there: it goes with the last of them
		if lazily := v.medium.aside(func() error { return unix.Unmount(v.mount, unix.MNT_DETACH) }); lazily == nil {
			v.mounted = false
			v.guard.Fulfilled(v.undo())
		}
	}
	if v.medium != nil {
		err = errors.Join(err, v.medium.close())
		v.medium = nil
	}
	if !v.mounted {
		os.Remove(v.mount) // unless it holds what was there before
	}
	return err
}

// unmount unmounts as soon as nobody is there any more, for as long as ctx lets it, or for
// that long if it is not 0.
func unmount(ctx context.Context, dir string, atMost time.Duration) error {
	if atMost > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, atMost)
		defer cancel()
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := unix.Unmount(dir, unix.UMOUNT_NOFOLLOW)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("unmount %s: %w%s", dir, err, holders(dir))
		case <-time.After(wait):
		}
	}
}
