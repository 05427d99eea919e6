package etcd

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// maxHead bounds the head of a request or response.
const maxHead = 64 << 10

// head is what matters of the head of an HTTP/1 request or response.
type head struct {
	method []byte // requests
	path   []byte
	status int // responses

	length   int64 // Content-Length, -1 if there is none
	chunked  bool
	expects  bool // Expect: the body waits for an answer
	from, to uint64
}

var headEnd = []byte("\r\n\r\n")

// plausible tells early whether b can begin a request or a response, so that a
// stream that is neither does not wait for the end of a head that never comes.
func plausible(b []byte, answer bool) error {
	if answer {
		const start = "HTTP/1."
		if n := min(len(b), len(start)); string(b[:n]) != start[:n] {
			return fmt.Errorf("no HTTP/1 response: it begins %.12q", b)
		}
		return nil
	}
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z' && i < 10:
		case c == ' ' && i > 0:
			return nil
		case i == 0 && c == 0x16:
			return errors.New("no plain HTTP: it looks like TLS")
		default:
			return fmt.Errorf("no HTTP/1 request: it begins %.12q", b)
		}
	}
	return nil
}

// parseHead parses a whole head, its empty line included.
func parseHead(b []byte, answer bool) (h head, err error) {
	h.length = -1
	first, rest, _ := bytes.Cut(b, []byte("\r\n"))
	if answer {
		err = h.statusLine(first)
	} else {
		err = h.requestLine(first)
	}
	for err == nil && len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 {
			return h, fmt.Errorf("no HTTP header: %.40q", line)
		}
		err = h.field(name, bytes.Trim(value, " \t"))
	}
	if err == nil && h.chunked && h.length >= 0 {
		err = errors.New("both Content-Length and Transfer-Encoding")
	}
	return h, err
}

func (h *head) requestLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	path, version, ok2 := bytes.Cut(rest, []byte(" "))
	if !ok || !ok2 || !http1(version) {
		return fmt.Errorf("no HTTP/1 request: %.40q", line)
	}
	h.method, h.path = method, path
	return nil
}

func (h *head) statusLine(line []byte) error {
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	status, err := strconv.ParseUint(string(code), 10, 16)
	if err != nil || len(code) != 3 || status < 100 || !http1(version) {
		return fmt.Errorf("no HTTP/1 response: %.40q", line)
	}
	h.status = int(status)
	return nil
}

func http1(version []byte) bool {
	return string(version) == "HTTP/1.1" || string(version) == "HTTP/1.0"
}

func (h *head) field(name, value []byte) error {
	switch {
	case named(name, "Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 62)
		if err != nil || h.length >= 0 && h.length != int64(n) {
			return fmt.Errorf("Content-Length %.20q", value)
		}
		h.length = int64(n)
	case named(name, "Transfer-Encoding"):
		if !named(value, "chunked") {
			return fmt.Errorf("Transfer-Encoding %.20q", value)
		}
		h.chunked = true
	case named(name, "Expect"):
		h.expects = true
	case named(name, "X-Server-From"):
		h.from = memberID(value)
	case named(name, "X-Raft-To"):
		h.to = memberID(value)
	}
	return nil
}

// named compares names of headers, of which letter case is no part.
func named(b []byte, name string) bool {
	return len(b) == len(name) && bytes.EqualFold(b, []byte(name))
}

// memberID parses an id as etcd writes it; 0, which is no member's, if it is
// none.
func memberID(value []byte) uint64 {
	id, err := strconv.ParseUint(string(value), 16, 64)
	if err != nil {
		return 0
	}
	return id
}

// hasBody tells whether a response of this head has one; asked says whether the
// request was a HEAD.
func (h *head) hasBody(headOnly bool) bool {
	return !headOnly && h.status >= 200 && h.status != 204 && h.status != 304
}
