package disk

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/block"
	"github.com/usurper/usurper/harness/disk/files"
)

// Apply implements Faulty. A failed flush leaves what was written in the cache of the disk:
// a file system that goes on after it, which some do, may rely on a later one.
func (v *volume) Apply(r files.Rule) (Applied, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	t := block.Trouble{Delay: r.Delay, Jitter: r.Jitter}
	switch r.Action {
	case files.SlowSync:
	case files.FailSync:
		t.FailFlush = true
	case files.FailWrite:
		t.FailWrite = true
	default:
		return nil, fmt.Errorf("%s below a file system: use --disk %s: %w", r.Action, FUSE, ErrUnsupported)
	}
	if v.engine != Block {
		return nil, fmt.Errorf("%s with the engine %s: use %s: %w", r.Action, v.engine, Block, ErrUnsupported)
	}
	if len(r.Files) > 0 {
		return nil, fmt.Errorf("%s of single files below a file system, which knows none: use --disk %s: %w", r.Action, FUSE, ErrUnsupported)
	}
	v.troubled = true
	return ongoing{v.medium.begin(t)}, nil
}

// ongoing is trouble of a medium, as a rule in force.
type ongoing struct{ *block.Ongoing }

// Remove implements Applied.
func (o ongoing) Remove() map[string]int64 {
	harm := o.End()
	counts := map[string]int64{
		"flushes-slowed": harm.FlushesSlowed, "flushes-failed": harm.FlushesFailed, "writes-failed": harm.WritesFailed,
		"ms-added": harm.Added.Milliseconds(),
	}
	for name, n := range counts {
		if n == 0 {
			delete(counts, name)
		}
	}
	return counts
}

// Calm implements Faulty.
func (v *volume) Calm() (again func()) { return v.medium.calm() }

// Broken implements Faulty. ext4 and btrfs are read-only from the first error on that they
// cannot live with, xfs answers nothing but errors.
func (v *volume) Broken() error {
	if !v.troubled || v.cut != nil || !v.mounted {
		return nil
	}
	defer v.medium.calm()()
	return v.medium.aside(v.probe)
}

// Repair implements Faulty.
func (v *volume) Repair(ctx context.Context) error {
	defer v.medium.calm()()
	switch {
	case v.lost != nil:
		return v.lost
	case v.cut != nil:
		return fmt.Errorf("repair %s: it has no power", v.mount)
	}
	err := v.takeDown(ctx)
	if err == nil {
		err = v.bringUp(ctx)
	}
	if err == nil {
		err = v.medium.aside(v.probe)
	}
	if err == nil {
		err = v.Settle()
	}
	if damaged(err) {
		v.lost = fmt.Errorf("%w: %w", ErrRefused, err)
		return v.lost
	}
	if err != nil {
		return fmt.Errorf("repair %s: %w", v.mount, err)
	}
	return nil
}

// Rot implements Faulty.
func (v *volume) Rot(r files.Rot) (done files.Damage, err error) {
	err = v.medium.aside(func() error {
		done, err = r.Damage(v.Dir())
		return err
	})
	return done, err
}

// brokenBefore tells whether err, of who wrote canaries, is what a file system says that has
// taken itself out of service before: what was not synced is gone with it, and so is the
// canary that could not be written.
func (v *volume) brokenBefore(err error) bool {
	return v.troubled && (errors.Is(err, unix.EROFS) || errors.Is(err, unix.EIO))
}
