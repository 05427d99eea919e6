package wire

import (
	"bufio"
	"fmt"
	"io"

	"github.com/usurper/usurper/node/raft"
)

// firstRead bounds what is allocated for a payload before any of it has come.
const firstRead = 64 << 10

// Decoder reads frames from a stream. It is not safe for concurrent use.
type Decoder struct {
	r      *bufio.Reader
	header [HeaderSize]byte
}

// NewDecoder returns a Decoder that reads from r, buffered.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, 64<<10)}
}

// Next returns the next message, checked in full. The caller owns it: nothing
// in it is reused. Hashes of entries are 0 (see the package comment).
//
// Next returns io.EOF when the stream ends between two frames,
// io.ErrUnexpectedEOF when it ends within one, an error that wraps ErrMalformed
// when it is no stream of frames, and otherwise the error of the reader. After
// an error the Decoder is of no more use.
func (d *Decoder) Next() (raft.Message, error) {
	h, err := d.nextHeader()
	if err != nil {
		return raft.Message{}, err
	}
	return d.nextPayload(h)
}

func (d *Decoder) nextHeader() (Header, error) {
	// Whatever else speaks on this port may never send as much as a header.
	if b, err := d.r.Peek(len(magic)); err == nil && string(b) != magic {
		return Header{}, fmt.Errorf("%w: it begins with %q", ErrMalformed, b)
	}
	if _, err := io.ReadFull(d.r, d.header[:]); err != nil {
		return Header{}, err
	}
	return ParseHeader(d.header[:])
}

func (d *Decoder) nextPayload(h Header) (raft.Message, error) {
	payload, err := d.read(h.Length - HeaderSize)
	if err != nil {
		return raft.Message{}, fmt.Errorf("read the payload of %s: %w", ClassOf(h.Kind), err)
	}
	return parsePayload(h, payload)
}

// read returns the next n bytes in a slice of their own, which grows with what
// arrives and never by the claim of a header alone.
func (d *Decoder) read(n int) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	b := make([]byte, 0, min(n, firstRead))
	for len(b) < n {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(n, 4*cap(b))), b...)
		}
		chunk := b[len(b):cap(b)]
		if _, err := io.ReadFull(d.r, chunk); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		b = b[:cap(b)]
	}
	return b, nil
}
