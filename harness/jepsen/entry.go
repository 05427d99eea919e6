package jepsen

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// entry is one operation of Jepsen's: an invocation, a completion, or what the
// nemesis did.
type entry struct {
	line, nth int // where it begins: its line, and which form or line of the file it is
	process   int
	client    bool // process is a number, or not told
	alone     bool // it has no process
	kind      history.OpType
	f         string
	value     form
	key       form // of the models that have it beside the value
	hasKey    bool
	flaw      error // why value tells nothing for certain, if so
	at        time.Duration
	timed     bool
	index     int64 // -1: none
	node      string
	err       string
	saw       *form // what a failed cas saw: usurper's own exports tell
	final     bool
}

// entry takes a map that is an operation, whose opening brace is next.
func (s *scanner) entry(e *entry) error {
	open := opened{'{', s.line}
	s.pos++
	var has fields
	for {
		c, err := s.space()
		switch {
		case err != nil:
			return err
		case c == 0:
			return s.cut()
		case c == '}':
			s.pos++
			return has.check(e)
		case c == ')' || c == ']':
			return open.closedBy(c)
		case c == '"' && s.json:
			if err := s.member(e, &has); err != nil {
				return err
			}
			continue
		case s.json:
			return fmt.Errorf("line %d: %q where a key such as \"type\" belongs: is the object that begins on line %d closed?", s.line, c, open.line)
		case c != ':':
			return fmt.Errorf("line %d: %q where a key such as :type belongs: is the map that begins on line %d closed?", s.line, c, open.line)
		}
		key, err := s.atom()
		if err != nil {
			return err
		}
		if err := s.field(key, e, &has); err != nil {
			return err
		}
	}
}

// member takes a key of JSON, a string, and what it stands for.
func (s *scanner) member(e *entry, has *fields) error {
	name, err := s.str()
	if err != nil {
		return err
	}
	s.key = append(append(s.key[:0], ':'), name...)
	return s.field(s.key, e, has)
}

// fields are the keys of an operation that have been there.
type fields uint8

const (
	hasType fields = 1 << iota
	hasF
	hasProcess
	hasValue
	hasTime
)

func (h fields) check(e *entry) error {
	switch {
	case h&hasType == 0:
		return errors.New("an operation without :type")
	case h&hasProcess == 0 && h&hasValue == 0:
		return errors.New("an operation without :process")
	case h&hasProcess == 0:
		e.client, e.alone = true, true
	}
	if h&hasF == 0 && e.client {
		if e.value.kind != kindList {
			return errors.New("an operation without :f")
		}
		e.f = ":txn" // as Elle's examples have it
	}
	return nil
}

// field takes what a key of an operation stands for. The key is valid up to the
// next call of the scanner.
func (s *scanner) field(key []byte, e *entry, has *fields) error {
	var bit fields
	take := s.skip
	switch string(key) {
	case ":type":
		bit, take = hasType, func() error { return s.withAtom(e, (*entry).setType) }
	case ":f":
		bit, take = hasF, func() error { return s.withAtom(e, s.setFunction) }
	case ":process":
		bit, take = hasProcess, func() error { return s.withAtom(e, s.setProcess) }
	case ":key":
		take = func() (err error) { e.key, _, err = s.whole(); e.hasKey = true; return err }
	case ":time":
		bit, take = hasTime, func() error { return s.withAtom(e, (*entry).setTime) }
	case ":index":
		take = func() error { return s.withAtom(e, (*entry).setIndex) }
	case ":value":
		bit, take = hasValue, func() (err error) { e.value, e.flaw, err = s.whole(); return err }
	case ":error":
		take = func() error { return s.reason(e) }
	case ":node", ":saw", ":final?":
		name := string(key)
		take = func() error { return s.extra(name, e) }
	}
	if bit != 0 && *has&bit != 0 {
		return fmt.Errorf("the key %s is there twice", key)
	}
	*has |= bit
	return take()
}

// withAtom hands the next form, if it is an atom, to set.
func (s *scanner) withAtom(e *entry, set func(*entry, []byte) error) error {
	c, err := s.space()
	if err != nil {
		return err
	}
	if c == 0 {
		return s.cut()
	}
	if c == '"' || c == '#' || c == '\\' || delimiter(c) {
		v, err := s.value(0)
		if err != nil {
			return err
		}
		if v.kind == kindString {
			return set(e, []byte(v.text))
		}
		return set(e, []byte(v.canonical()))
	}
	text, err := s.atom()
	if err != nil {
		return err
	}
	return set(e, text)
}

// extra takes what usurper's own exports have beside what Jepsen has.
func (s *scanner) extra(key string, e *entry) error {
	v, flaw, err := s.whole()
	if err != nil {
		return err
	}
	switch key {
	case ":node":
		e.node = v.text
	case ":saw":
		e.saw = &v
		return flaw
	case ":final?":
		e.final = v.text == "true"
	}
	return nil
}

// reason takes an :error if it is a keyword, a string, or a few of them; what
// else it may be is passed over.
func (s *scanner) reason(e *entry) error {
	c, err := s.space()
	if err != nil {
		return err
	}
	if c != ':' && c != '"' {
		return s.skip()
	}
	v, err := s.value(0)
	e.err = v.text
	return err
}

func (e *entry) setType(text []byte) error {
	switch string(text) {
	case ":invoke", "invoke":
		e.kind = history.Invoke
	case ":ok", "ok":
		e.kind = history.OK
	case ":fail", "fail":
		e.kind = history.Fail
	case ":info", "info":
		e.kind = history.Info
	default:
		return fmt.Errorf("unknown type %s: it is :invoke, :ok, :fail or :info", text)
	}
	return nil
}

// setFunction keeps one text for all operations of a function. It may be a string.
func (s *scanner) setFunction(e *entry, text []byte) error {
	f, ok := s.functions[string(text)]
	if !ok {
		f = ":" + strings.TrimPrefix(string(text), ":")
		if len(s.functions) < maxFunctions {
			s.functions[string(text)] = f
		}
	}
	e.f = f
	return nil
}

const maxFunctions = 100

// setProcess takes a client's number, or the name of something that is no client.
func (s *scanner) setProcess(e *entry, text []byte) error {
	if len(text) > 1 && (text[0] == ':' || s.json && 'a' <= text[0] && text[0] <= 'z' && string(text) != "null") {
		return nil
	}
	if !isInt(text) {
		return fmt.Errorf("process %s: clients are numbers, others are keywords such as :nemesis", text)
	}
	n, err := integer(":process", text, math.MaxInt32)
	e.process, e.client = int(n), true
	return err
}

func (e *entry) setTime(text []byte) error {
	if string(text) == "-1" { // Jepsen's for none
		return nil
	}
	n, err := integer(":time", text, math.MaxInt64)
	e.at, e.timed = time.Duration(n), true
	return err
}

func (e *entry) setIndex(text []byte) error {
	if string(text) == "-1" { // Jepsen's for none
		return nil
	}
	n, err := integer(":index", text, math.MaxInt64)
	e.index = n
	return err
}

// integer returns a number from 0 to most.
func integer(what string, text []byte, most int64) (int64, error) {
	var n int64
	valid := len(text) > 0 && len(text) < 19 && isInt(text)
	for _, c := range text {
		n = 10*n + int64(c-'0')
	}
	if !valid || n > most {
		return 0, fmt.Errorf("%s %s: use a whole number from 0 to %d", what, text, most)
	}
	return n, nil
}
