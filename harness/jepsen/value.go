package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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

// quote renders a string as EDN.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
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
		unquoted, err := unquote(text)
		return form{kind: kindString, text: unquoted}, err
	case '\\':
		s.pos++
		text, err := s.char()
		return form{kind: kindAtom, text: `\` + string(text)}, err
	case '#':
		return s.dispatch(depth)
	}
	text, err := s.atom()
	if err != nil {
		return form{}, err
	}
	return atomic(text)
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
	decimal, exact := strings.CutSuffix(t, "M")
	if x, err := strconv.ParseFloat(decimal, 64); err == nil && !strings.ContainsAny(t, "xX_") {
		if exact {
			return form{kind: kindAtom, text: t}, nil
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

// unquote resolves the escapes of a string.
func unquote(text []byte) (string, error) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text), nil
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			out = append(out, text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case '"', '\\':
			out = append(out, c)
		case 'u':
			if i+5 > len(text) {
				return "", errors.New(`\u without four digits in a string`)
			}
			n, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16)
			if err != nil {
				return "", fmt.Errorf(`\u%s in a string: use four hexadecimal digits`, text[i+1:i+5])
			}
			out = utf8.AppendRune(out, rune(n))
			i += 4
		default:
			return "", fmt.Errorf(`unknown escape \%c in a string`, c)
		}
	}
	return string(out), nil
}
