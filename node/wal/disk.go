package wal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// ErrLocked is returned by Open when another process has the directory open.
var ErrLocked = errors.New("data directory is in use by another process")

// file is what a Log needs of an open file.
type file interface {
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error     // data and metadata
	Datasync() error // data, and the metadata needed to read it back
}

// disk is the directory of a Log. It is the only place that touches the
// operating system, so that a faulty one can take its place.
type disk struct {
	dir  string
	wrap func(name string, f file) file // for tests; nil means none
}

type osFile struct{ *os.File }

func (f osFile) Datasync() error { return datasync(f.File) }

// makeDir creates the directory, durably, if it is missing.
func (d disk) makeDir() error {
	if info, err := os.Stat(d.dir); err == nil && info.IsDir() {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	return disk{dir: filepath.Dir(filepath.Clean(d.dir))}.sync()
}

// lock takes the directory for this process, or returns ErrLocked. The kernel
// frees the lock when the process dies, however it dies.
func (d disk) lock() (io.Closer, error) {
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

// create makes an empty file, in place of any that has its name.
func (d disk) create(name string) (file, error) {
	return d.openFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (d disk) open(name string) (file, error) { return d.openFile(name, os.O_RDWR) }

func (d disk) openFile(name string, flag int) (file, error) {
	f, err := os.OpenFile(d.path(name), flag, 0o644)
	if err != nil {
		return nil, err
	}
	if d.wrap != nil {
		return d.wrap(name, osFile{f}), nil
	}
	return osFile{f}, nil
}

func (d disk) read(name string) ([]byte, error) { return os.ReadFile(d.path(name)) }

// names lists the directory in lexical order.
func (d disk) names() ([]string, error) {
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

// rename gives a synced file its final name, durably.
func (d disk) rename(from, to string) error {
	if err := os.Rename(d.path(from), d.path(to)); err != nil {
		return err
	}
	return d.sync()
}

// remove deletes a file if it exists. It is not durable before the next sync.
func (d disk) remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// sync makes the names in the directory durable.
func (d disk) sync() error {
	f, err := d.openFile(".", os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) path(name string) string { return filepath.Join(d.dir, name) }
