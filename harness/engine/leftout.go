package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/results"
)

// leaveOut frees the disk that a valid run no longer needs, and says in its directory
// what was there. A verdict, also a later one, is on the history alone, which holds
// what traces told.
func (r *run) leaveOut(v checker.Verdict) error {
	if v != checker.Valid {
		return nil
	}
	var said []string
	drop := func(what, flag string, keep bool, pattern ...string) {
		if keep {
			return
		}
		var size int64
		for _, name := range r.cfg.Names() {
			for _, p := range pattern {
				paths, _ := filepath.Glob(filepath.Join(r.dir.Path(results.NodesDir, name), p)) // the patterns are good
				for _, path := range paths {
					size += sizeOf(path)
					os.RemoveAll(path)
				}
			}
		}
		if size > 0 {
			said = append(said, fmt.Sprintf("%-6s %8.1f MB  %s keeps them", what, float64(size)/1e6, flag))
		}
	}
	drop("logs", "--keep-logs", r.cfg.KeepLogs, filepath.Base(cluster.LogFile("", "")))
	drop("traces", "--keep-logs", r.cfg.KeepLogs, "trace.*.jsonl")
	drop("data", "--keep-data", r.cfg.KeepData, dataName, filepath.Join(diskName, "*"))
	for _, name := range r.cfg.Names() {
		os.Remove(r.dir.Path(results.NodesDir, name)) // if it is empty
	}
	if len(said) == 0 {
		return nil
	}
	return r.dir.WriteText(results.LeftOutFile, fmt.Sprintf("The run was valid, and its members' files were removed:\n%s\nIn go test it is -chaos.keep-logs or Config.KeepLogs, and Config.KeepData. What traces told is in %s.",
		strings.Join(said, "\n"), results.HistoryFile))
}

// sizeOf is how many bytes the files at and below a path have, as far as they can be
// counted.
func sizeOf(path string) (size int64) {
	filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

// maxKept bounds how much of a member's disk is kept in the run directory. Holes, and
// what is zero, count for nothing.
const maxKept = 1 << 30

// errTooMuch says that there is more on a disk than is kept of it.
var errTooMuch = errors.New("more than is kept")

// copyTree copies the directories, files and links below from, up to limit bytes that are
// not zero. What cannot be read, as of a disk that is broken, is left out and told.
func copyTree(to, from string, limit int64) error {
	var errs []error
	left := limit
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			var rel string
			if rel, err = filepath.Rel(from, path); err == nil {
				err = copyOne(filepath.Join(to, rel), path, d, &left)
			}
		}
		if errors.Is(err, errTooMuch) {
			return fmt.Errorf("%w: %d MiB", err, limit>>20)
		}
		if err != nil {
			errs = append(errs, err)
		}
		return nil
	})
	if err = errors.Join(append(errs, err)...); err != nil {
		return fmt.Errorf("keep its data: %w", err)
	}
	return nil
}

func copyOne(to, from string, d fs.DirEntry, left *int64) error {
	switch {
	case d.IsDir():
		return os.MkdirAll(to, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case d.Type().IsRegular():
		return copyFile(to, from, left)
	}
	return nil
}

// copyFile copies a file; what is zero becomes a hole.
func copyFile(to, from string, left *int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	chunk, zero := make([]byte, 64<<10), make([]byte, 64<<10)
	var at int64
	for {
		n, err := io.ReadFull(in, chunk)
		if n > 0 && string(chunk[:n]) != string(zero[:n]) {
			if *left -= int64(n); *left < 0 {
				return errTooMuch
			}
			if _, err := out.WriteAt(chunk[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return out.Truncate(at)
		case err != nil:
			return err
		}
	}
}
