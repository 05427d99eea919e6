package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/disk/block"
	"github.com/usurper/usurper/harness/guard"
)

// blocks is a block device in user space, which this process serves.
type blocks struct {
	fsOptions
	device *block.Device
	undo   guard.Undo
	guard  *guard.Guard
	longer time.Duration // than that flushes are not held
	limit  *time.Timer   // of those that are

	strained *block.Ongoing // nil while it is not
}

// holdLimit is how long flushes are held at most. Whatever else is asked of the disk waits
// behind them: a canary for which there is no room without a flush, a directory that is read.
const holdLimit = 3 * time.Second

func newBlocks(i *images, o fsOptions) (medium, error) {
	mount := filepath.Join(i.dir, o.member)
	if err := os.Mkdir(mount, 0o700); err != nil {
		return nil, err
	}
	b := &blocks{fsOptions: o, guard: i.g, longer: holdLimit, undo: guard.Undo{What: guard.Unmount, Of: mount, From: block.Source}}
	if err := b.guard.Promise(b.undo); err != nil {
		return nil, err
	}
	var err error
	if b.device, err = block.Serve(mount, i.size, block.Options{}); err != nil {
		b.guard.Fulfilled(b.undo)
		return nil, err
	}
	return b, nil
}

func (b *blocks) image() string { return b.device.File() }

func (b *blocks) aside(call func() error) error { return block.Aside(call) }

func (b *blocks) keeps(what string) bool { return slices.Contains(States(b.kind, Block), what) }

func (b *blocks) harmless() bool { return false }

func (b *blocks) strain(flush time.Duration) {
	b.relax()
	b.strained = b.device.Begin(block.Trouble{Delay: flush})
}

func (b *blocks) relax() {
	if b.strained != nil {
		b.strained.End()
		b.strained = nil
	}
}

func (b *blocks) holds() bool { return true }

func (b *blocks) hold() {
	b.device.Hold()
	b.limit = time.AfterFunc(b.longer, b.device.Release)
}

func (b *blocks) release() {
	if b.limit != nil {
		b.limit.Stop()
	}
	b.device.Release()
	b.relax()
}

func (b *blocks) begin(t block.Trouble) *block.Ongoing { return b.device.Begin(t) }

func (b *blocks) calm() (again func()) { return b.device.Calm() }

// cut implements medium. xfs takes a page of which only a part was written for damage, so
// that none is torn there.
func (b *blocks) cut(_ string, keep Keep) (int64, error) {
	choice, unit := block.Choice(block.Nothing), int64(block.Sector)
	if b.kind == XFS {
		unit = block.Page
	}
	defer b.release()
	if keep.What == keepSome {
		choice = block.Some(keep.Seed, unit)
	}
	return b.device.Cut(choice).Unflushed, nil
}

func (b *blocks) restore() error {
	b.device.Restore()
	return nil
}

func (b *blocks) close() error {
	if err := b.device.Close(); err != nil {
		return fmt.Errorf("close the blocks of %s: %w", b.member, err)
	}
	b.guard.Fulfilled(b.undo)
	return os.Remove(b.undo.Of)
}

// Aside calls what uses members' volumes in this process, apart from methods of Volume. This
// process may serve the disk that they lie on: killed in the midst of using it, it would
// wait for itself for ever. What is called opens the files that it uses and closes them.
func Aside(call func() error) error { return block.Aside(call) }
