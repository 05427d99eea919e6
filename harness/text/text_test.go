package text_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/text"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		in            string
		width, indent int
		want          string
	}{
		{"", 40, 4, ""},
		{"short", 40, 4, "short"},
		{"  valid  one two three four five six seven", 30, 9, "  valid  one two three four\n         five six seven"},
		{"a line\nand a longer one that is wrapped here", 30, 4, "a line\n    and a longer one that is\n    wrapped here"},
		{strings.Repeat("x", 50) + " y", 40, 4, strings.Repeat("x", 50) + "\n    y"},
		{"no room for an indent beside it at all", 22, 30, "no room for an indent\n  beside it at all"},
		{"界界界界界界界界界界 界界界界", 22, 0, "界界界界界界界界界界\n界界界界"},
	} {
		require.Equal(t, row.want, text.Wrap(row.in, row.width, row.indent))
	}
}

// Wrapping changes nothing but blanks, and no line is too wide that could be broken.
func TestWrapKeepsTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[ ]{0,4}([a-zé界]{1,30}[ ]{1,3}){0,20}`).Draw(t, "text")
		width, indent := rapid.IntRange(20, 120).Draw(t, "width"), rapid.IntRange(0, 40).Draw(t, "indent")
		out := text.Wrap(in, width, indent)
		require.Equal(t, strings.Fields(in), strings.Fields(out))
		for _, line := range strings.Split(out, "\n") {
			require.True(t, text.Columns(strings.TrimRight(line, " ")) <= width || len(strings.Fields(line)) == 1, "%q", line)
		}
	})
}

func TestShorten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abc", text.Shorten("abc", 3))
	require.Equal(t, "ab…", text.Shorten("abcd", 3))
	require.Equal(t, "界…", text.Shorten("界界界", 4))
}

func TestBrief(t *testing.T) {
	t.Parallel()
	require.NoError(t, text.Brief(nil, 80))
	long := strings.Repeat("é", 1<<16)
	for _, row := range []struct {
		in, want string
	}{
		{`unknown fault "kil": use kill`, `unknown fault "kil": use kill`},
		{fmt.Sprintf("unknown fault %q: use kill", long), `unknown fault "éééééééé…": use kill`},
		{"bad time (" + long + "), and more", "bad time (éééééééé…), and more"},
		{fmt.Sprintf("%q is more than it takes", strings.Repeat("n1 ", 99)), `"n1 n1 n1…" is more than it takes`},
		{`never "ended ` + long, `never "ended éé…`},
		{`escaped in "a\"` + long + `"`, `escaped in "a\"ééééé…"`},
	} {
		require.EqualError(t, text.Brief(errors.New(row.in), 8), row.want)
	}
	err := text.Brief(fmt.Errorf("%s: %w", long, fs.ErrNotExist), text.Token)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Less(t, len(err.Error()), 400)
}

// However an error looks, its short form is text if it was, and short word by word.
func TestBriefIsShort(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`([a-z"\\é:(){} ]{0,40}){0,8}`).Draw(t, "error")
		out := text.Brief(errors.New(in), 10).Error()
		require.True(t, utf8.ValidString(out))
		for _, word := range strings.Fields(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(word), 10+2+30, word)
		}
	})
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"opem": " (did you mean open?)", "clsed": " (did you mean closed?)", "sometimes": "", "": "", "it": " (did you mean at?)",
	} {
		require.Equal(t, want, text.DidYouMean(word, []string{"open", "closed", "at"}), word)
	}
}

// What somebody wrote may be of any size, with blanks or without: of a line there is the
// beginning, whole characters of it.
func TestWrapIsBounded(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"word ", "é", "\x1b"} {
		endless := strings.Repeat(unit, 1<<20)
		out := text.Wrap("key: "+endless+"\nand the next line", 80, 4)
		require.Less(t, len(out), 12_000)
		require.Contains(t, out, "…\n    and the next line")
		require.True(t, utf8.ValidString(out))
		require.Equal(t, "short "+unit, text.Wrap("short "+unit, 80, 4))
	}
}
