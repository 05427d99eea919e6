package entry

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Log is the file of a night's entries, a line each. A line is written at once and
// synced, so that a process which is killed leaves whole lines and at most one torn last
// one. One process writes; it may do so from several goroutines, one at a time.
type Log struct{ file *os.File }

// Open opens the log for appending, and makes it if there is none. What a killed writer
// left of a last line is cut off.
func Open(path string) (*Log, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of runs: %w", err)
	}
	whole, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(whole)
	}
	if err == nil {
		_, err = f.Seek(whole, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open the log of runs %s: %w", path, err)
	}
	return &Log{f}, nil
}

// wholeLines returns how many bytes of the file are lines that have an end.
func wholeLines(f *os.File) (int64, error) {
	var whole, at int64
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buffer, at)
		if i := bytes.LastIndexByte(buffer[:n], '\n'); i >= 0 {
			whole = at + int64(i) + 1
		}
		at += int64(n)
		if errors.Is(err, io.EOF) {
			return whole, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// Add writes an entry for good.
func (l *Log) Add(e Entry) error {
	e.Format = Format
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write the log of runs: %w", err)
	}
	return nil
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// longest bounds one line.
const longest = 16 << 20

// Read hands over all entries of a log, in their order; none if there is no such file. A
// last line without an end is passed over, since its writer was killed.
func Read(path string, each func(Entry) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log of runs: %w", err)
	}
	defer f.Close()
	whole, err := wholeLines(f)
	if err != nil {
		return fmt.Errorf("read the log of runs %s: %w", path, err)
	}
	lines := bufio.NewScanner(io.NewSectionReader(f, 0, whole))
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("%s:%d: this is no entry of a run: %w", path, n, err)
		}
		if e.Format > Format {
			return fmt.Errorf("%s:%d: format %d is newer than this usurper, which knows %d: use a newer one", path, n, e.Format, Format)
		}
		if err := each(e); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the log of runs %s: %w", path, err)
	}
	return nil
}
