package terminal

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
	"github.com/usurper/usurper/harness/text"
)

// rates draws how many operations clients had answered, and how long that took.
func (d *drawing) rates() {
	c := &d.p.Clients
	for _, curve := range []struct {
		name, what string
		counts     []int
		st         style
	}{{"ok/s", "ok", c.OK, green}, {"failed/s", "failed", c.Fail, yellow}, {"unknown/s", "without a known outcome", c.Info, red}} {
		rate, most := d.scale.Rate(curve.counts, c.Width)
		if most == 0 {
			continue
		}
		row := d.row()
		for i, v := range rate {
			if v > 0 {
				row.set(i, d.level(v/most), curve.st)
			}
		}
		row.print(curve.name, plain)
		d.peaks = append(d.peaks, fmt.Sprintf("%s at most %.0f/s", curve.what, most))
	}
	slowest, most := d.scale.Greatest(c.Max, c.Width)
	if most <= 0 {
		return
	}
	row := d.row()
	for i, v := range slowest {
		if v >= 0 {
			row.set(i, d.level(float64(v)/float64(most)), dim)
		}
	}
	row.print("slowest", plain)
	d.peaks = append(d.peaks, fmt.Sprintf("slowest answer %s", time.Duration(most).Round(10*time.Microsecond)))
}

// level is the shape of a part of the greatest, which is never that of nothing.
func (d *drawing) level(part float64) rune {
	top := len(d.levels) - 1
	return d.levels[min(max(int(math.Ceil(part*float64(top))), 1), top)]
}

// operationsOn returns the operations on a key that a picture shows, in order, and the
// first of its windows that shows one.
func operationsOn(p *picture.Picture, key string) (ops []picture.Operation, in picture.Span, err error) {
	var keys []string
	seen := make(map[uint64]bool)
	for i := range p.Windows {
		w := &p.Windows[i]
		for _, o := range w.Operations {
			if o.Key != key && columns.Line(o.Key) != key {
				keys = append(keys, columns.Line(o.Key))
				continue
			}
			if len(ops) == 0 {
				in = w.Span
			}
			if !seen[o.Seq] {
				seen[o.Seq] = true
				ops = append(ops, o)
			}
		}
	}
	if len(ops) > 0 {
		slices.SortFunc(ops, func(a, b picture.Operation) int { return int(a.From - b.From) })
		return ops, in, nil
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(keys) == 0 {
		return nil, in, errors.New("--key: this picture has no operation one by one: they are drawn around the first violation of each rule, and there is none")
	}
	hint := text.DidYouMean(key, keys)
	if len(keys) > 12 {
		keys = append(keys[:12], "…")
	}
	return nil, in, fmt.Errorf("--key %q: no operation on it is near a violation%s: there are some on %s", text.Shorten(key, text.Token), hint, strings.Join(keys, ", "))
}

// Bounds of what is drawn and listed of operations.
const (
	maxClients = 40
	maxListed  = 60
)

// operations draws operations as bars, a row for each client, and lists them.
func (d *drawing) operations(ops []picture.Operation) {
	rows := make(map[int]*row)
	var order []int
	var drawn []*picture.Operation
	left := 0
	for i := range ops {
		o := &ops[i]
		first, end, within := d.scale.Span(o.Span)
		if !within {
			continue
		}
		r := rows[o.Client]
		if r == nil {
			if len(rows) == maxClients {
				left++
				continue
			}
			r = d.row()
			rows[o.Client] = r
			order = append(order, o.Client)
		}
		r.stretch(first, end, d.lookOf(o))
		drawn = append(drawn, o)
	}
	if d.o.Key == "" {
		return
	}
	d.out.WriteString("\n")
	d.print(plain, 2, "operations on "+d.words(d.o.Key)+":")
	for _, o := range drawn { // where bars leave room
		_, end, _ := d.scale.Span(o.Span)
		if label := d.asked(o); rows[o.Client].free(end, end+1+text.Columns(label)) {
			rows[o.Client].put(end+1, label, d.lookOf(o).st)
		}
	}
	for _, client := range order {
		rows[client].print(fmt.Sprintf("client %d", client), plain)
	}
	if left > 0 {
		d.more(left)
	}
	d.list(drawn)
}

func (d *drawing) asked(o *picture.Operation) string {
	return d.words(o.Call) + d.answers + d.words(cmp.Or(o.Answer, o.Outcome))
}

func (d *drawing) lookOf(o *picture.Operation) bar {
	look := bar{d.open, d.close, d.line, green}
	switch {
	case o.Open:
		look.close, look.st = d.onward, red
	case o.Outcome != "ok":
		look.line, look.st = d.dash, yellow
	}
	return look
}

// list lists operations in words.
func (d *drawing) list(ops []*picture.Operation) {
	for i, o := range ops {
		if i == maxListed {
			d.print(dim, 2, fmt.Sprintf("  and %d more", len(ops)-i))
			return
		}
		end := columns.Moment(o.To)
		if o.Open {
			end = ""
		}
		who := fmt.Sprintf("client %d", o.Client)
		if o.Node != "" {
			who += " at " + d.words(o.Node)
		}
		d.print(plain, 14, fmt.Sprintf("  %10s to %-10s  %s: %s", columns.Moment(o.From), end, who, d.asked(o)))
	}
}
