package wal

import (
	"sync"
	"time"
)

// What deliberate bugs make of a file. Either writes at once, so that only a power failure
// tells it from a sound one: the kill of a process keeps what the kernel has.

// unsyncedFile is one of bug.WriteWithoutSync.
type unsyncedFile struct{ file }

// Sync does nothing.
func (unsyncedFile) Sync() error { return nil }

// Datasync does nothing.
func (unsyncedFile) Datasync() error { return nil }

// late is how long bug.SyncLate lets data wait.
const late = 50 * time.Millisecond

// lateFile is one of bug.SyncLate.
type lateFile struct {
	file
	mu      sync.Mutex
	pending *time.Timer // that will sync; nil if nothing waits
	closed  bool
}

// Datasync says that data are durable which will be soon.
func (f *lateFile) Datasync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending == nil {
		f.pending = time.AfterFunc(late, f.catchUp)
	}
	return nil
}

func (f *lateFile) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending != nil && !f.closed {
		f.pending = nil
		_ = f.file.Datasync()
	}
}

// Close syncs what waits: a late timer finds nothing to do.
func (f *lateFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending != nil {
		f.pending.Stop()
		f.pending = nil
		_ = f.file.Datasync()
	}
	f.closed = true
	return f.file.Close()
}
