package cluster

import (
	"bytes"
	"fmt"
	"os"
	"sync"
)

const (
	// maxLog bounds a member's log file: a member that floods its log does not
	// fill the disk.
	maxLog = 16 << 20
	// maxCrashLines bounds how many log lines of a member enter the history.
	maxCrashLines = 20
	maxLine       = 4 << 10
	tailLines     = 12
)

// logFile keeps what a member prints, up to maxLog bytes over all its
// processes, remembers the last lines, and reports those that look like a crash.
// Its methods may be called from any goroutine.
type logFile struct {
	crash   func(line string)
	crashed *crashes

	mu      sync.Mutex
	heard   func(line string) // nil for nobody
	file    *os.File
	written int64
	full    bool
	line    []byte
	tail    []string
	lines   int
	crashes int
}

// openLog appends to the log at path. crash is called for lines that tell of one.
func openLog(path string, crashed *crashes, crash func(line string)) (*logFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open node log: %w", err)
	}
	return &logFile{file: f, crash: crash, crashed: crashed}, nil
}

// listen lets heard take every line from now on.
func (l *logFile) listen(heard func(line string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = heard
}

// Write never fails: a member must not notice that its log is full.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepLocked(b)
	rest := b
	for {
		head, after, ended := bytes.Cut(rest, []byte("\n"))
		if room := maxLine - len(l.line); room > 0 {
			l.line = append(l.line, head[:min(room, len(head))]...)
		}
		if !ended {
			return len(b), nil
		}
		l.endLineLocked()
		rest = after
	}
}

func (l *logFile) keepLocked(b []byte) {
	if l.full {
		return
	}
	if l.written+int64(len(b)) > maxLog {
		l.full = true
		fmt.Fprintf(l.file, "\n[usurper: the log is cut here, at %d MiB]\n", maxLog>>20)
		return
	}
	n, err := l.file.Write(b)
	l.written += int64(n)
	if err != nil {
		l.full = true
	}
}

func (l *logFile) endLineLocked() {
	line := string(l.line)
	l.line = l.line[:0]
	if len(l.tail) == tailLines {
		copy(l.tail, l.tail[1:])
		l.tail = l.tail[:tailLines-1]
	}
	l.tail = append(l.tail, line)
	if l.heard != nil {
		l.heard(line)
	}
	l.lines++
	if l.crashes < maxCrashLines && l.crashed.tells(line, l.lines == 1) {
		l.crashes++
		l.crash(line)
	}
}

// lastLines returns the last lines that the member printed.
func (l *logFile) lastLines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := append([]string(nil), l.tail...)
	if len(l.line) > 0 {
		lines = append(lines, string(l.line))
	}
	return lines
}

func (l *logFile) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
