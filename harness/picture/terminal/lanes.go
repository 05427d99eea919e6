package terminal

import (
	"strconv"

	"github.com/usurper/usurper/harness/picture"
)

// lanes draws what each member was, with its term where another begins.
func (d *drawing) lanes() {
	d.roles, d.strained = make(map[picture.Role]bool), make(map[rune]bool)
	for i := range d.p.Lanes {
		l := &d.p.Lanes[i]
		row := d.row()
		stays, strained := d.scale.Lane(l), d.scale.Within(l.Strained())
		for c, s := range stays {
			if s == nil {
				continue
			}
			role := known(s.Role)
			if shape, goesOn := d.glyphs.strains[role]; goesOn && strained[c] {
				row.set(c, shape, styleOf(role))
				d.strained[shape] = true
				continue
			}
			d.roles[role] = true
			row.set(c, d.glyphs.roles[role], styleOf(role))
		}
		d.terms(row, stays)
		row.print(d.words(l.Member), plain)
	}
}

// known returns a role that has a shape.
func known(r picture.Role) picture.Role {
	switch r {
	case picture.Leader, picture.Candidate, picture.Follower, picture.Learner, picture.Down, picture.Paused, picture.Removed:
		return r
	}
	return picture.Unknown
}

func styleOf(r picture.Role) style {
	switch r {
	case picture.Leader:
		return green
	case picture.Candidate:
		return yellow
	case picture.Down, picture.Removed:
		return red
	case picture.Paused:
		return magenta
	}
	return dim
}

// terms writes terms into a lane: at the beginning of each leadership, and where a member
// comes to another term, if there is room beside its shape.
func (d *drawing) terms(row *row, stays []*picture.Stay) {
	var said uint64
	for c := 0; c < len(stays); {
		first := c
		s := stays[c]
		for c < len(stays) && stays[c] != nil && s != nil && stays[c].Role == s.Role && stays[c].Term == s.Term {
			c++
		}
		if s == nil {
			c++
			continue
		}
		if s.Term == 0 || s.Term == said && s.Role != picture.Leader || s.Role == picture.Candidate {
			continue
		}
		label := strconv.FormatUint(s.Term, 10)
		if len(label)+2 > c-first {
			continue
		}
		row.put(first+1, label, styleOf(s.Role))
		said = s.Term
	}
}

// gaps shades when nobody was known to lead, and when the harness stalled.
func (d *drawing) gaps() {
	for _, g := range []struct {
		name  string
		spans []picture.Span
		shape rune
	}{{"no leader", d.p.Leaderless, d.shade}, {"stalls", d.p.Stalls, d.stall}} {
		row, drawn := d.row(), false
		for c, in := range d.scale.Within(g.spans) {
			if in {
				row.set(c, g.shape, dim)
				drawn = true
			}
		}
		if drawn {
			row.print(g.name, dim)
		}
	}
}
