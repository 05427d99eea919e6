package jepsen

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A text of Java's is of 16-bit units, of which two that belong together stand for a
// character beyond the first 65,536. One without its other half is no character,
// but an escape can name it. Here it is kept as the three bytes that UTF-8 would have
// for it, and written as the escape again, so that different texts stay different.

// quote renders a string as EDN, different ones differently.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		half, isHalf := halfOf(s)
		switch {
		case isHalf:
			fmt.Fprintf(&b, `\u%04x`, half)
			size = 3
		case r == utf8.RuneError:
			b.WriteString(s[:size])
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
		s = s[size:]
	}
	b.WriteByte('"')
	return b.String()
}

// halfOf returns the half of a character that s begins with, if it does.
func halfOf(s string) (half rune, ok bool) {
	if len(s) < 3 || s[0] != 0xed || s[1]&0xe0 != 0xa0 || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
}

// unit appends a unit that an escape named, and joins it with the half before it.
func unit(out []byte, r rune, half rune) []byte {
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r)
	}
	if whole := utf16.DecodeRune(half, r); whole != utf8.RuneError {
		return utf8.AppendRune(out[:len(out)-3], whole)
	}
	return append(out, 0xed, 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
}

// unquote resolves the escapes of a string.
func unquote(text []byte) (string, error) {
	if bytes.IndexByte(text, '\\') < 0 {
		return string(text), nil
	}
	out := make([]byte, 0, len(text))
	var half rune // what the escape before was, if it was one of a unit
	for i := 0; i < len(text); i++ {
		before := half
		half = 0
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
		case '"', '\\', '/': // JSON may escape the last
			out = append(out, c)
		case 'u':
			if i+5 > len(text) {
				return "", errors.New(`\u without four digits in a string`)
			}
			n, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16)
			if err != nil {
				return "", fmt.Errorf(`\u%s in a string: use four hexadecimal digits`, text[i+1:i+5])
			}
			half = rune(n)
			out = unit(out, half, before)
			i += 4
		default:
			return "", fmt.Errorf(`unknown escape \%c in a string`, c)
		}
	}
	return string(out), nil
}

// character makes equal characters have equal texts: \a, \u0061 and \o141 are one.
func character(text string) form {
	var r rune
	size := utf8.RuneCountInString(text)
	name, named := map[string]rune{"newline": '\n', "space": ' ', "tab": '\t', "return": '\r', "formfeed": '\f', "backspace": '\b'}[text]
	hex, errHex := strconv.ParseUint(strings.TrimPrefix(text, "u"), 16, 16)
	octal, errOctal := strconv.ParseUint(strings.TrimPrefix(text, "o"), 8, 8)
	switch {
	case named:
		r = name
	case size == 5 && text[0] == 'u' && errHex == nil:
		r = rune(hex)
	case size > 1 && text[0] == 'o' && errOctal == nil:
		r = rune(octal)
	case size == 1:
		r, _ = utf8.DecodeRuneInString(text)
	default:
		return form{kind: kindAtom, text: `\` + text}
	}
	if r <= ' ' || utf16.IsSurrogate(r) {
		return form{kind: kindAtom, text: fmt.Sprintf(`\u%04x`, r)}
	}
	return form{kind: kindAtom, text: `\` + string(r)}
}

// decimal makes equal decimals (1.50M) have equal texts. They have no bound, so that
// no library computes with them.
func decimal(text string) (form, bool) {
	sign := ""
	if text[0] == '-' {
		sign, text = "-", text[1:]
	}
	digits, power, powered := strings.Cut(strings.ToLower(text), "e")
	whole, part, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+part, "0")
	exponent := int64(-len(part))
	if powered {
		n, err := strconv.ParseInt(power, 10, 64)
		if err != nil || n < math.MinInt32 || n > math.MaxInt32 {
			return form{}, false
		}
		exponent += n
	}
	if digits == "" || !isInt([]byte(digits)) {
		return form{kind: kindAtom, text: "0M"}, digits == "" // there is no negative zero
	}
	short := strings.TrimRight(digits, "0")
	exponent += int64(len(digits) - len(short))
	if exponent == 0 {
		return form{kind: kindAtom, text: sign + short + "M"}, true
	}
	return form{kind: kindAtom, text: sign + short + "E" + strconv.FormatInt(exponent, 10) + "M"}, true
}

// unclean says why a text cannot be told from others that are written otherwise, nil
// if it can.
func unclean(text []byte) error {
	if utf8.Valid(text) {
		return nil
	}
	at := 0
	for {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return fmt.Errorf("the value has a text that is no UTF-8 (byte 0x%02x): Java reads all such bytes as one, so that it may have been another", text[at])
		}
		at += size
	}
}

// opaque says why what is tagged so tells no value, nil if it may.
func opaque(tag string) error {
	if tag == "object" || strings.HasPrefix(tag, "<") || strings.HasPrefix(tag, "=") {
		return fmt.Errorf("the value has a #%s, as Clojure prints what it cannot write down: what was in it is not in the history; let the client return data", tag)
	}
	return nil
}
