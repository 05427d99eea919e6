package hashicorp

import (
	"bytes"
	"errors"
	"fmt"
)

// hello returns the address that a dialler advertises, which each request has.
func hello(first []byte) (addr string, more bool, err error) {
	from, known, err := starts(first)
	if !known || err != nil {
		return "", !known, err
	}
	first = first[from:]
	if first[0] > requestPreVote {
		return "", false, fmt.Errorf("a request of type %d", first[0])
	}
	it, n := read(first[1:])
	if n <= 0 || it.kind != table {
		return "", n == 0, noHello(n)
	}
	at := 1 + n
	for range it.n {
		key, value, n, err := keyed(first[at:])
		if n == 0 || err != nil {
			return "", err == nil, err
		}
		if at += n; string(key) == "Addr" && value.kind == raw && value.n > 0 {
			return string(first[at-int(value.n) : at]), false, nil
		}
		if value.kind == list || value.kind == table { // the library writes it before those
			break
		}
	}
	return "", false, errors.New("a request without an address")
}

func noHello(size int) error {
	if size == 0 {
		return nil
	}
	return fmt.Errorf("%w: no table", errNoMsgpack)
}

// begins knows a connection by the library's first field, in a request or an answer.
func begins(first []byte) bool {
	if from, known, err := starts(first); known && err == nil {
		first = first[from:]
	}
	return len(first) > 7 && (first[0] <= requestPreVote || first[0] == 0xa0) && first[1]&0xf0 == 0x80 && bytes.HasPrefix(first[2:], []byte("\xa4Addr"))
}
