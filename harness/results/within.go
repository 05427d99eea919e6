package results

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// opener opens a file of a run directory by its name, for reading.
type opener func(name string) (*os.File, error)

// Within is the run in a directory that is not trusted, of which Open opens files by open
// alone, such as below an [os.Root]; path is only what it is called. Nothing can be written
// to it, and of the methods that read only Open and OpenHistory may be used.
func Within(path string, open func(name string) (*os.File, error)) (Dir, error) {
	for _, name := range histories() {
		f, err := open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Dir{}, fmt.Errorf("open run: %w", err)
		}
		f.Close()
		by := opener(open)
		return Dir{path: path, history: filepath.Join(path, name), open: &by}, nil
	}
	return Dir{}, fmt.Errorf("open run: %s is %w: it has no %s", path, ErrNotARun, HistoryFile)
}

// Open opens a file of the directory for reading. It waits for nobody, whatever has that
// name.
func (d Dir) Open(name string) (*os.File, error) {
	if d.open != nil {
		return (*d.open)(name)
	}
	return os.OpenFile(d.Path(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// OpenHistory opens the file that History names.
func (d Dir) OpenHistory() (*os.File, error) {
	if d.open != nil {
		return (*d.open)(filepath.Base(d.history))
	}
	return os.Open(d.History())
}

// Real is the directory's path, that of the directory itself if it is a link such as
// latest, which is soon another.
func (d Dir) Real() string {
	if d.open == nil {
		if path, err := filepath.EvalSymlinks(d.path); err == nil {
			return path
		}
	}
	return d.path
}
