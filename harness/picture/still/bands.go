package still

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/text"
)

// bands draws faults, each with its name in it or beside it, in as many rows as need be
// and are allowed.
func (s *still) bands() {
	ends := []float64{} // of each row, where it is free from
	top, left := s.y, 0
	for i := range s.p.Bands {
		b := &s.p.Bands[i]
		first, end, within := s.scale.Span(b.Span)
		if !within {
			continue
		}
		from, to := s.x(first), s.x(end)
		label := cut(named(b), 40)
		room := float64(text.Columns(label))*charWidth + 8
		until, at := to, from+4
		switch {
		case room <= to-from: // within
		case to+room <= width-margin:
			at, until = to+4, to+room
		default: // leftwards, over what is free
			at = from - room + 4
		}
		row := 0
		for row < len(ends) && ends[row] > min(from, at)-2 {
			row++
		}
		if row >= s.f.bandRows {
			left++
			continue
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = until
		y := top + row*bandHeight
		class := "fault"
		if b.Outcome != picture.Bit {
			class = "mild"
		}
		fmt.Fprintf(&s.b, `<rect class="%s" x="%s" y="%d" width="%s" height="%d" rx="2"/>`+"\n", class, number(from), y+2, number(max(to-from, 2)), bandHeight-4)
		s.text("", at, y+13, int(room)+8, label)
	}
	if len(ends) == 0 && left == 0 {
		return
	}
	s.text("", margin, top+13, nameWidth-8, "faults")
	s.y += len(ends)*bandHeight + 4
	if left > 0 {
		s.text("q", margin+nameWidth, s.y+10, plotWidth, fmt.Sprintf("and %d more, for which there is no room", left))
		s.y += lineHeight
	}
}

// named is what a fault is called, and what became of it unless it bit.
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

// rates draws how many operations a second were answered, and marks what failed or has
// no known outcome.
func (s *still) rates() {
	c := &s.p.Clients
	rate, most := s.scale.Rate(c.OK, c.Width)
	if most == 0 {
		return
	}
	s.text("", margin, s.y+14, nameWidth-8, "ok/s")
	s.text("q", margin, s.y+30, nameWidth-8, fmt.Sprintf("max %.0f", most))
	bottom := s.y + rateHeight - 10
	var path strings.Builder
	fmt.Fprintf(&path, "M%s %d", number(s.x(0)), bottom)
	for i, v := range rate {
		y := float64(bottom) - v/most*float64(rateHeight-14)
		fmt.Fprintf(&path, "V%sH%s", number(y), number(s.x(i+1)))
	}
	fmt.Fprintf(&s.b, `<path class="ok" d="%sV%dZ"/>`+"\n", path.String(), bottom)
	var marks strings.Builder
	fail, _ := s.scale.Rate(c.Fail, c.Width)
	info, _ := s.scale.Rate(c.Info, c.Width)
	for i := range fail {
		if fail[i]+info[i] > 0 {
			fmt.Fprintf(&marks, "M%s %dv6", number((s.x(i)+s.x(i+1))/2), bottom+2)
		}
	}
	if marks.Len() > 0 {
		fmt.Fprintf(&s.b, `<path class="no" d="%s"/>`+"\n", marks.String())
		s.text("q", margin, s.y+46, nameWidth-8, "failed, open")
	}
	s.y += rateHeight
}

// proof marks the events of the first violation, through all that is above.
func (s *still) proof(top int) {
	if len(s.p.Proofs) == 0 {
		return
	}
	events := s.p.Proofs[0].Events
	events = events[:min(len(events), 16)]
	group := 0 // the first of those whose numbers would be over each other
	place := 0.0
	say := func(end int) {
		label := fmt.Sprint(group + 1)
		if end > group+1 {
			label += fmt.Sprint("–", end)
		}
		s.text("bad k", place, s.y+10, 60, label)
	}
	for i, e := range events {
		c := min(max(s.scale.At(e.At), 0), s.scale.Columns-1)
		x := (s.x(c) + s.x(c+1)) / 2
		fmt.Fprintf(&s.b, `<path class="at" d="M%s %dV%d"/>`+"\n", number(x), top+14, s.y)
		switch {
		case i == 0:
			place = x
		case x-place > 24 || x < place:
			say(i)
			group, place = i, x
		}
	}
	if len(events) > 0 {
		say(len(events))
	}
	s.y += 12
}
