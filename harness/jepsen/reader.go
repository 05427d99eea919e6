package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/usurper/usurper/harness/text"
)

// InputError is a place in a file that is not as Jepsen writes it.
type InputError struct {
	File string
	Line int // counted from 1
	Form int // which operation of the file it is, counted from 1; 0: none
	Err  error
}

// Error names the place and what is wrong there.
func (e *InputError) Error() string {
	why := text.Brief(e.Err, text.Token)
	if e.Form == 0 || e.Form == e.Line {
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, why)
	}
	return fmt.Sprintf("%s:%d (form %d): %v", e.File, e.Line, e.Form, why)
}

// Unwrap returns Err.
func (e *InputError) Unwrap() error { return e.Err }

// source yields the operations of a file. The entry is valid until the next call.
// io.EOF is the end of the file; a *cutError the end of a file that was cut.
type source interface {
	next() (*entry, error)
}

// cutError tells what is missing at the end of a file.
type cutError struct {
	line int
	what string
}

func (e *cutError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// byteOrderMark is what some editors write at the beginning of a text.
const byteOrderMark = "\xef\xbb\xbf"

// open finds out what a stream is: compressed or not, EDN, JSON or the lines of a
// log. What it took is to be freed at the end.
func open(name string, in io.Reader) (src source, free func(), err error) {
	b, free, err := unpack(name, in)
	if err != nil {
		return nil, nil, err
	}
	if mark, _ := b.Peek(len(byteOrderMark)); string(mark) == byteOrderMark {
		b.Discard(len(byteOrderMark)) // which are there
	}
	head, err := b.Peek(4 << 10)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && len(head) == 0 {
		free()
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if isJSON(head) || isEDN(head) {
		s := newScanner(b)
		s.json = isJSON(head)
		return &forms{name: name, s: s}, free, nil
	}
	return &lines{name: name, in: b, s: newScanner(nil)}, free, nil
}

// isJSON tells JSON by its beginning: an object, or an array of them. EDN has no
// string where a map of Jepsen's begins.
func isJSON(head []byte) bool {
	const blank = " \t\r\n"
	head = bytes.TrimLeft(head, blank)
	if len(head) > 0 && head[0] == '[' {
		head = bytes.TrimLeft(head[1:], blank)
	}
	return len(head) > 0 && head[0] == '{' && bytes.HasPrefix(bytes.TrimLeft(head[1:], blank), []byte{'"'})
}

// isEDN tells EDN by its beginning: a map, a record, a comment, or a vector or
// list of them. Lines of a log may begin with a bracket too.
func isEDN(head []byte) bool {
	const blank = " \t\r\n,"
	head = bytes.TrimLeft(head, blank)
	if len(head) == 0 {
		return true // and empty
	}
	if head[0] == '[' || head[0] == '(' {
		inside := bytes.TrimLeft(head[1:], blank)
		return len(inside) == 0 || bytes.IndexByte([]byte("{#;])"), inside[0]) >= 0
	}
	return bytes.IndexByte([]byte("{#;"), head[0]) >= 0
}

// forms reads operations as EDN or JSON: maps or records, one after another or all
// in one vector or list.
type forms struct {
	name  string
	s     *scanner
	nth   int
	open  *opened // the vector around them
	ended bool    // that vector is closed
	e     entry
}

func (r *forms) next() (*entry, error) {
	c, err := r.s.space()
	if err != nil {
		return nil, r.fail(r.s.line, err)
	}
	switch {
	case c == 0:
		return nil, r.end()
	case r.ended:
		return nil, r.fail(r.s.line, errors.New("more after the end of the vector: is a bracket before it wrong?"))
	case (c == '[' || c == '(') && r.open == nil && r.nth == 0:
		r.open = &opened{c, r.s.line}
		r.s.pos++
		return r.next()
	case (c == ']' || c == ')') && r.open != nil:
		r.s.pos++
		if err := r.open.closedBy(c); err != nil {
			return nil, r.fail(r.s.line, err)
		}
		r.ended = true
		return r.next()
	}
	r.nth++
	r.e = entry{line: r.s.line, nth: r.nth, index: -1}
	if err := r.operation(c); err != nil {
		return nil, r.fail(r.e.line, err)
	}
	return &r.e, nil
}

// operation takes a map, and whatever tag is before it.
func (r *forms) operation(c byte) error {
	for c == '#' && !r.s.json {
		if err := r.s.skipTag(); err != nil {
			return err
		}
		var err error
		if c, err = r.s.space(); err != nil {
			return err
		}
	}
	switch c {
	case 0:
		return r.s.cut()
	case '{':
		return r.s.entry(&r.e)
	case '}', ']', ')':
		return unopened(c)
	}
	if r.s.json {
		return fmt.Errorf(`%q where an operation belongs, an object such as {"process": 0, "type": "invoke", "f": "read", "value": null}`, c)
	}
	return fmt.Errorf("%q where an operation belongs, a map such as {:process 0, :type :invoke, :f :read, :value nil}", c)
}

// end tells how the file ends.
func (r *forms) end() error {
	switch {
	case r.s.err != io.EOF:
		return r.fail(r.s.line, r.s.cut())
	case r.open != nil && !r.ended:
		return &cutError{r.s.line, fmt.Sprintf("the file ends, but the %c of line %d is not closed", r.open.bracket, r.open.line)}
	}
	return io.EOF
}

func (r *forms) fail(line int, err error) error {
	if errors.Is(err, errCut) {
		return &cutError{line, "the file ends within the form that begins there"}
	}
	return &InputError{r.name, line, r.nth, err}
}
