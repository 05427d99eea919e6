package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// canaries show by what becomes of them whether a cut was a power failure, and a legal
// one. They lie beside the member's data, on the same file system.
//
// They must not change what the member is about to lose. Measured on ext4 and xfs: to sync
// a new file commits every name and size of that file system that was not yet; to overwrite
// and fdatasync a block that was written and synced before commits nothing of anybody
// else's, with either state that is kept. (Flushes it asks for, so that an engine that
// keeps what was not flushed does without it just before the cut.)
type canaries struct {
	root   string // of the mounted file system
	kept   []byte // what was synced last
	lost   []byte // what was written after that, without sync
	newest string // the name under which it was, "" if it is in the steady file too
	count  int
}

const (
	canaryBlock = 4096
	steadyName  = "steady" // a block that is synced, and one that is not
)

// settle writes the canaries of a file system that was just mounted, and syncs them.
func (c *canaries) settle() error {
	if c.newest != "" { // of the last power failure
		os.Remove(filepath.Join(c.root, c.newest))
	}
	c.kept, c.lost, c.newest = song(), nil, ""
	f, err := os.OpenFile(filepath.Join(c.root, steadyName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("write canaries: %w", err)
	}
	_, err = f.WriteAt(append(bytes.Clone(c.kept), make([]byte, canaryBlock)...), 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write canaries: %w", err)
	}
	dir, err := os.Open(c.root)
	if err != nil {
		return fmt.Errorf("write canaries: %w", err)
	}
	defer dir.Close()
	return dir.Sync()
}

// sing writes what a cut that follows must take back, and, unless the medium would keep
// more of the member's for it, first syncs what it must not.
func (c *canaries) sing(synced bool) error {
	f, err := os.OpenFile(filepath.Join(c.root, steadyName), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("write canaries: %w", err)
	}
	defer f.Close()
	if synced {
		kept := song()
		if _, err := f.WriteAt(kept, 0); err != nil {
			return fmt.Errorf("write canaries: %w", err)
		}
		if err := datasync(f); err != nil {
			return fmt.Errorf("sync canaries: %w", err)
		}
		c.kept = kept
	}
	c.count++
	c.lost, c.newest = song(), fmt.Sprintf("unsynced-%d", c.count)
	err = os.WriteFile(filepath.Join(c.root, c.newest), c.lost, 0o600)
	if errors.Is(err, syscall.ENOSPC) { // there is room for it in the steady file
		c.newest = ""
		_, err = f.WriteAt(c.lost, canaryBlock)
	}
	if err != nil {
		return fmt.Errorf("write canaries: %w", err)
	}
	return nil
}

// judge looks what became of them.
func (c *canaries) judge(keep string) (bit, lied bool, err error) {
	steady, err := os.ReadFile(filepath.Join(c.root, steadyName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, false, &mountError{fmt.Errorf("read canaries: %w", err)}
	}
	lied = !bytes.HasPrefix(steady, c.kept)
	if c.newest == "" {
		return len(steady) < 2*canaryBlock || !bytes.Equal(steady[canaryBlock:2*canaryBlock], c.lost), lied, nil
	}
	newest, err := os.ReadFile(filepath.Join(c.root, c.newest))
	if errors.Is(err, fs.ErrNotExist) {
		return true, lied, nil
	}
	if err != nil {
		return false, lied, &mountError{fmt.Errorf("read canaries: %w", err)}
	}
	return keep != keepNothing && !bytes.Equal(newest, c.lost), lied, nil
}

// song is a block that was never written before.
func song() []byte {
	b := make([]byte, canaryBlock)
	for i := range b {
		b[i] = byte(rand.Uint32N(255)) + 1
	}
	return b
}

// mountError is what the kernel says of what it shall mount, or has mounted.
type mountError struct{ error }

func (e *mountError) Unwrap() error { return e.error }
