// Package disk gives members file systems of their own that lose power, and directories
// whose files fail.
//
// Read disk.go first: it is what a run sees.
package disk

import (
	"context"
	"errors"
	"time"

	"github.com/usurper/usurper/harness/disk/files"
	"github.com/usurper/usurper/harness/guard"
)

// ErrRefused tells that a file system does not mount any more after a failure of its disk.
// That is no fault of who wrote to it: nothing follows from it for the member.
var ErrRefused = errors.New("the file system refuses to mount again")

// ErrUnsupported tells that a disk cannot fail in this way. Nothing was done.
var ErrUnsupported = errors.New("not what this disk can do")

// Kind is what the data of members lies on.
type Kind string

// The kinds of disks.
const (
	Plain Kind = "plain" // a directory of the machine's own file system
	Ext4  Kind = "ext4"  // a file system of its own, on a loop device
	XFS   Kind = "xfs"
	Btrfs Kind = "btrfs"
	FUSE  Kind = "fuse" // a directory of whose files single operations fail
)

// Kinds lists all kinds, the usual one first.
func Kinds() []Kind { return []Kind{Plain, Ext4, XFS, Btrfs, FUSE} }

// Engine is what takes the power from a file system.
type Engine string

// The engines.
const (
	// Shutdown is a system call that the file system has for it: ext4 and xfs.
	Shutdown Engine = "shutdown"
	// Block is a block device in user space below any of them, which keeps what part of
	// the unflushed blocks it is told to.
	Block Engine = "block"
)

// Keep says which of the legal states a disk comes back in.
type Keep struct {
	What string // nothing, names or some, as in a plan
	Seed uint64 // of some, draws which blocks
}

// Volume is the disk of one member. Its methods are called one at a time.
type Volume interface {
	// Dir is where the member's data goes: an empty directory at first, which is there
	// whenever the volume is mounted. Below it nothing is that the member did not put there.
	Dir() string
	// Settle writes everything to the medium, as a machine does that has been up for long.
	Settle() error
	// Cut takes the power: from now on nothing that is written reaches the medium. Whoever
	// has a file open gets errors. It returns at once. Whoever uses the volume has to stand
	// still by then, else he may be told of writes that are gone. After ErrUnsupported nothing was done.
	Cut(keep Keep) error
	// Restore brings the disk back, once every process that used it is gone: it unmounts,
	// lets the file system recover, mounts, and proves by a write that it lives. After
	// ErrRefused the file system does not mount, and the volume is of no more use.
	Restore(ctx context.Context) (Restored, error)
	// Close unmounts, detaches and removes all that the volume consists of.
	Close() error
}

// Holder is a Volume whose power can go in the midst of a flush, so that what was to be
// flushed is torn.
type Holder interface {
	Volume
	// Holds tells whether the disk can do so: if not, the others do nothing.
	Holds() bool
	// Strain lets each flush take so long from now on, until Release or Cut. Whoever flushes
	// one thing after the other has more to flush each time then.
	Strain(flush time.Duration)
	// Hold lets no flush end until Release or Cut, or for a few seconds. Whoever flushes waits,
	// so that he stands still, in the kernel, once he is stopped; so may whoever else uses the
	// volume.
	Hold()
	// Release lets flushes go on.
	Release()
}

// Faulty is a Volume that can fail while it has power.
type Faulty interface {
	Volume
	// Apply puts a rule in force: of single files on a disk of kind FUSE, of the whole
	// medium below the file system where Troubles says so. After ErrUnsupported nothing was
	// done.
	Apply(r files.Rule) (Applied, error)
	// Calm lets no rule have any effect until again is called, nor on what is under way.
	Calm() (again func())
	// Broken tells why the file system works no more though its disk has power, nil if it
	// does: of some errors it takes itself out of service.
	Broken() error
	// Repair brings back one that is broken, as Restore does after a power failure.
	Repair(ctx context.Context) error
	// Rot damages a file of the member, which has no process.
	Rot(r files.Rot) (files.Damage, error)
}

// Applied is a rule in force.
type Applied interface {
	// Remove takes it out, and reports what it did: named counts, none if it never bit. It
	// may be called twice.
	Remove() map[string]int64
}

// Restored is what a power failure did to a volume.
type Restored struct {
	// Bit tells whether what was written without sync just before the cut is gone (or, of
	// names kept, empty): it was a power failure.
	Bit bool
	// Lied tells whether what was synced just before the cut is gone: then it was no legal
	// power failure, and the run proves nothing.
	Lied bool
	// Flushes counts those that the medium was asked for since the volume came back or was
	// settled, until the power went: by members, or by the file system itself once it is old
	// enough; -1 if nobody counted. Unflushed counts the bytes that had been written to the device and not
	// flushed when the power went; -1 if nobody counted.
	Flushes, Unflushed int64
	Took               time.Duration // from when Restore was called
}

// Options describe the disks of a run.
type Options struct {
	Kind   Kind
	Engine Engine // of Ext4, XFS and Btrfs; "" for what is usual: Shutdown, of Btrfs Block
	// Members has a volume each.
	Members []string
	// Mount returns where that of a member is mounted: an empty directory of its own.
	Mount func(member string) string
	// Spill is the directory for images that do not fit into memory.
	Spill string
	// Size is that of a volume in bytes, at most; 0 for what is usual, or fits.
	Size int64
	// Seed draws, of FUSE, delays and parts.
	Seed uint64
	// Guard is told what has to be undone; nil for one of the disks' own.
	Guard *guard.Guard

	memory int64 // that is available; 0 for what there is
}
