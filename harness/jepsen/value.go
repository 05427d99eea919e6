package jepsen

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// form is a value of EDN.
type form struct {
	kind  formKind
	text  string // of what holds no other forms, canonical; of kindTagged, the tag
	items []form // of a map: keys and values in turn
}

type formKind uint8

const (
	kindNil formKind = iota
	kindInt
	kindAtom // any other that holds no forms and is not one of the following
	kindString
	kindKeyword // text without the colon
	kindList    // a list or a vector, which EDN takes for equal
	kindSet
	kindMap
	kindTagged
)

// canonical renders the form so that two forms have one text if and only if they
// are equal. Strings that look like nothing else stand without quotes.
func (f *form) canonical() string {
	switch f.kind {
	case kindNil:
		return "nil"
	case kindInt, kindAtom:
		return f.text
	case kindString:
		if plain(f.text) {
			return f.text
		}
		return quote(f.text)
	case kindKeyword:
		return ":" + f.text
	case kindTagged:
		return "#" + f.text + " " + f.items[0].canonical()
	}
	return f.collection()
}

func (f *form) collection() string {
	texts := make([]string, 0, len(f.items))
	switch f.kind {
	case kindMap:
		for i := 0; i < len(f.items); i += 2 {
			texts = append(texts, f.items[i].canonical()+" "+f.items[i+1].canonical())
		}
	default:
		for i := range f.items {
			texts = append(texts, f.items[i].canonical())
		}
	}
	switch f.kind {
	case kindMap:
		slices.Sort(texts)
		return "{" + strings.Join(texts, " ") + "}"
	case kindSet:
		slices.Sort(texts)
		return "#{" + strings.Join(texts, " ") + "}"
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// plain tells whether a string cannot be taken for another value: it begins with
// a letter and has only what stands in names.
func plain(s string) bool {
	if s == "" || s == "nil" || s == "true" || s == "false" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || strings.IndexByte("-_./:@", c) >= 0)) {
			return false
		}
	}
	return true
}

// doubt notes why the value at hand tells nothing for certain, if that is new.
func (s *scanner) doubt(err error) {
	if s.flaw == nil {
		s.flaw = err
	}
}

// whole takes one form, and says why it tells nothing for certain, if so. That
// matters only where a checker compares it.
func (s *scanner) whole() (f form, flaw, err error) {
	s.flaw = nil
	f, err = s.value(0)
	return f, s.flaw, err
}

// value takes one form.
func (s *scanner) value(depth int) (form, error) {
	if depth > maxDepth {
		return form{}, fmt.Errorf("forms nested more than %d deep", maxDepth)
	}
	c, err := s.space()
	if err != nil {
		return form{}, err
	}
	if s.json && strings.IndexByte(`(\#;`, c) >= 0 {
		return form{}, fmt.Errorf("%q where a value of JSON belongs", c)
	}
	switch c {
	case 0:
		return form{}, s.cut()
	case '(', '[':
		return s.items(kindList, depth)
	case '{':
		f, err := s.items(kindMap, depth)
		if err == nil && len(f.items)%2 != 0 {
			err = errors.New("a map with a key that has no value")
		}
		return f, err
	case ')', ']', '}':
		return form{}, unopened(c)
	case '"':
		text, err := s.str()
		if err != nil {
			return form{}, err
		}
		s.doubt(unclean(text))
		unquoted, err := unquote(text)
		return form{kind: kindString, text: unquoted}, err
	case '\\':
		s.pos++
		text, err := s.char()
		s.doubt(unclean(text))
		return character(string(text)), err
	case '#':
		return s.dispatch(depth)
	}
	text, err := s.atom()
	if err != nil {
		return form{}, err
	}
	if c := text[0]; c < '0' || c > '9' {
		s.doubt(unclean(text))
	}
	f, err := atomic(text)
	if s.json && err == nil {
		return ofJSON(f)
	}
	return f, err
}

// ofJSON is what an atom means there: null is nil, and 1.0 and 1e0 are 1, since many who
// write it have one kind of numbers only.
func ofJSON(f form) (form, error) {
	switch {
	case f.kind != kindAtom:
	case f.text == "'null":
		return form{}, nil
	case f.text[0] == '\'':
		return f, fmt.Errorf("%s where a value of JSON belongs: texts stand in quotes", f.text[1:])
	default:
		if r, ok := new(big.Rat).SetString(f.text); ok && r.IsInt() {
			return form{kind: kindInt, text: r.Num().String()}, nil
		}
	}
	return f, nil
}

// items takes the forms of a collection, whose opening bracket is next.
func (s *scanner) items(kind formKind, depth int) (form, error) {
	f := form{kind: kind}
	open := opened{s.buf[s.pos], s.line}
	s.pos++
	for {
		c, err := s.space()
		switch {
		case err != nil:
			return f, err
		case c == ')' || c == ']' || c == '}':
			s.pos++
			return f, open.closedBy(c)
		}
		item, err := s.value(depth + 1)
		if err != nil {
			return f, err
		}
		f.items = append(f.items, item)
	}
}

// dispatch takes a form that begins with #.
func (s *scanner) dispatch(depth int) (form, error) {
	s.pos++
	if !s.have(1) {
		return form{}, s.cut()
	}
	switch s.buf[s.pos] {
	case '{':
		return s.items(kindSet, depth)
	case '#':
		s.pos++
		text, err := s.atom()
		return form{kind: kindAtom, text: "##" + string(text)}, err
	case '"':
		text, err := s.str()
		s.doubt(unclean(text))
		return form{kind: kindAtom, text: `#"` + string(text) + `"`}, err
	}
	tag, err := s.atom()
	if err != nil {
		return form{}, err
	}
	if len(tag) == 0 {
		return form{}, errors.New("a # without a tag")
	}
	f := form{kind: kindTagged, text: string(tag)}
	s.doubt(unclean(tag))
	s.doubt(opaque(f.text))
	item, err := s.value(depth + 1)
	f.items = []form{item}
	return f, err
}

// atomic tells what an atom is.
func atomic(text []byte) (form, error) {
	switch string(text) {
	case "nil":
		return form{}, nil
	case "true", "false":
		return form{kind: kindAtom, text: string(text)}, nil
	}
	if text[0] == ':' {
		if len(text) == 1 {
			return form{}, errors.New("a colon without a name")
		}
		return form{kind: kindKeyword, text: string(text[1:])}, nil
	}
	digits := text
	if digits[0] == '-' || digits[0] == '+' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] < '0' || digits[0] > '9' {
		return form{kind: kindAtom, text: "'" + string(text)}, nil // a symbol
	}
	return number(text, digits)
}

// number makes equal numbers have equal texts. As in EDN, 1 is not 1.0.
func number(text, digits []byte) (form, error) {
	if isInt(digits) && (digits[0] != '0' || len(digits) == 1) {
		if text[0] == '+' || len(digits) == 1 && digits[0] == '0' {
			text = digits
		}
		return form{kind: kindInt, text: string(text)}, nil
	}
	if isInt(digits) {
		return form{}, fmt.Errorf("%q is no number: leading zeros", text)
	}
	t := strings.TrimPrefix(string(text), "+")
	if n, ok := new(big.Int).SetString(strings.TrimSuffix(t, "N"), 10); ok && (digits[0] != '0' || string(digits) == "0N") {
		return form{kind: kindInt, text: n.String()}, nil
	}
	if n, err := strconv.ParseInt(t, 0, 64); err == nil && len(digits) > 1 && (digits[1] == 'x' || digits[1] == 'X') {
		return form{kind: kindInt, text: strconv.FormatInt(n, 10)}, nil
	}
	if r, ok := new(big.Rat).SetString(t); ok && strings.Contains(t, "/") {
		if r.IsInt() {
			return form{kind: kindInt, text: r.Num().String()}, nil
		}
		return form{kind: kindAtom, text: r.String()}, nil
	}
	unscaled, exact := strings.CutSuffix(t, "M")
	if exact && !strings.ContainsAny(t, "xXpP_") {
		if f, ok := decimal(unscaled); ok {
			return f, nil
		}
	} else if x, err := strconv.ParseFloat(t, 64); err == nil && !strings.ContainsAny(t, "xX_") {
		if x == 0 {
			x = 0 // and not -0
		}
		out := strconv.FormatFloat(x, 'g', -1, 64)
		if !strings.ContainsAny(out, ".e") {
			out += ".0"
		}
		return form{kind: kindAtom, text: out}, nil
	}
	return form{}, fmt.Errorf("%q is no number", text)
}

func isInt(digits []byte) bool {
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
