// Package terminal draws a picture in characters: who led when, which faults were in
// force, how clients fared and where the proof lies, on one axis.
//
// Read terminal.go first. row.go holds a line of cells; lanes.go, faults.go, clients.go and
// proof.go each fill some.
package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
	"github.com/usurper/usurper/harness/text"
)

// Options say what is drawn, and how.
type Options struct {
	Width int  // of all lines, in columns; less than [Narrowest] is as much
	ASCII bool // nothing beyond ASCII, in texts neither
	Color bool // by the escapes that all terminals know; shapes tell all without it
	// From and To are the stretch that is drawn, since the start of the run. To of 0 is
	// its end. If both are 0 and there is a Key, it is the first window that shows one of
	// its operations, and the whole run otherwise.
	From, To time.Duration
	Key      string // draw the operations on it, too; "" for none
}

// Narrowest is the least width that a picture is drawn in.
const Narrowest = 60

// Write draws a picture, as lines that end with a line end. It refuses a stretch in which
// the run has nothing, and a key that no window of the picture shows.
func Write(w io.Writer, p *picture.Picture, o Options) error {
	o.Width = max(o.Width, Narrowest)
	var ops []picture.Operation
	if o.Key != "" {
		var window picture.Span
		var err error
		if ops, window, err = operationsOn(p, o.Key); err != nil {
			return err
		}
		if o.From == 0 && o.To == 0 {
			o.From, o.To = window.From, window.To
		}
	}
	part := o.From > 0 || o.To > 0 && o.To < p.End
	if o.To == 0 || o.To > p.End {
		o.To = p.End
	}
	if o.From < 0 || o.From >= o.To && p.End > 0 {
		return fmt.Errorf("nothing to draw from %s to %s: say a stretch of the run, which is %s long, such as --from 0s --to %s",
			o.From.Round(time.Millisecond), o.To.Round(time.Millisecond), p.End.Round(time.Millisecond), p.End.Round(time.Millisecond))
	}
	d := &drawing{p: p, o: o, part: part, glyphs: glyphsFor(o.ASCII)}
	d.head()
	if p.End > 0 {
		d.scale = columns.Scale{From: o.From, To: o.To, Columns: o.Width - gutter}
		d.axis()
		d.faults()
		d.gaps()
		d.proofMarks()
		d.lanes()
		d.rates()
		d.operations(ops)
		d.legend()
		d.elections()
	}
	d.proof()
	d.missing()
	_, err := io.WriteString(w, d.out.String())
	return err
}

// gutter is how many columns the names of rows have.
const gutter = 12

type drawing struct {
	p *picture.Picture
	o Options
	glyphs
	part  bool // not all of the run is drawn
	scale columns.Scale
	out   strings.Builder

	roles    map[picture.Role]bool // that are drawn
	strained map[rune]bool         // shapes of those under a strain that are
	notes    []string              // what else is
	peaks    []string              // what the greatest of a curve is
}

// glyphs are the shapes.
type glyphs struct {
	roles                               map[picture.Role]rune
	strains                             map[picture.Role]rune // of those that go on under a strain
	tick, open, close, both, line, dash rune
	onward, shade, stall                rune
	levels                              []rune // of a curve, from 0
	answers                             string // between what was asked and answered
}

func glyphsFor(ascii bool) glyphs {
	if ascii {
		return glyphs{
			roles: map[picture.Role]rune{picture.Leader: 'L', picture.Candidate: 'C', picture.Follower: '-', picture.Learner: 'o',
				picture.Unknown: '.', picture.Down: 'x', picture.Paused: '=', picture.Removed: 'r'},
			strains: strains('l', '~'),
			tick:    '|', open: '[', close: ']', both: '#', line: '=', dash: '-', onward: '>', shade: '#', stall: '!',
			levels: []rune(" 123456789"), answers: " -> ",
		}
	}
	return glyphs{
		roles: map[picture.Role]rune{picture.Leader: '█', picture.Candidate: '▲', picture.Follower: '─', picture.Learner: '╌',
			picture.Unknown: '·', picture.Down: '×', picture.Paused: '‖', picture.Removed: '○'},
		strains: strains('▓', '~'),
		tick:    '│', open: '┣', close: '┫', both: '┃', line: '━', dash: '┅', onward: '>', shade: '░', stall: '!',
		levels: []rune(" ▁▂▃▄▅▆▇█"), answers: " → ",
	}
}

func strains(leader, others rune) map[picture.Role]rune {
	return map[picture.Role]rune{picture.Leader: leader, picture.Follower: others, picture.Learner: others, picture.Unknown: others}
}

// words returns a text as it may be shown.
func (d *drawing) words(s string) string {
	const most = 4096 // bytes: what is beyond is never seen
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	s = columns.Line(s)
	if d.o.ASCII {
		return ascii(s)
	}
	return s
}

// print writes a line of text, wrapped, its further lines indented.
func (d *drawing) print(st style, indent int, s string) {
	for i, line := range strings.Split(text.Wrap(s, d.o.Width, indent), "\n") {
		line = d.shorten(line, d.o.Width)
		if i > 0 {
			d.out.WriteString("\n")
		}
		d.out.WriteString(d.paint(st, line))
	}
	d.out.WriteString("\n")
}

// shorten cuts a text to a number of columns.
func (d *drawing) shorten(s string, width int) string {
	if text.Columns(s) <= width {
		return s
	}
	if d.o.ASCII {
		return s[:max(width-1, 0)] + "~"
	}
	return text.Shorten(s, width)
}

func (d *drawing) head() {
	p := d.p
	verdict, st := strings.ToUpper(d.shorten(d.words(string(p.Report.Verdict)), 16)), plain
	switch p.Report.Verdict {
	case checker.Invalid:
		st = red
	case checker.Unknown:
		st = yellow
	case checker.Valid:
		st = green
	case "":
		verdict = "NOT JUDGED"
	}
	title := d.shorten(d.words(p.Title), d.o.Width-text.Columns(verdict)-2)
	d.out.WriteString(d.paint(bold, title) + "  " + d.paint(st, verdict) + "\n")
	if r := p.Report.Run; r.Events > 0 {
		d.print(plain, 2, d.words(r.String()))
	}
	if d.o.From > 0 || d.o.To < p.End {
		d.print(plain, 2, fmt.Sprintf("shown: %s to %s", columns.Moment(d.o.From), columns.Moment(d.o.To)))
	}
	if p.Report.Problem != "" {
		d.print(yellow, 2, "problem: "+d.words(p.Report.Problem))
	}
	d.out.WriteString("\n")
}

// missing says what the picture cannot show, and why.
func (d *drawing) missing() {
	for _, what := range d.p.Missing {
		d.print(yellow, 2, "missing: "+d.words(what))
	}
}

// axis draws the clock and the phases.
func (d *drawing) axis() {
	row := d.row()
	ticks, step := d.scale.Ticks(10)
	for _, t := range ticks {
		label := columns.Clock(t.At, step)
		if t.Column+1+len(label) <= d.scale.Columns {
			row.put(t.Column, string(d.tick)+label, dim)
		}
	}
	row.print("", dim)
	phases := d.row()
	drawn := false
	for i, m := range d.p.Phases {
		from := d.scale.At(m.At)
		if from >= d.scale.Columns || m.At < d.o.From && !(i+1 < len(d.p.Phases) && d.p.Phases[i+1].At > d.o.From) {
			continue
		}
		room := d.scale.Columns
		if i+1 < len(d.p.Phases) {
			room = min(room, d.scale.At(d.p.Phases[i+1].At))
		}
		from = max(from, 0)
		label := d.words(m.Text)
		if width := room - from - 1; width < text.Columns(label) {
			label = "" // half a word is none
		}
		phases.put(from, string(d.tick)+label, dim)
		drawn = true
	}
	if drawn {
		phases.print("phase", dim)
	}
}

// legend says what the shapes mean that were drawn.
func (d *drawing) legend() {
	var parts []string
	for _, r := range []picture.Role{picture.Leader, picture.Candidate, picture.Follower, picture.Learner, picture.Unknown, picture.Down, picture.Paused, picture.Removed} {
		if !d.roles[r] {
			continue
		}
		name := string(r)
		switch r {
		case picture.Leader:
			name = "leader of the term"
		case picture.Unknown:
			name = "up, role unknown"
		}
		parts = append(parts, string(d.glyphs.roles[r])+" "+name)
	}
	var strained []string
	for _, r := range []picture.Role{picture.Leader, picture.Follower} {
		if shape := d.glyphs.strains[r]; d.strained[shape] {
			strained = append(strained, string(shape))
		}
	}
	if strained != nil {
		parts = append(parts, strings.Join(strained, " ")+" under a fault of its machine or disk")
	}
	d.out.WriteString("\n")
	d.print(dim, 2, strings.Join(append(parts, d.notes...), "  "))
	if len(d.peaks) > 0 {
		d.print(dim, 2, strings.Join(d.peaks, "; "))
	}
}
