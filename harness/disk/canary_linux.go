package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync syncs data and what is needed to read it again, and no more: a file's times
// would have all names committed.
func datasync(f *os.File) error { return unix.Fdatasync(int(f.Fd())) }
