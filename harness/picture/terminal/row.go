package terminal

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/usurper/usurper/harness/text"
)

// style is a colour of a terminal, by the number of its escape.
type style string

const (
	plain   style = ""
	bold    style = "1"
	dim     style = "2"
	red     style = "1;31"
	green   style = "32"
	yellow  style = "33"
	magenta style = "35"
	cyan    style = "36"
)

// paint colours a text, if there is colour.
func (d *drawing) paint(st style, s string) string {
	if !d.o.Color || st == plain || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

// cell is what one column shows. A character of two columns is in the first of them,
// and the other has none.
type cell struct {
	s    string
	wide bool // the column is the second of a character
	st   style
}

func (c cell) free() bool { return c.s == "" && !c.wide }

// row is a line of cells, beside its name.
type row struct {
	d     *drawing
	cells []cell
}

func (d *drawing) row() *row { return &row{d, make([]cell, d.scale.Columns)} }

// put writes a text from a column on, as far as there is room.
func (r *row) put(at int, s string, st style) {
	for _, c := range s {
		width := text.Columns(string(c))
		switch {
		case width == 0:
			if last := at - 1; last >= 0 && last < len(r.cells) && unicode.Is(unicode.Mn, c) && len(r.cells[last].s) < 8 {
				r.cells[last].s += string(c)
			}
			continue
		case at < 0 || at+width > len(r.cells):
			return
		}
		r.cells[at] = cell{s: string(c), st: st}
		for i := 1; i < width; i++ {
			r.cells[at+i] = cell{wide: true, st: st}
		}
		at += width
	}
}

// set fills a column with a shape.
func (r *row) set(at int, c rune, st style) { r.cells[at] = cell{s: string(c), st: st} }

// free tells whether nothing is in some columns, all of which are there.
func (r *row) free(from, end int) bool {
	if from < 0 || end > len(r.cells) {
		return false
	}
	for _, c := range r.cells[from:end] {
		if !c.free() {
			return false
		}
	}
	return true
}

// print writes the row after its name, without blanks at its end.
func (r *row) print(name string, st style) {
	d := r.d
	name = d.shorten(name, gutter-1)
	var b strings.Builder
	b.WriteString(d.paint(st, name))
	blanks := gutter - text.Columns(name)
	for i := 0; i < len(r.cells); {
		if c := r.cells[i]; c.free() || c.s == " " {
			blanks++
			i++
			continue
		}
		b.WriteString(strings.Repeat(" ", blanks))
		blanks = 0
		var run strings.Builder
		st := r.cells[i].st
		for ; i < len(r.cells) && r.cells[i].st == st && !r.cells[i].free() && r.cells[i].s != " "; i++ {
			run.WriteString(r.cells[i].s)
		}
		b.WriteString(d.paint(st, run.String()))
	}
	d.out.WriteString(b.String() + "\n")
}

// ascii writes what is beyond ASCII as Go does.
func ascii(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}
