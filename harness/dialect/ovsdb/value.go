package ovsdb

import (
	"bytes"
	"errors"
	"fmt"
)

var errNotJSON = errors.New("not JSON objects back to back")

// finder finds where an object ends, however the bytes come: it looks at each once.
type finder struct {
	at    int // up to where it has looked
	depth int
	open  int // where the string begins that at is in, 0 for none
}

// end returns the length of the object that b begins with, 0 if it is not all there:
// then it is called again with more. It goes by braces and strings alone.
func (f *finder) end(b []byte) (n int, err error) {
	at, depth := f.at, f.depth
	if f.open > 0 {
		if at = stringEnd(b, f.open, at); at < 0 {
			f.at = len(b)
			return 0, nil
		}
		f.open = 0
	}
	for at < len(b) {
		c := b[at]
		at++
		switch c {
		case '"':
			if depth == 0 {
				return 0, foreign(b)
			}
			open := at
			if at = stringEnd(b, open, at); at < 0 {
				f.at, f.depth, f.open = len(b), depth, open
				return 0, nil
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return 0, foreign(b)
				}
				*f = finder{}
				return at, nil
			}
		default:
			if depth == 0 && !space(c) {
				return 0, foreign(b)
			}
		}
	}
	f.at, f.depth = at, depth
	return 0, nil
}

// foreign says what a stream begins with that is no object, and what it may be.
func foreign(b []byte) error {
	suspicion := ""
	if len(b) > 1 && b[0] == 0x16 && b[1] == 3 {
		suspicion = ": TLS, which no tap can read; give members tcp: addresses"
	}
	return fmt.Errorf("%w: it begins with %.16q%s", errNotJSON, b[:min(len(b), 16)], suspicion)
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// stringEnd returns the index behind the quote that ends the string of which the first
// character is at start, looking from at on; -1 if it is not there.
func stringEnd(b []byte, start, at int) int {
	for {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		escapes := at
		for escapes > start && b[escapes-1] == '\\' {
			escapes--
		}
		at++
		if (at-1-escapes)%2 == 0 {
			return at
		}
	}
}

// cursor reads a value once, from its beginning to its end. What is not as it should be
// ends the object or array that it is in.
type cursor struct {
	b  []byte
	at int
}

// enter goes into an object or array, told by what opens it.
func (c *cursor) enter(opens byte) bool {
	if c.skip() != opens {
		return false
	}
	c.at++
	return true
}

// key returns the next key of an object, without its quotes, behind which its value has
// to be read; false at the object's end, and beyond.
func (c *cursor) key() (key []byte, ok bool) {
	if c.skip() == ',' {
		c.at++
	}
	switch c.skip() {
	case '"':
		key, ok = c.value()
		if !ok || c.skip() != ':' {
			return nil, false
		}
		c.at++
		return text(key), true
	case '}':
		c.at++
	}
	return nil, false
}

// element tells whether an array goes on with a value, which has to be read; it leaves the
// array otherwise.
func (c *cursor) element() bool {
	if c.skip() == ',' {
		c.at++
	}
	switch c.skip() {
	case 0, '}', ':', ',':
		return false
	case ']':
		c.at++
		return false
	}
	return true
}

// skip goes to the next that is no space, and returns it; 0 for none.
func (c *cursor) skip() byte {
	for ; c.at < len(c.b); c.at++ {
		if !space(c.b[c.at]) {
			return c.b[c.at]
		}
	}
	return 0
}

// value returns the value at hand, as it is written, and goes behind it.
func (c *cursor) value() (value []byte, ok bool) {
	first := c.skip()
	start := c.at
	end := start
	switch first {
	case 0, '}', ']', ',', ':':
		return nil, false
	case '"':
		end = stringEnd(c.b, start+1, start+1)
	case '{', '[':
		var f finder
		n, err := f.end(c.b[start:])
		if n == 0 || err != nil {
			return nil, false
		}
		end = start + n
	default:
		for end < len(c.b) && !space(c.b[end]) && c.b[end] != ',' && c.b[end] != '}' && c.b[end] != ']' {
			end++
		}
	}
	if end < 0 {
		return nil, false
	}
	c.at = end
	return c.b[start:end], true
}

// text returns what is between the quotes of a string, as it is written; nil of anything
// else.
func text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// number returns a natural number.
func number(value []byte) (n uint64, ok bool) {
	if len(value) == 0 || len(value) > 19 {
		return 0, false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
