package files

import (
	"errors"
	"io"
	"slices"
	"sort"
	"sync/atomic"
	"syscall"
)

// maxExtents bounds in how many places a file is written without sync that are remembered.
const maxExtents = 1 << 14

// budget is memory that the undo logs of a directory share.
type budget struct{ left atomic.Int64 }

func (b *budget) take(n int64) bool {
	if b.left.Add(-n) < 0 {
		b.left.Add(n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.left.Add(n) }

// undo is what a file held where it was written since its last successful sync.
type undo struct {
	budget  *budget
	extents []extent // in order, none of which overlaps
	// kept counts the bytes that were written since it was given up, because they are more
	// than there is memory for; none of them is undone, nor is what came before.
	kept int64
}

// extent is the old content of a part of a file.
type extent struct {
	off, end int64
	old      []byte // nil for zeros
}

// record remembers what is about to be overwritten. The file ends at size.
func (u *undo) record(m io.ReaderAt, off, n, size int64) error {
	if u.kept > 0 {
		u.kept += n
		return nil
	}
	for _, gap := range u.gaps(off, off+n) {
		e := extent{off: gap.off, end: gap.end}
		if end := min(e.end, size); e.off < end {
			old := make([]byte, e.end-e.off)
			switch _, err := m.ReadAt(old[:end-e.off], e.off); {
			case errors.Is(err, syscall.EBADF): // it may be written only
				u.giveUp(n)
				return nil
			case err != nil && err != io.EOF:
				return err
			}
			if slices.ContainsFunc(old, func(b byte) bool { return b != 0 }) {
				e.old = old
			}
		}
		if len(u.extents) >= maxExtents || !u.budget.take(int64(len(e.old))) {
			u.giveUp(n)
			return nil
		}
		u.insert(e)
	}
	return nil
}

// giveUp forgets everything, as n more bytes are written.
func (u *undo) giveUp(n int64) {
	kept := u.bytes() + n
	u.reset()
	u.kept = kept
}

// bytes counts those that are remembered.
func (u *undo) bytes() (n int64) {
	for _, e := range u.extents {
		n += e.end - e.off
	}
	return n
}

// reset forgets everything: the file is synced, or gone.
func (u *undo) reset() {
	for _, e := range u.extents {
		u.budget.give(int64(len(e.old)))
	}
	u.extents, u.kept = nil, 0
}

// at returns the index of the first extent that ends after off.
func (u *undo) at(off int64) int {
	return sort.Search(len(u.extents), func(i int) bool { return u.extents[i].end > off })
}

// gaps returns the parts of [off, end) that are not remembered yet.
func (u *undo) gaps(off, end int64) (gaps []extent) {
	for i := u.at(off); off < end; i++ {
		next := end
		if i < len(u.extents) {
			next = min(end, u.extents[i].off)
		}
		if off < next {
			gaps = append(gaps, extent{off: off, end: next})
		}
		if i >= len(u.extents) {
			break
		}
		off = max(off, u.extents[i].end)
	}
	return gaps
}

// insert adds an extent that overlaps no other, and joins it with that before it.
func (u *undo) insert(e extent) {
	i := u.at(e.off)
	if i > 0 {
		if last := &u.extents[i-1]; last.end == e.off && (last.old == nil) == (e.old == nil) {
			last.end, last.old = e.end, append(last.old, e.old...)
			return
		}
	}
	u.extents = slices.Insert(u.extents, i, e)
}

// remove forgets what is remembered of [off, end), which is no more what was written.
func (u *undo) remove(off, end int64) {
	i := u.at(off)
	j := i
	var rest []extent
	for ; j < len(u.extents) && u.extents[j].off < end; j++ {
		e := u.extents[j]
		u.budget.give(int64(len(e.old)))
		for _, part := range []extent{{off: e.off, end: off}, {off: end, end: e.end}} {
			if part.off >= part.end {
				continue
			}
			if e.old != nil {
				part.old = slices.Clone(e.old[part.off-e.off : part.end-e.off])
				u.budget.left.Add(-int64(len(part.old)))
			}
			rest = append(rest, part)
		}
	}
	u.extents = slices.Replace(u.extents, i, j, rest...)
}
