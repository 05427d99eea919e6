package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Token is how many characters of a word, or of a text in quotes, errors repeat.
const Token = 80

// brief is an error whose text is shorter than that of the one it stands for.
type brief struct {
	error
	text string
}

func (b brief) Error() string { return b.text }
func (b brief) Unwrap() error { return b.error }

// Brief returns an error of which no word, and nothing in quotes, is longer than a
// number of characters, 1 at least: input may be of any size, and who reads an error
// knows it by its beginning. It is err in all else, and nil if err is.
func Brief(err error, longest int) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	if short := cutWords(cutQuotes(said, longest), longest); short != said {
		return brief{err, short}
	}
	return err
}

// cut shows the first characters of a text that is longer.
func cut(s string, longest int) string {
	if utf8.RuneCountInString(s) <= longest {
		return s
	}
	n := 0
	for i := range s {
		if n == longest {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// cutQuotes cuts what stands between double quotes. A quote within it is escaped; what
// is not closed ends with its line.
func cutQuotes(s string, longest int) string {
	var b strings.Builder
	for {
		begin := strings.IndexByte(s, '"')
		if begin < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:begin+1])
		s = s[begin+1:]
		end := 0
		for end < len(s) && s[end] != '"' && s[end] != '\n' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(s))
		b.WriteString(cut(s[:end], longest))
		s = s[end:]
		if s != "" {
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
}

// cutWords cuts what has no blank in it.
func cutWords(s string, longest int) string {
	var b strings.Builder
	for s != "" {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		word, tail := s[:end], ""
		if trimmed := strings.TrimRight(word, `",:;.)…`); trimmed != "" {
			word, tail = trimmed, word[len(trimmed):]
		}
		if lead := len(word) - len(strings.TrimLeft(word, `"(`)); lead < len(word) {
			b.WriteString(word[:lead])
			word = word[lead:]
		}
		short := cut(word, longest)
		if short != word {
			tail = strings.TrimPrefix(tail, "…")
		}
		b.WriteString(short + cut(tail, longest))
		s = s[end:]
		blank := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) })
		if blank < 0 {
			blank = len(s)
		}
		b.WriteString(s[:blank])
		s = s[blank:]
	}
	return b.String()
}
