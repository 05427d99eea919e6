package zookeeper

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A snapshot follows its packet without a length: sessions, lists of rights, znodes each
// after its path, a path of "/", and a signature.
const (
	sessionSize = 8 + 4
	statSize    = 4*8 + 3*4 + 2*8
	signature   = "BenWasHere"
)

// part is where in a snapshot a scan is.
type part uint8

const (
	outside part = iota
	sessions
	rights
	znodes
	last
)

// scan finds the end of a snapshot, in pieces that end between two of its records.
type scan struct {
	part    part
	left    int // records of the part that are yet to come
	counted bool
}

// begin says that the next byte is the first of a snapshot.
func (s *scan) begin() { *s = scan{part: sessions} }

// inside tells whether the snapshot goes on.
func (s *scan) inside() bool { return s.part != outside }

// next returns the size of the next record, 0 if it is not whole.
func (s *scan) next(b []byte) (n int, err error) {
	n, err = s.record(b)
	if err != nil {
		return 0, fmt.Errorf("in a snapshot: %w", err)
	}
	return n, nil
}

// record returns the size of the record at the beginning of b, 0 if it is not whole, and
// goes on behind it.
func (s *scan) record(b []byte) (n int, err error) {
	switch s.part {
	case sessions:
		return s.counts(b, func(b []byte) (int, error) {
			if len(b) < sessionSize {
				return 0, nil
			}
			return sessionSize, nil
		})
	case rights:
		return s.counts(b, rightsAt)
	case znodes:
		return s.znode(b)
	}
	n, err = stringAt(b)
	if n > 0 && string(b[4:n]) != signature {
		return 0, errors.New("it does not end as one does")
	}
	if n > 0 {
		*s = scan{}
	}
	return n, err
}

// counts takes the number of records of a part, or the next of them.
func (s *scan) counts(b []byte, one func([]byte) (int, error)) (n int, err error) {
	if !s.counted {
		if len(b) < 4 {
			return 0, nil
		}
		count := int32(binary.BigEndian.Uint32(b))
		if count < 0 {
			return 0, fmt.Errorf("%d records", count)
		}
		s.counted, s.left, n = true, int(count), 4
	} else if n, err = one(b); n == 0 || err != nil {
		return 0, err
	} else {
		s.left--
	}
	if s.left == 0 {
		s.part, s.counted = s.part+1, false
	}
	return n, nil
}

// rightsAt returns the size of a list of rights: its number, and of each of them what is
// allowed, a scheme and a name.
func rightsAt(b []byte) (int, error) {
	const head = 8 + 4
	if len(b) < head {
		return 0, nil
	}
	count := int32(binary.BigEndian.Uint32(b[8:]))
	if count > maxAuth || count < -1 {
		return 0, fmt.Errorf("a list of %d rights", count)
	}
	n := head
	for range count {
		if n += 4; n > len(b) {
			return 0, nil
		}
		for range 2 {
			size, err := stringAt(b[n:])
			if size == 0 || err != nil {
				return 0, err
			}
			n += size
		}
	}
	return n, nil
}

// znode takes a path, and what is at it; or the path that stands for the end.
func (s *scan) znode(b []byte) (int, error) {
	n, err := stringAt(b)
	if n == 0 || err != nil {
		return 0, err
	}
	if string(b[4:n]) == "/" {
		s.part = last
		return n, nil
	}
	size, err := stringAt(b[n:])
	if size == 0 || err != nil {
		return 0, err
	}
	if n += size + 8 + statSize; n > len(b) { // the data, the number of its rights
		return 0, nil
	}
	return n, nil
}
