// Package block is a block device in user space that loses power: a file of a FUSE mount,
// made for a loop device to lie on, and any file system on that.
//
// What is written is in the cache of the device until it is flushed. When the power goes,
// all of the cache may be gone, or any part of it: the disk is left in one of the states
// that a disk with a volatile cache can be left in, and the caller chooses which.
//
// Read this file first, then medium.go: what is on the disk, and what of it can vanish.
// filesystem_linux.go is what the kernel asks.
package block

import (
	"errors"
	"time"
)

// ErrDead is what a device without power answers.
var ErrDead = errors.New("the device has no power")

// Sector is the unit that is written as a whole or not at all: a power failure tears
// nothing smaller.
const Sector = 512

// Page is the unit of memory, and of what most file systems write.
const Page = 4096

// Source is the mount of a disk as the kernel lists it.
const Source = "usurper-disk"

// Options describe a device; the zero value is the usual one.
type Options struct {
	// Cache bounds the bytes that can vanish. What does not fit reaches the medium by
	// itself, the oldest first, as in any disk. 0 is a quarter of the device.
	Cache int64
}

// State is what a device has been asked for since it was served or restored.
type State struct {
	// Flushes counts those that were completed, and LastFlush is when the last one was:
	// zero if there was none.
	Flushes   int64
	LastFlush time.Time
	// Writes and Unflushed count the writes that can vanish and their bytes.
	Writes    int
	Unflushed int64
	// Spilled counts the bytes that were never flushed and reached the medium all the same,
	// since the cache was full.
	Spilled int64
}
