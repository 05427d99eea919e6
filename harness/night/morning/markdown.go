package morning

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
)

const (
	// maxPage bounds the page, in bytes. GitHub shows a summary of up to 1 MiB a step,
	// and none of one that is larger.
	maxPage = 256 << 10
	// maxSaid bounds what a cell of a table repeats of what others wrote, in characters.
	maxSaid = 400
)

// oneLine is a text in which nothing moves a cursor or ends a line.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(verdict.Printable(s))
}

// brief is the beginning of a text of somebody else's, in one line.
func brief(s string) string { return begin(oneLine(begin(s, 2*maxSaid)), maxSaid) }

// begin is the first characters of a text.
func begin(s string, most int) string {
	n := 0
	for i := range s {
		if n == most {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// plain makes text of members and checkers harmless within a line of Markdown, in a
// table too: it is shown as it is, and is no mark-up, picture or HTML.
func plain(s string) string {
	var b strings.Builder
	for _, r := range brief(s) {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '&':
			b.WriteString("&amp;")
		case '|', '\\', '`', '*', '_', '[', ']', '~', '$', '#':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// code is a command or a path as it can be copied, or plain text where Markdown has no
// way to say it within a table.
func code(s string) string {
	s = oneLine(s)
	if s == "" {
		return ""
	}
	if strings.ContainsAny(s, "`|\\") || strings.TrimSpace(s) != s {
		return plain(s)
	}
	return "`" + s + "`"
}

// page is Markdown that stays below maxPage.
type page struct {
	strings.Builder
	left int // lines that did not fit
}

// line writes a line of its own, unless the page is full.
func (p *page) line(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if p.Len()+len(line) > maxPage {
		p.left++
		return
	}
	p.WriteString(line + "\n")
}

// table writes a table of so many rows below a heading, the first of them if there are
// very many; rest says where all are.
func (p *page) table(heading string, columns []string, rows, most int, row func(int) []string, rest string) {
	if rows == 0 {
		return
	}
	p.line("\n## %s\n", heading)
	p.line("| %s |", strings.Join(columns, " | "))
	p.line("|%s", strings.Repeat("---|", len(columns)))
	for i := range min(rows, most) {
		p.line("| %s |", strings.Join(row(i), " | "))
	}
	if rows > most {
		p.line("\n%d more: %s", rows-most, rest)
	}
}

// list writes lines as a list below a heading, the first of very many.
func (p *page) list(heading string, most int, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("\n## %s\n", heading)
	for i, line := range lines {
		if i == most {
			p.line("- … and %d more: night.json has all", len(lines)-most)
			return
		}
		p.line("- %s", lead(plain(line)))
	}
}

var listed = regexp.MustCompile(`^[0-9]+[.)]`)

// lead makes a plain text harmless where a line may begin with what makes it a list, a
// rule or code.
func lead(s string) string {
	s = strings.TrimLeft(s, " ")
	if s != "" && strings.ContainsAny(s[:1], "-+=") {
		return `\` + s
	}
	if n := len(listed.FindString(s)); n > 0 {
		return s[:n-1] + `\` + s[n-1:]
	}
	return s
}
