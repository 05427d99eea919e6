package wal

import "fmt"

// scanner walks the records of one segment.
type scanner struct {
	b    []byte
	seq  uint64
	last bool  // only the last segment may end in a torn batch
	off  int64 // where the walk has come
	torn int64 // bytes of a torn batch after off
	// adopt takes in an entry by its place alone, or refuses to; nil as long as the node is
	// sound.
	adopt func(payload []byte) bool
}

// scan calls visit for each record in order, and leaves off at the end of the
// last, or at the one that is damaged or that visit does not accept.
func (s *scanner) scan(visit func(seq uint64, off int64, kind recordType, payload []byte) error) error {
	for !s.empty(s.off, int64(len(s.b))) {
		h, payload, err := parseRecord(s.b, s.seq, s.off)
		if s.adopt != nil && h.kind == typeEntry && s.adopt(payload) {
			s.off += headerSize + int64(h.length)
			continue
		}
		if err != nil {
			return s.judge(err)
		}
		if err := visit(s.seq, s.off, h.kind, payload); err != nil {
			return err
		}
		s.off += headerSize + int64(h.length)
	}
	return nil
}

// judge decides whether the record at off, which cannot be read because of
// reason, is torn or damaged (see the package comment).
func (s *scanner) judge(reason error) error {
	first, last, batch := s.following()
	switch {
	case !s.last:
		return fmt.Errorf("%w, and this is not the last segment", reason)
	case s.off == 0:
		return reason // a header is durable before the segment has its name
	case first < 0:
	case batch > s.off:
		return fmt.Errorf("%w, though it was synced before the record at offset %d was written", reason, last)
	case !s.unwritten(batch, first):
		return fmt.Errorf("%w, and a record follows at offset %d", reason, first)
	}
	end := int64(len(s.b))
	for end > s.off && s.b[end-1] == 0 {
		end--
	}
	s.torn = end - s.off
	return nil
}

// following returns the offsets of the first and last record after off that
// still have their header, and of the batch of the last; or -1.
func (s *scanner) following() (first, last, batch int64) {
	first = -1
	for at := s.off + 1; at+headerSize <= int64(len(s.b)); at++ {
		h, err := parseHeader(s.b, s.seq, at)
		if err != nil {
			continue
		}
		if first < 0 {
			first = at
		}
		last, batch = at, h.batch
	}
	return first, last, batch
}

// unwritten tells whether, between the record at off and next, there is a
// sector of which the batch left nothing on disk.
func (s *scanner) unwritten(batch, next int64) bool {
	for at := s.off - s.off%sector; at < next; at += sector {
		if s.empty(max(at, batch), min(at+sector, int64(len(s.b)))) {
			return true
		}
	}
	return false
}

func (s *scanner) empty(from, to int64) bool {
	for _, b := range s.b[from:to] {
		if b != 0 {
			return false
		}
	}
	return true
}
