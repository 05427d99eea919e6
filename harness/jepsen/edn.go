package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// scanner reads forms of EDN or JSON from a stream, in memory that is bounded by the
// largest form and not by the file.
type scanner struct {
	in   io.Reader // nil: all of it is in buf
	buf  []byte
	pos  int
	end  int
	line int   // of the next byte, counted from 1
	err  error // why nothing follows buf[:end]; io.EOF at the end
	long []byte
	key  []byte // of JSON
	flaw error  // why the value at hand tells nothing for certain
	json bool   // the forms are JSON, which is EDN but for its colons and for null

	functions map[string]string // of operations, each text once
}

const (
	// maxDepth and maxText bound what one value may take: beyond them the input is
	// no history.
	maxDepth = 200
	maxText  = 64 << 20
)

// errCut says that the input ends within a form.
var errCut = errors.New("the form has no end")

func newScanner(in io.Reader) *scanner {
	s := &scanner{in: in, line: 1, functions: make(map[string]string)}
	if in != nil {
		s.buf = make([]byte, 256<<10)
	}
	return s
}

// reset starts over with a text that is in memory, on the given line.
func (s *scanner) reset(text []byte, line int) {
	s.in, s.buf, s.pos, s.end, s.line, s.err = nil, text, 0, len(text), line, io.EOF
}

// have reports whether n more bytes can be looked at, reading them if it must.
func (s *scanner) have(n int) bool {
	for s.end-s.pos < n {
		if s.err != nil {
			return false
		}
		copy(s.buf, s.buf[s.pos:s.end])
		s.pos, s.end = 0, s.end-s.pos
		var got int
		got, s.err = s.in.Read(s.buf[s.end:])
		s.end += got
	}
	return true
}

// cut is the error of an input that ends here.
func (s *scanner) cut() error {
	if s.err == io.EOF || errors.Is(s.err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return s.err
}

// space skips what means nothing (white space, commas, comments, discarded forms)
// and returns the byte after it, which it does not take. At the end of the input
// that is 0.
func (s *scanner) space() (byte, error) {
	for s.pos < s.end || s.have(1) {
		switch c := s.buf[s.pos]; {
		case c == '\n':
			s.line++
			s.pos++
		case c == ' ' || c == ',' || c == '\t' || c == '\r' || c == '\f':
			s.pos++
		case s.json && c == ':':
			s.pos++
		case s.json && c != 0:
			return c, nil
		case c == ';':
			s.comment()
		case c == '#' && s.have(2) && s.buf[s.pos+1] == '_':
			s.pos += 2
			if err := s.skip(); err != nil {
				return 0, err
			}
		case c == 0:
			return 0, errors.New("a byte 0 where a form belongs: this is no text")
		default:
			return c, nil
		}
	}
	return 0, nil
}

func (s *scanner) comment() {
	for s.have(1) {
		rest := s.buf[s.pos:s.end]
		if n := bytes.IndexByte(rest, '\n'); n >= 0 {
			s.pos += n
			return
		}
		s.pos = s.end
	}
}

// delimiter tells which bytes end an atom.
func delimiter(c byte) bool {
	switch c {
	case ' ', ',', '\t', '\n', '\r', '\f', '"', ';', '(', ')', '[', ']', '{', '}':
		return true
	}
	return false
}

// atom takes the bytes up to the next delimiter. They are valid until the next
// call of any method.
func (s *scanner) atom() ([]byte, error) {
	s.long = s.long[:0]
	for s.have(1) {
		for i := s.pos; i < s.end; i++ {
			if !delimiter(s.buf[i]) {
				continue
			}
			part := s.buf[s.pos:i]
			s.pos = i
			if len(s.long) == 0 {
				return part, nil
			}
			s.long = append(s.long, part...)
			return s.long, nil
		}
		s.long = append(s.long, s.buf[s.pos:s.end]...)
		s.pos = s.end
		if len(s.long) > maxText {
			return nil, fmt.Errorf("a value of more than %d bytes", maxText)
		}
	}
	if s.in == nil {
		return s.long, nil // a text ends where its last atom does
	}
	return nil, s.cut() // but a file within it: forms end with a bracket
}

// str takes a string, whose opening quote is next, with its escapes as they stand.
func (s *scanner) str() ([]byte, error) {
	s.pos++
	s.long = s.long[:0]
	for s.have(1) {
		c := s.buf[s.pos]
		s.pos++
		switch c {
		case '"':
			return s.long, nil
		case '\\':
			if !s.have(1) {
				return nil, s.cut()
			}
			s.long = append(s.long, c)
			c = s.buf[s.pos]
			s.pos++
		case '\n':
			s.line++
		}
		if s.long = append(s.long, c); len(s.long) > maxText {
			return nil, fmt.Errorf("a string of more than %d bytes", maxText)
		}
	}
	return nil, s.cut()
}

// char takes the rest of a character, whose backslash has been taken: the next
// byte, whatever it is, and what belongs to it.
func (s *scanner) char() ([]byte, error) {
	if !s.have(1) {
		return nil, s.cut()
	}
	first := s.buf[s.pos]
	if first == '\n' {
		return nil, errors.New(`a backslash without a character`)
	}
	s.pos++
	rest, err := s.atom()
	return append([]byte{first}, rest...), err
}

// skip takes one form without a look at what it says, only at its brackets:
// exceptions and the like are printed in ways that are hardly EDN.
func (s *scanner) skip() error {
	var open []opened
	for {
		c, err := s.space()
		if err != nil {
			return err
		}
		switch c {
		case 0:
			return s.cut()
		case '(', '[', '{':
			s.pos++
			if open = append(open, opened{c, s.line}); len(open) > maxDepth {
				return fmt.Errorf("forms nested more than %d deep", maxDepth)
			}
			continue
		case ')', ']', '}':
			if len(open) == 0 {
				return unopened(c)
			}
			if err := open[len(open)-1].closedBy(c); err != nil {
				return err
			}
			s.pos++
			open = open[:len(open)-1]
		case '"':
			_, err = s.str()
		case '\\':
			s.pos++
			_, err = s.char()
		case '#':
			if err := s.skipTag(); err != nil {
				return err
			}
			continue
		default:
			_, err = s.atom()
		}
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return nil
		}
	}
}

// skipTag takes a # and the tag behind it; the form that it tags comes next.
func (s *scanner) skipTag() error {
	s.pos++
	if !s.have(1) {
		return s.cut()
	}
	if c := s.buf[s.pos]; c == '#' { // ##NaN: take it for a tag of NaN
		s.pos++
		return nil
	}
	_, err := s.atom()
	return err
}

// opened is a bracket that has not been closed.
type opened struct {
	bracket byte
	line    int
}

var closing = map[byte]byte{'(': ')', '[': ']', '{': '}'}

func (o opened) closedBy(c byte) error {
	if closing[o.bracket] != c {
		return fmt.Errorf("unbalanced: %c where %c belongs, for the %c of line %d", c, closing[o.bracket], o.bracket, o.line)
	}
	return nil
}

func unopened(c byte) error { return fmt.Errorf("unbalanced: %c without its opening bracket", c) }
