package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// folder is where the journals of this user are, whoever starts next.
func folder() string {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("usurper-%d-guard", os.Geteuid()))
	if abs, err := filepath.Abs(path); err == nil { // who undoes works in another directory
		return abs
	}
	return path
}

// prefix is how the names of journals begin.
const prefix = "journal-"

// own makes the folder, or makes sure that nobody else can have put anything into it.
func own(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: let TMPDIR be a directory that this user may write to", err)
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(sys.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is not a directory that belongs to this user alone: remove it", folder)
	}
	return nil
}

// journal is a file of lines "+ number what ..." and "- number", torn at most at its end.
// Its lock is held by the harness and, since they share it, by the process that outlives
// it: whoever gets it knows that both are gone.
type journal struct {
	path   string
	file   *os.File // appends
	reader *os.File // from the beginning, for the process that undoes
}

// create begins a journal.
func create(folder string) (*journal, error) {
	for {
		if err := own(folder); err != nil {
			return nil, err
		}
		path := filepath.Join(folder, prefix+strconv.FormatUint(rand.Uint64(), 36))
		j, err := take(path, os.O_CREATE|os.O_EXCL)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errHeld) {
			continue // a sweep removed the folder, or the file, in between
		}
		return j, err
	}
}

// errHeld tells that somebody else is at a journal, or was the last to be.
var errHeld = errors.New("the journal is somebody else's")

// take opens a journal and takes its lock.
func take(path string, flags int) (*journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|syscall.O_NOFOLLOW|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		file.Close()
		return nil, errHeld
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err == nil {
		j := &journal{path: path, file: file, reader: reader}
		if j.same() {
			return j, nil
		}
		j.close()
		return nil, errHeld
	}
	file.Close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errHeld
	}
	return nil, err
}

// same tells whether what was locked is what lies there.
func (j *journal) same() bool {
	a, err := j.file.Stat()
	b, err2 := j.reader.Stat()
	return err == nil && err2 == nil && a.Mode().IsRegular() && os.SameFile(a, b)
}

// write adds a line. It begins with a line end, in case the last one was torn.
func (j *journal) write(op, number string, fields ...string) error {
	_, err := j.file.WriteString("\n" + op + "\t" + number + "\t" + strings.Join(fields, "\t") + "\n")
	return err
}

func (j *journal) close() {
	j.file.Close()
	j.reader.Close()
}

// discard removes a journal that holds nothing.
func (j *journal) discard() error {
	err := os.Remove(j.path)
	j.close()
	os.Remove(filepath.Dir(j.path)) // unless others are in it
	return err
}

// undo undoes what the journal holds, gives up its lock, and tells what was
// undone.
func (j *journal) undo() ([]Undo, error) {
	defer j.close()
	if _, err := j.reader.Seek(0, 0); err != nil {
		return nil, err
	}
	out, err := j.undoing().Output()
	if err != nil {
		return nil, fmt.Errorf("undo what %s holds: %w", j.path, err)
	}
	return told(string(out))
}

// told reads what the process said that undid. What was gone already it does not return.
func told(lines string) (undone []Undo, err error) {
	var errs []error
	for line := range strings.Lines(lines) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 4 {
			continue
		}
		u := Undo{What: f[1], Of: f[2], From: f[3]}
		if u.From == "-" {
			u.From = ""
		}
		switch f[0] {
		case "undone":
			undone = append(undone, u)
		case "left":
			errs = append(errs, fmt.Errorf("could not %s: %s", u, strings.Join(f[4:], " ")))
		}
	}
	return undone, errors.Join(errs...)
}

// Sweep undoes what harnesses of this user left that are gone, as are the processes that
// were to outlive them. Where one of these is still at it, it is left to it.
func Sweep() (undone []Undo, err error) { return sweep(folder()) }

func sweep(folder string) (undone []Undo, err error) {
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := own(folder); err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	journals, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // another sweep is quicker
		return nil, fmt.Errorf("sweep: %w", err)
	}
	var errs []error
	for _, file := range journals {
		if !strings.HasPrefix(file.Name(), prefix) {
			continue
		}
		j, err := take(filepath.Join(folder, file.Name()), 0)
		if errors.Is(err, errHeld) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep: %w", err))
			continue
		}
		done, err := j.undo()
		undone = append(undone, done...)
		if err != nil {
			errs = append(errs, fmt.Errorf("sweep: %w", err))
		}
	}
	os.Remove(folder) // unless others are in it
	return undone, errors.Join(errs...)
}
