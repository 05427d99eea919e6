package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// osDirectory is a directory of the machine.
type osDirectory struct {
	dir string
	// created is how many directories make has created, this one and those above it.
	created int
}

type osFile struct{ *os.File }

func (f osFile) Datasync() error { return datasync(f.File) }

func (d *osDirectory) path(name string) string { return filepath.Join(d.dir, name) }

func (d *osDirectory) make() error {
	d.created = 0
	for at := filepath.Clean(d.dir); ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		d.created++
	}
	return os.MkdirAll(d.dir, 0o755)
}

// settle syncs the directory above also if it found this one: who has created it, a
// process that was killed meanwhile, say, need not have synced it.
func (d *osDirectory) settle() error {
	at := filepath.Clean(d.dir)
	for range max(d.created, 1) {
		at = filepath.Dir(at)
		if err := syncDirectory(at); err != nil {
			return err
		}
	}
	return nil
}

// lock takes a lock that the kernel frees when the process dies, however it dies.
func (d *osDirectory) lock() (io.Closer, error) {
	f, err := os.OpenFile(d.path("LOCK"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: stop that process or use another directory", ErrLocked)
	}
	return nil, fmt.Errorf("flock %s: %w", f.Name(), err)
}

func (d *osDirectory) open(name string, flag int) (file, error) {
	f, err := os.OpenFile(d.path(name), flag, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDirectory) read(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

func (d *osDirectory) names() ([]string, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (d *osDirectory) rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d *osDirectory) remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncDirectory(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
