// Package files is a directory whose files fail.
//
// A [Dir] shows a real directory through FUSE. What is done there passes through, but for
// single operations on files that a [Rule] in force is about: they are slow, fail, do less
// than they say, or lie. [Rot] damages files at rest, in any directory.
//
// Read rule.go first, which says what rules do; file.go does it, without FUSE. What
// programs find there is what local disks do, with these differences: nothing is written by
// syncfs and sync_file_range, a sync keeps writers of that file waiting, lseek finds holes only
// where the file system below does, fallocate neither collapses nor inserts a range, and a file that
// was opened without a name (O_TMPFILE) is given none later.
package files

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"
)

// Action is what a rule does.
//
// A write is one of the system call, or of a page of a shared mapping when the kernel
// writes it back: at msync, fsync, munmap, or whenever it likes. Of the latter nobody is
// told at once. It fails as others do, and the next sync tells; it gets lost as others do; but
// it is never shortened, and since it never reaches beyond the end of the file, a full disk does
// not refuse it. Changes of the size, holes, names and attributes are no writes.
type Action string

// The actions.
const (
	// SlowSync delays fsync and fdatasync, of directories too, and writes to files that are
	// opened with O_SYNC or O_DSYNC. It counts syncs-delayed. When the rule is removed, or the
	// process is being killed, the delay ends.
	SlowSync Action = "slow-sync"
	// FailSync has the first sync of each file fail with EIO, and those after it succeed,
	// as on Linux. What was written since the last successful one is lost: reads give the old
	// bytes at once, as they do on ext4 and xfs when the pages, which are marked clean, have
	// been evicted. The size stays, as it does there, and what was appended reads as zeros.
	// Truncations, names and preallocated space stay too. It counts syncs-failed,
	// syncs-retried, which succeed after one of the same open file has failed,
	// bytes-dropped, and bytes-not-dropped of a file of which more was written without sync than
	// is remembered.
	FailSync Action = "fail-sync"
	// FailWrite has writes fail with EIO: nothing is written. It counts writes-failed.
	FailWrite Action = "fail-write"
	// Full refuses what needs space, with ENOSPC: files and directories, space for them in
	// advance, and writes beyond both the end and the space that the file had when it came by
	// first. What fits is written: up to a block or two, and all that was preallocated. Overwriting in
	// place goes on. It counts writes-refused.
	Full Action = "full"
	// ShortWrite has every other write to a file of more than one byte write only a part, and
	// say so. It counts writes-shortened. Of a direct write, and of what comes from another file or a
	// pipe, the kernel writes the rest at once, and nobody notices.
	ShortWrite Action = "short-write"
	// LostWrite has writes succeed of which no byte reaches the disk, though the file
	// becomes as long as if: new bytes are zeros. Until the file is opened anew, or the kernel needs
	// its memory, reads show what was written. It counts writes-lost and bytes-lost.
	LostWrite Action = "lost-write"
)

// Actions lists all.
func Actions() []Action {
	return []Action{SlowSync, FailSync, FailWrite, Full, ShortWrite, LostWrite}
}

// Rule is one thing to do to what is done to files.
type Rule struct {
	Action Action
	// Files are patterns, as of path.Match, of the files' paths below the directory, or of
	// their names alone. None means all.
	Files []string
	// Delay is how much longer a slow sync takes, give or take Jitter.
	Delay, Jitter time.Duration
}

// Validate tells what is wrong with the rule.
func (r Rule) Validate() error {
	var errs []error
	if !slices.Contains(Actions(), r.Action) {
		errs = append(errs, fmt.Errorf("there is no action %q on files: there are %v", r.Action, Actions()))
	}
	for _, p := range r.Files {
		if _, err := path.Match(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("pattern of files %q: %w", p, err))
		}
	}
	switch {
	case r.Action != SlowSync && (r.Delay != 0 || r.Jitter != 0):
		errs = append(errs, fmt.Errorf("%s takes no delay", r.Action))
	case r.Action == SlowSync && (r.Delay <= 0 || r.Jitter < 0 || r.Jitter > r.Delay):
		errs = append(errs, fmt.Errorf("slow-sync needs a delay above 0 and a jitter of at most that, not %v±%v", r.Delay, r.Jitter))
	}
	return errors.Join(errs...)
}

// Matches tells whether a file, by its path below the directory, is one of those that patterns are about, as
// in Rule.
func Matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		whole, _ := path.Match(p, name)
		base, _ := path.Match(p, path.Base(name))
		return whole || base
	})
}
