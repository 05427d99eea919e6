package history

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON has texts of UTF-8 only: whatever else a value has, its encoder turns into
// U+FFFD, and two values that differ there would become one. The recorder therefore
// quotes a value that is no UTF-8, behind a U+FFFD, and any other that begins with
// one; the reader gives it back. A line of somebody else's that has bytes which are no
// UTF-8 in a value, or half of a character, is refused.

// replacement is what stands for bytes that are no text.
const replacement = string(utf8.RuneError)

// told returns a value as a history has it.
func told(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, replacement) {
		return s
	}
	return replacement + strconv.QuoteToASCII(s)
}

// meant returns the value that told made s of.
func meant(s string) string {
	if quoted, ok := strings.CutPrefix(s, replacement); ok {
		if v, err := strconv.Unquote(quoted); err == nil && told(v) == s {
			return v
		}
	}
	return s
}

// told returns the operation with its values as a history has them, itself if they
// are.
func (o *Op) told() *Op {
	var room [16]*string
	if !slices.ContainsFunc(o.values(room[:0]), func(s *string) bool { return told(*s) != *s }) {
		return o
	}
	out := *o
	out.List, out.Txn = slices.Clone(o.List), slices.Clone(o.Txn)
	for i := range out.Txn {
		out.Txn[i].List = slices.Clone(o.Txn[i].List)
	}
	for _, s := range out.values(nil) {
		*s = told(*s)
	}
	return &out
}

// values appends what checkers compare of the operation.
func (o *Op) values(to []*string) []*string {
	to = append(to, &o.Key, &o.Arg, &o.Old, &o.Got)
	for i := range o.List {
		to = append(to, &o.List[i])
	}
	for i := range o.Txn {
		m := &o.Txn[i]
		to = append(to, &m.Key, &m.Arg, &m.Got)
		for k := range m.List {
			to = append(to, &m.List[k])
		}
	}
	return to
}

// meant gives the operation, as JSON has it on the line, the values that were meant. An
// error tells why one of them may have been any of several.
func (o *Op) meant(line []byte) error {
	var room [16]*string
	values := o.values(room[:0])
	if !slices.ContainsFunc(values, func(s *string) bool { return strings.Contains(*s, replacement) }) {
		return nil
	}
	if !utf8.Valid(line) {
		return errors.New("a value that is no UTF-8: it cannot be told from others")
	}
	if half := loneHalf(line); half != nil {
		return fmt.Errorf("a value with %s, which is half of a character: it cannot be told from others", half)
	}
	for _, s := range values {
		*s = meant(*s)
	}
	return nil
}

// loneHalf returns the first escape of half a character of JSON's that lacks the other
// half, nil for none.
func loneHalf(line []byte) []byte {
	for i := 0; i < len(line); i++ {
		at := bytes.IndexByte(line[i:], '\\')
		if at < 0 {
			return nil
		}
		i += at
		r, ok := unit(line[i:])
		switch {
		case !ok:
			i++ // of two bytes
		case !utf16.IsSurrogate(r):
			i += 5
		default:
			low, _ := unit(line[i+6:])
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return line[i : i+6]
			}
			i += 11
		}
	}
	return nil
}

// unit returns what the escape \uXXXX that b begins with names, if it is one.
func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
