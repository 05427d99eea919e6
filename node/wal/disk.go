package wal

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/usurper/usurper/node/bug"
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

// directory is all that a Log knows of the operating system, so that another can take its
// place.
type directory interface {
	// make creates the directory if it is missing. Its name is not durable before settle.
	make() error
	// settle makes the name of the directory durable, and those of what it had to create
	// above it.
	settle() error
	// lock takes the directory for this process, or returns ErrLocked.
	lock() (io.Closer, error)
	open(name string, flag int) (file, error)
	read(name string) ([]byte, error)
	// names lists the directory in lexical order.
	names() ([]string, error)
	// rename and remove are not durable before the directory itself, the file ".", is synced.
	rename(from, to string) error
	remove(name string) error
}

// disk is the directory of a Log, with what a Log does to it in one piece.
type disk struct {
	directory
	dir  string
	bug  bug.Name
	wrap func(name string, f file) file // for tests; nil means none
}

// create makes an empty file, in place of any that has its name.
func (d disk) create(name string) (file, error) {
	return d.openFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (d disk) openFile(name string, flag int) (file, error) {
	f, err := d.open(name, flag)
	if err != nil {
		return nil, err
	}
	if d.wrap != nil {
		f = d.wrap(name, f)
	}
	switch d.bug {
	case bug.WriteWithoutSync:
		f = unsyncedFile{f}
	case bug.SyncLate:
		f = &lateFile{file: f}
	}
	return f, nil
}

// renameDurably gives a synced file its final name.
func (d disk) renameDurably(from, to string) error {
	if err := d.rename(from, to); err != nil {
		return err
	}
	return d.syncNames()
}

// syncNames makes the names in the directory durable.
func (d disk) syncNames() error {
	if d.bug == bug.SyncDataNotName {
		return nil
	}
	f, err := d.openFile(".", os.O_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d disk) path(name string) string { return filepath.Join(d.dir, name) }
