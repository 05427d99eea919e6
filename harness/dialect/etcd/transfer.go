package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
)

const (
	maxChunkLine   = 256 // bytes of the line before a chunk
	maxTrailerLine = 8 << 10
)

var errChunked = errors.New("broken chunked transfer coding")

// transfer undoes the transfer coding of one HTTP body, and tells which bytes
// are payload. It looks at bytes in order, each once.
type transfer struct {
	chunked bool
	left    int64 // payload bytes to come, of the body or of the chunk at hand
	open    bool  // chunked: the end of a chunk is still to come
	trailer bool  // chunked: the last chunk has been seen
	ended   bool
}

// newTransfer returns the coding of a body. The body of a response that names no
// length ends with the connection; a request without one has no body.
func newTransfer(h *head, answer bool) transfer {
	switch {
	case h.chunked:
		return transfer{chunked: true}
	case h.length >= 0:
		return transfer{left: h.length, ended: h.length == 0}
	case answer:
		return transfer{left: math.MaxInt64}
	}
	return transfer{ended: true}
}

// framing looks at the bytes up to the next payload byte, or to the end of the
// body, and returns how many they are. If not ok, they go on beyond b.
func (t *transfer) framing(b []byte) (n int, ok bool, err error) {
	for !t.ended && t.left == 0 {
		k, ok, err := t.closeChunk(b[n:])
		n += k
		if !ok || err != nil {
			return n, false, err
		}
		line, ok, err := t.line(b[n:])
		if !ok || err != nil {
			return n, false, err
		}
		n += len(line) + 2
		switch {
		case t.trailer:
			t.ended = len(line) == 0
		default:
			if err := t.openChunk(line); err != nil {
				return n, false, err
			}
		}
	}
	return n, true, nil
}

// closeChunk looks at the end of a chunk, if all of its payload has been seen.
func (t *transfer) closeChunk(b []byte) (n int, ok bool, err error) {
	switch {
	case !t.open || t.left > 0:
		return 0, true, nil
	case len(b) < 2:
		return 0, false, nil
	case b[0] != '\r' || b[1] != '\n':
		return 0, false, fmt.Errorf("%w: a chunk ends in %q", errChunked, b[:2])
	}
	t.open = false
	return 2, true, nil
}

// line returns the line at the beginning of b, without its end.
func (t *transfer) line(b []byte) (line []byte, ok bool, err error) {
	limit := maxChunkLine
	if t.trailer {
		limit = maxTrailerLine
	}
	i := bytes.IndexByte(b[:min(len(b), limit)], '\n')
	switch {
	case i < 0 && len(b) >= limit:
		return nil, false, fmt.Errorf("%w: a line of over %d bytes", errChunked, limit)
	case i < 0:
		return nil, false, nil
	case i == 0 || b[i-1] != '\r':
		return nil, false, fmt.Errorf("%w: a line without a carriage return", errChunked)
	}
	return b[:i-1], true, nil
}

// openChunk begins the chunk, or the trailer, that the line announces.
func (t *transfer) openChunk(line []byte) error {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimRight(digits, " \t")), 16, 40)
	if err != nil {
		return fmt.Errorf("%w: a chunk of length %.20q", errChunked, digits)
	}
	t.left, t.open, t.trailer = int64(size), size > 0, size == 0
	return nil
}

// took notes that n bytes of payload have been looked at.
func (t *transfer) took(n int) {
	t.left -= int64(n)
	t.ended = !t.chunked && t.left == 0
}
