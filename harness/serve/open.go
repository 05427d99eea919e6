package serve

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

var (
	// errNoFile says that something is neither a file nor a directory, or a link to one
	// that is not shown.
	errNoFile = errors.New("no regular file")
	// errNoRun and errNoNight say that a directory is there, and what it is not.
	errNoRun   = errors.New("no run")
	errNoNight = errors.New("no night")
)

// open opens a file below the directory, if it is a regular one: it waits for no pipe.
func open(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// head reads the first bytes of a file, all of it if it has no more.
func head(root *os.Root, name string, most int64) ([]byte, error) {
	f, _, err := open(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

// readDir lists a directory, in the order of names.
func readDir(root *os.Root, name string) ([]fs.DirEntry, error) {
	if err := plain(root, name); err != nil {
		return nil, err
	}
	return fs.ReadDir(root.FS(), name)
}

// plain tells whether a directory and some files of it, if they are there, are no links,
// and in none: what draws a run opens them by their paths, and would follow those that lead
// out of what is served.
func plain(root *os.Root, dir string, names ...string) error {
	for at := dir; at != "."; at = path.Dir(at) {
		info, err := root.Lstat(at)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return errNoFile
		}
	}
	for _, name := range names {
		info, err := root.Lstat(path.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return errNoFile
		}
	}
	return nil
}
