package hashicorp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// kind is what an item of msgpack is.
type kind uint8

const (
	nothing kind = iota // nil
	boolean
	integer  // not below 0
	negative // below 0
	raw      // a string or bytes: the codec of the library does not tell them apart
	list
	table
	other // a float or an extension, with its bytes
)

// item is the head of a value.
type item struct {
	kind kind
	// n is of an integer its value, of a boolean 1 for true, of a list its items, of a
	// table its pairs, of a raw how many of its bytes are the content: the last ones.
	n uint64
}

var errNoMsgpack = errors.New("no msgpack")

// read returns the first item of b and its size, with the bytes of a raw: 0 if more
// bytes are needed, -1 if it is none (see wrong).
func read(b []byte) (item, int) {
	if len(b) == 0 {
		return item{}, 0
	}
	c := b[0]
	if c < 0x80 {
		return item{integer, uint64(c)}, 1
	}
	if c&0xe0 == 0xa0 {
		n := int(c & 0x1f)
		if len(b) <= n {
			return item{}, 0
		}
		return item{raw, uint64(n)}, 1 + n
	}
	return readLong(b)
}

// readLong reads any item but a small integer or a short string.
func readLong(b []byte) (item, int) {
	c := b[0]
	switch {
	case c < 0x90:
		return item{table, uint64(c & 0x0f)}, 1
	case c < 0xa0:
		return item{list, uint64(c & 0x0f)}, 1
	case c >= 0xe0:
		return item{kind: negative}, 1
	}
	switch c {
	case 0xc0:
		return item{}, 1
	case 0xc1:
		return item{}, -1
	case 0xc2, 0xc3:
		return item{boolean, uint64(c & 1)}, 1
	case 0xca, 0xcb: // floats
		return content(b, other, 1, 4<<(c-0xca))
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8: // extensions of 1 to 16 bytes, and their type
		return content(b, other, 1, 1+1<<(c-0xd4))
	}
	width := widths[c-0xc0]
	if len(b) <= width {
		return item{}, 0
	}
	n := unsigned(b[1 : 1+width])
	switch c {
	case 0xc4, 0xc5, 0xc6, 0xd9, 0xda, 0xdb:
		return content(b, raw, 1+width, n)
	case 0xc7, 0xc8, 0xc9: // extensions, and their type
		return content(b, other, 1+width, n+1)
	case 0xd0, 0xd1, 0xd2, 0xd3: // signed
		if n>>(8*width-1) == 1 {
			return item{kind: negative}, 1 + width
		}
	case 0xdc, 0xdd:
		return item{list, n}, 1 + width
	case 0xde, 0xdf:
		return item{table, n}, 1 + width
	}
	return item{integer, n}, 1 + width
}

// widths is how many bytes of a number follow the bytes from c0 on.
var widths = [0x20]int{
	0x04: 1, 0x05: 2, 0x06: 4, 0x07: 1, 0x08: 2, 0x09: 4,
	0x0c: 1, 0x0d: 2, 0x0e: 4, 0x0f: 8,
	0x10: 1, 0x11: 2, 0x12: 4, 0x13: 8,
	0x19: 1, 0x1a: 2, 0x1b: 4, 0x1c: 2, 0x1d: 4, 0x1e: 2, 0x1f: 4,
}

func unsigned(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	}
	return binary.BigEndian.Uint64(b)
}

// content is an item of a head and n bytes.
func content(b []byte, k kind, head int, n uint64) (item, int) {
	switch {
	case n > maxFrame:
		return item{}, -1
	case len(b) < head+int(n):
		return item{}, 0
	}
	return item{k, n}, head + int(n)
}

// wrong says why b begins with no item.
func wrong(b []byte) error {
	if b[0] == 0xc1 {
		return fmt.Errorf("%w: byte c1", errNoMsgpack)
	}
	return fmt.Errorf("%w: a value of over %d MiB", errNoMsgpack, maxFrame>>20)
}
