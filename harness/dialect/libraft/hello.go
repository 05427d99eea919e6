package libraft

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// hello returns the address that a member advertises, by which it introduces itself. A
// client says none.
func hello(first []byte) (addr string, more bool, err error) {
	const words = 3 // version, head of the request, id
	if len(first) < 8*words {
		if len(first) >= 13 && !begins(first) {
			return "", false, errors.New("no member's hello")
		}
		return "", true, nil
	}
	if !begins(first) {
		return "", false, errors.New("no member's hello")
	}
	size := 16 + 8*uint64(binary.LittleEndian.Uint32(first[8:]))
	switch {
	case size > maxHello || size <= 8*words:
		return "", false, errors.New("a member's hello without an address")
	case uint64(len(first)) < size:
		return "", true, nil
	}
	text, _, _ := bytes.Cut(first[8*words:size], []byte{0})
	return string(text), false, nil
}

// begins knows a connection of members by its version and its request.
func begins(first []byte) bool {
	return len(first) >= 13 && word(first, 0) == version && first[12] == connect
}
