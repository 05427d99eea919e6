package jepsen

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads operations from a log, as Jepsen has printed them over the years:
//
//	INFO  jepsen.util - 0	:invoke	:cas	[1 2]
//	2018-05-17 18:43:50,123{GMT}	INFO	[jepsen worker 1] jepsen.util: 1	:info	:write	4	:timed-out
//	0	:ok	:cas	[1 2]
//
// A line is an operation if the first word behind "jepsen.util", or of the line,
// is a process and the second a keyword, or if the second word behind "jepsen.util"
// is a type such as :ok. All others are passed over: a log has lines of many kinds.
type lines struct {
	name   string
	in     *bufio.Reader
	s      *scanner
	line   int
	passed int64
	text   []byte
	e      entry
}

func (r *lines) next() (*entry, error) {
	for {
		text, whole, err := r.read()
		if err != nil {
			return nil, err
		}
		r.line++
		words, ok := operation(text)
		switch {
		case ok && !whole:
			return nil, &cutError{r.line, "the last line has no end, so its value may lack one too"}
		case !ok:
			r.passed++
			if !whole {
				return nil, io.EOF
			}
			continue
		}
		r.e = entry{line: r.line, nth: r.line, index: -1}
		if err := r.parse(words); err != nil {
			return nil, &InputError{r.name, r.line, r.line, err}
		}
		return &r.e, nil
	}
}

// read returns the next line, and whether it has an end.
func (r *lines) read() (text []byte, whole bool, err error) {
	r.text = r.text[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.text = append(r.text, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(r.text, "\r\n"), true, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(r.text) <= maxText:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, false, &InputError{r.name, r.line + 1, 0, fmt.Errorf("a line of more than %d bytes", maxText)}
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return nil, false, fmt.Errorf("read %s: %w", r.name, err)
		case len(r.text) == 0 && errors.Is(err, io.ErrUnexpectedEOF):
			return nil, false, &cutError{r.line, "the compressed file ends after it"}
		case len(r.text) == 0:
			return nil, false, io.EOF
		}
		return r.text, false, nil
	}
}

// operation returns the part of a line that is an operation, and whether there is
// one.
func operation(text []byte) ([]byte, bool) {
	const logger = "jepsen.util"
	i := bytes.Index(text, []byte(logger))
	if i >= 0 {
		text = bytes.TrimLeft(text[i+len(logger):], " \t:-")
		// The last cut may have taken the colon of :nemesis.
		if bytes.HasPrefix(text, []byte("nemesis")) {
			text = append([]byte(":"), text...)
		}
	}
	words := bytes.Fields(text)
	if len(words) < 2 || words[1][0] != ':' {
		return nil, false
	}
	switch string(words[1]) {
	case ":invoke", ":ok", ":fail", ":info":
		if i >= 0 {
			return text, true // whatever stands for the process
		}
	}
	who := words[0]
	return text, isInt(who) || who[0] == ':' && len(who) > 1
}

// parse reads PROCESS :TYPE :F VALUE, and an error if there is one.
func (r *lines) parse(text []byte) error {
	e := &r.e
	r.s.reset(text, r.line)
	sets := []func(*entry, []byte) error{r.s.setProcess, (*entry).setType, r.s.setFunction}
	for i, set := range sets {
		if c, err := r.s.space(); err != nil || c == 0 {
			return orElse(err, fmt.Errorf("an operation of %d words: use PROCESS :TYPE :F VALUE", i))
		}
		if err := r.s.withAtom(e, set); err != nil {
			return err
		}
	}
	if !e.client {
		return nil // what a nemesis says may be anything
	}
	c, err := r.s.space()
	if err != nil || c == 0 { // no value is nil
		return err
	}
	if e.value, e.flaw, err = r.s.whole(); errors.Is(err, errCut) {
		return errors.New("unbalanced: the value does not end on its line")
	} else if err != nil {
		return err
	}
	if reason := bytes.TrimSpace(r.s.buf[r.s.pos:r.s.end]); len(reason) > 0 {
		e.err = string(reason)
	}
	return nil
}

func orElse(err, other error) error {
	if err != nil {
		return err
	}
	return other
}
