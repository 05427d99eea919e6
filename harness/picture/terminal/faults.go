package terminal

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/text"
)

// maxFaultRows bounds the rows that faults have.
const maxFaultRows = 12

// faults draws each fault as a bar, from inject to heal, with its name.
func (d *drawing) faults() {
	var rows []*row
	left := 0
	for i := range d.p.Bands {
		b := &d.p.Bands[i]
		first, end, within := d.scale.Span(b.Span)
		if !within {
			continue
		}
		label := d.words(named(b))
		placed := false
		for _, row := range rows {
			if placed = row.bar(first, end, label, d.barOf(b, first), false); placed {
				break
			}
		}
		if !placed && len(rows) < maxFaultRows {
			row := d.row()
			row.bar(first, end, label, d.barOf(b, first), true)
			rows, placed = append(rows, row), true
		}
		for k := 0; k < len(rows) && !placed; k++ {
			placed = rows[k].bar(first, end, label, d.barOf(b, first), true)
		}
		if !placed {
			left++
		}
	}
	for i, row := range rows {
		name := ""
		if i == 0 {
			name = "faults"
		}
		row.print(name, plain)
	}
	if left > 0 {
		d.more(left)
	}
}

// more says that not all is drawn.
func (d *drawing) more(n int) {
	d.print(dim, gutter, strings.Repeat(" ", gutter)+fmt.Sprintf("and %d more, for which there is no room: draw less of the run with --from and --to", n))
}

// named is what a fault is called: as it came to pass, without the times that the bar
// shows, and what became of it unless it bit.
func named(b *picture.Band) string {
	name := b.Text
	if at := strings.Index(name, b.Kind); b.Kind != "" && at >= 0 {
		name = name[at:]
	}
	if b.Outcome != picture.Bit {
		name += " (" + b.Outcome + ")"
	}
	return name
}

// bar is how a stretch is drawn.
type bar struct {
	open, close, line rune
	st                style
}

func (d *drawing) barOf(b *picture.Band, first int) bar {
	out := bar{d.open, d.close, d.line, cyan}
	if b.Outcome != picture.Bit {
		out.line, out.st = d.dash, dim
	}
	if b.From < d.scale.From {
		out.open = out.line
	}
	if b.Open || b.To > d.scale.To {
		out.close = d.onward
	}
	return out
}

// bar draws a bar with its label: in it, right of it or left of it, where there is room.
// If there is none it draws nothing, unless it must: then as much of the label as there is
// room for. It tells whether it drew.
func (r *row) bar(first, end int, label string, b bar, must bool) bool {
	if !r.free(max(first-1, 0), min(end+1, len(r.cells))) {
		return false
	}
	width := text.Columns(label)
	at := -1
	switch {
	case end-first >= width+4:
		at = first + 2
	case r.free(end, min(end+width+2, len(r.cells))) && end+1+width <= len(r.cells):
		at = end + 1
	case first-width-2 >= 0 && r.free(first-width-2, first):
		at = first - width - 1
	case !must:
		return false
	default:
		label, at = r.short(first, end, label)
	}
	r.stretch(first, end, b)
	if at >= 0 {
		r.put(at, label, b.st)
	}
	return true
}

// stretch draws a bar without its label.
func (r *row) stretch(first, end int, b bar) {
	for c := first; c < end; c++ {
		r.set(c, b.line, b.st)
	}
	if end-first == 1 {
		r.set(first, r.d.both, b.st)
		return
	}
	r.set(first, b.open, b.st)
	r.set(end-1, b.close, b.st)
}

// short returns as much of a label as there is room for beside or in a bar, and where.
func (r *row) short(first, end int, label string) (string, int) {
	right := end
	for right < len(r.cells) && r.cells[right].free() {
		right++
	}
	if right < len(r.cells) {
		right--
	}
	const least = 6 // less says nothing
	switch beside, within := right-end-1, end-first-4; {
	case max(beside, within) < least:
		return "", -1
	case beside >= within:
		return r.d.shorten(label, beside), end + 1
	default:
		return r.d.shorten(label, within), first + 2
	}
}
