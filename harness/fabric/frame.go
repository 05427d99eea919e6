package fabric

import (
	"errors"
	"fmt"
	"slices"
)

const (
	readSize = 64 << 10
	// firstBuffer is enough for heartbeats; the first full read makes it larger.
	firstBuffer = 8 << 10
	// maxFrame bounds the memory that one frame can take.
	maxFrame = 64 << 20
	// keepBuffer is the largest buffer kept once a large frame is through.
	keepBuffer = 1 << 20
)

var errFrameTooLarge = errors.New("frame is too large")

// mark is a frame in the pending bytes of a framer.
type mark struct {
	end   int // where it ends; it begins where the one before ends
	class string
	id    uint64 // see Frame

	meaning any
}

// framer finds the frames in the bytes of one direction. Bytes go in through
// space and grown; split marks the whole frames among the pending ones.
type framer struct {
	splitter Splitter
	teller   Teller   // the splitter, if it is one
	rewriter Rewriter // the splitter, if it is one
	reach    func(backend string) (addr string, ok bool)
	buf      []byte
	from, to int  // buf[from:to] is pending
	full     bool // the last read took all the space there was
	marks    []mark
}

// newFramer returns a framer; reach is for a splitter that is a Rewriter.
func newFramer(s Splitter, reach func(string) (string, bool)) *framer {
	teller, _ := s.(Teller)
	rewriter, _ := s.(Rewriter)
	return &framer{splitter: s, teller: teller, rewriter: rewriter, reach: reach, buf: make([]byte, firstBuffer)}
}

// pending are the bytes not yet discarded, valid until the next call of space.
func (f *framer) pending() []byte { return f.buf[f.from:f.to] }

// space returns room for more bytes, at least one.
func (f *framer) space() []byte {
	switch {
	case f.from == f.to:
		f.from, f.to = 0, 0
		if len(f.buf) > keepBuffer || f.full && len(f.buf) < readSize {
			f.buf = make([]byte, readSize)
		}
	case f.from > 0 && len(f.buf)-f.to < len(f.buf)/4:
		f.to = copy(f.buf, f.buf[f.from:f.to])
		f.from = 0
	case f.to == len(f.buf):
		f.buf = append(f.buf, make([]byte, len(f.buf))...)
	}
	return f.buf[f.to:]
}

// grown adds n bytes that were read into space.
func (f *framer) grown(n int) {
	f.to += n
	f.full = f.to == len(f.buf)
}

// discard forgets the first n pending bytes.
func (f *framer) discard(n int) { f.from += n }

// split marks the whole frames at the beginning of the pending bytes, once they are what
// is to go on. With an error, the marks before it are good and nothing behind them can be
// decoded. The marks are valid until the next call.
func (f *framer) split() ([]mark, error) {
	f.marks = f.marks[:0]
	b := f.pending()
	for at := 0; at < len(b); {
		n, class, err := f.splitter.Next(b[at:])
		switch {
		case err != nil:
			return f.marks, err
		case n < 0 || n > len(b)-at:
			return f.marks, fmt.Errorf("splitter found a frame of %d bytes in %d", n, len(b)-at)
		case n == 0 && len(b)-at >= maxFrame:
			return f.marks, fmt.Errorf("%w: over %d MiB", errFrameTooLarge, maxFrame>>20)
		case n == 0:
			return f.marks, nil
		}
		if f.rewriter != nil {
			if with := f.rewriter.Rewrite(b[at:at+n], f.reach); with != nil {
				f.replace(at, n, with)
				b, n = f.pending(), len(with)
			}
		}
		at += n
		m := mark{end: at, class: class}
		if f.teller != nil {
			m.meaning = f.teller.Told()
		}
		f.marks = append(f.marks, m)
	}
	return f.marks, nil
}

// replace puts other bytes in the place of n pending ones from at on.
func (f *framer) replace(at, n int, with []byte) {
	size, at := len(f.buf), f.from+at
	b := slices.Replace(f.buf[:f.to], at, at+n, with...)
	f.to = len(b)
	f.buf = b[:max(f.to, min(size, cap(b)))]
}
