package block

import (
	"bytes"
	"slices"
)

// history is what was on the medium before each write that can vanish, the oldest first.
// Both of its halves are bounded, so that a cache can be full.
type history struct {
	records []record // a queue: those before first are gone
	first   int
	gone    int // all records that ever left, so that a record has a number
	bytes   int64

	ring       []byte
	head, tail int64 // positions of the bytes in use, counted from the first ever
	peak       int64 // of tail since the ring was given back
}

// record is one write, of whole sectors.
type record struct {
	at, size int64
	was      int64 // where the ring has what was there before; nowhere if that was all zeros
}

const (
	nowhere    = -1
	maxRecords = 1 << 18
	// maxKept is how much of the ring stays in memory while nothing is in it.
	maxKept = 4 << 20
)

func (h *history) len() int  { return len(h.records) - h.first }
func (h *history) next() int { return h.gone + h.len() }

// fits tells whether a write of the size can be remembered without forgetting another.
func (h *history) fits(size int64) bool {
	return h.len() < maxRecords && h.tail-h.head+size <= int64(len(h.ring))
}

// push remembers a write, and what was there before: nil for zeros.
func (h *history) push(at, size int64, was []byte) {
	r := record{at: at, size: size, was: nowhere}
	if was != nil {
		r.was = h.tail
		for len(was) > 0 {
			n := copy(h.ring[h.tail%int64(len(h.ring)):], was)
			h.tail += int64(n)
			was = was[n:]
		}
		h.peak = max(h.peak, h.tail-h.head)
	}
	h.bytes += size
	h.records = append(h.records, r)
}

// drop forgets the oldest write: it can not vanish any more. It returns its size.
func (h *history) drop() int64 {
	r := h.records[h.first]
	h.first++
	h.gone++
	h.bytes -= r.size
	if r.was != nowhere {
		h.head = r.was + r.size
	}
	switch {
	case h.len() == 0:
		h.records, h.first = h.records[:0], 0
		h.head, h.tail = 0, 0 // the same memory again, which is in the caches
		if h.peak > maxKept {
			forget(h.ring)
			h.peak = 0
		}
	case h.first > maxRecords:
		h.records = h.records[:copy(h.records, h.records[h.first:])]
		h.first = 0
	}
	return r.size
}

// before returns what a sector held before a write.
func (h *history) before(r record, at int64) []byte {
	if r.was == nowhere {
		return nil
	}
	from := (r.was + at - r.at) % int64(len(h.ring))
	return h.ring[from : from+Sector]
}

// changes returns all that can vanish of what is on the medium now, and what the sectors
// held before each: nil for zeros.
func (h *history) changes(now []byte) (changes []Change, before [][]byte) {
	after := make(map[int64][]byte) // what a later write found
	for i := len(h.records) - 1; i >= h.first; i-- {
		r := h.records[i]
		for at := r.at + r.size - Sector; at >= r.at; at -= Sector {
			was := h.before(r, at)
			is, later := after[at]
			if !later {
				is = now[at : at+Sector]
			}
			if !same(was, is) {
				changes, before = append(changes, Change{i - h.first, at}), append(before, was)
			}
			after[at] = was
		}
	}
	slices.Reverse(changes)
	slices.Reverse(before)
	return changes, before
}

// same tells whether two sectors hold the same, nil for zeros.
func same(a, b []byte) bool {
	zeros := [Sector]byte{}
	if a == nil {
		a = zeros[:]
	}
	if b == nil {
		b = zeros[:]
	}
	return bytes.Equal(a, b)
}
