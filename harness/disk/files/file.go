package files

import (
	"context"
	"io"
	"sync"
	"syscall"
)

// medium is a file as the file system below has it.
type medium interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	// Zero makes zeros of a part of the file that is not beyond its end.
	Zero(off, n int64) error
	Sync(dataOnly bool) error
	// Room tells where the file ends, and up to where it has space, if it has no holes.
	Room() (size, space int64, err error)
}

// file is a file that is known to the kernel, whoever has it open. Nothing in it depends
// on FUSE.
type file struct {
	mu   sync.Mutex // a write, sync or truncation and what is remembered of it are one
	id   ident
	undo undo
}

// identify says which file it is, before it is used.
func (f *file) identify(id ident) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id = id
}

// writing is how a file is written.
type writing struct {
	held
	pageout bool // by the kernel, of a shared mapping
}

// write writes as the rules have it, and returns how many bytes it says to have written.
func (f *file) write(w writing, m medium, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a := w.first(FailWrite); a != nil {
		a.add("writes-failed", 1)
		return 0, syscall.EIO
	}
	size, space, err := m.Room()
	if err != nil {
		return 0, err
	}
	if a := w.first(Full); a != nil {
		if fits := a.room(f.id, max(size, space)) - off; fits < int64(len(p)) {
			a.add("writes-refused", 1)
			if fits <= 0 {
				return 0, syscall.ENOSPC
			}
			p = p[:fits]
		}
	}
	if a := w.first(ShortWrite); a != nil && !w.pageout && len(p) > 1 && a.times(f.id)%2 == 0 {
		a.add("writes-shortened", 1)
		p = p[:a.drawPart(len(p))]
	}
	if a := w.first(LostWrite); a != nil {
		a.add("writes-lost", 1)
		a.add("bytes-lost", int64(len(p)))
		if end := off + int64(len(p)); end > size {
			return len(p), m.Truncate(end)
		}
		return len(p), nil
	}
	if err := f.undo.record(m, off, int64(len(p)), size); err != nil {
		return 0, err
	}
	return m.WriteAt(p, off)
}

// sync makes durable what was written, or fails and drops it. The delay comes first. Dropped
// tells that what was read before may be old.
func (f *file) sync(ctx context.Context, h held, m medium, s syncing) (dropped bool, err error) {
	if err := h.delay(ctx, s.dying); err != nil {
		return false, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range h {
		if a.rule.Action == FailSync && a.times(f.id) == 0 {
			a.add("syncs-failed", 1)
			if err := f.drop(a, m); err != nil {
				return true, err
			}
			return true, syscall.EIO
		}
	}
	if err := m.Sync(s.dataOnly); err != nil {
		return false, err
	}
	f.undo.reset()
	return false, nil
}

// syncing is how a file is synced.
type syncing struct {
	dataOnly bool
	dying    func() bool // whether who waits for it is being killed
}

// drop puts back what the file held when it was synced.
func (f *file) drop(a *Applied, m medium) error {
	a.add("bytes-not-dropped", f.undo.kept)
	size, _, err := m.Room()
	if err != nil {
		return err
	}
	for _, e := range f.undo.extents {
		n := min(e.end, size) - e.off // less, where a write wrote less
		switch {
		case n <= 0:
			continue
		case e.old != nil:
			_, err = m.WriteAt(e.old[:n], e.off)
		default:
			err = m.Zero(e.off, n)
		}
		if err != nil {
			return err
		}
		a.add("bytes-dropped", n)
	}
	f.undo.reset()
	return nil
}

// truncate has resize change the size of the file.
func (f *file) truncate(size int64, resize func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := resize(); err != nil {
		return err
	}
	f.undo.remove(size, maxSize)
	return nil
}

const maxSize = 1<<63 - 1

// allocate has allot get space for a part of the file; zeroed tells that it reads as zeros
// then.
func (f *file) allocate(h held, m medium, part span, allot func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	size, space, err := m.Room()
	if err != nil {
		return err
	}
	if a := h.first(Full); a != nil && !part.zeroed && part.off+part.n > min(space, a.room(f.id, max(size, space))) {
		return h.refuse()
	}
	if err := allot(); err != nil {
		return err
	}
	if part.zeroed {
		f.undo.remove(part.off, part.off+part.n)
	}
	return nil
}

// span is a part of a file.
type span struct {
	off, n int64
	zeroed bool
}

// forget tells that nobody has the file open, and the kernel does not know it any more:
// what was not synced is then as written back.
func (f *file) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.undo.reset()
}
