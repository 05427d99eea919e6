package still

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/picture"
)

// roles are those that have shapes, in the order of the legend.
func roles() []picture.Role {
	return []picture.Role{picture.Leader, picture.Candidate, picture.Follower, picture.Learner, picture.Unknown, picture.Down, picture.Paused, picture.Removed}
}

// lanes draws what each member was: one path a role, which is what keeps it small.
func (s *still) lanes() {
	top := s.y
	for i := range s.p.Lanes {
		if i == s.f.lanes {
			s.y += lineHeight
			s.text("q", margin, s.y-4, width-2*margin, "and "+count.Many(len(s.p.Lanes)-i, "more member"))
			break
		}
		s.lane(&s.p.Lanes[i])
	}
	s.shade(top, s.p.Leaderless)
	s.y += 6
}

func (s *still) lane(l *picture.Lane) {
	middle := s.y + laneHeight/2
	s.text("", margin, middle+4, nameWidth-8, l.Member)
	stays := s.scale.Lane(l)
	paths := make(map[picture.Role]*strings.Builder)
	var labels []func()
	for c := 0; c < len(stays); {
		first, stay := c, stays[c]
		for c++; c < len(stays) && same(stay, stays[c]); c++ {
		}
		if stay == nil {
			continue
		}
		role := known(stay.Role)
		if paths[role] == nil {
			paths[role] = &strings.Builder{}
		}
		from, to := s.x(first), s.x(c)
		fmt.Fprintf(paths[role], "M%s %dH%s", number(from), middle, number(to))
		term := strconv.FormatUint(stay.Term, 10)
		if role == picture.Leader && stay.Term > 0 && to-from > float64(8*len(term)+6) && len(labels) < 40 {
			labels = append(labels, func() { s.text("on", from+4, middle+4, 100, term) })
		}
	}
	for _, role := range roles() {
		if path := paths[role]; path != nil {
			fmt.Fprintf(&s.b, `<path class="%s" d="%s"/>`+"\n", role, path)
		}
	}
	for _, label := range labels {
		label()
	}
	s.strains(l, middle+9)
	s.y += laneHeight
}

// strains underlines when faults of its machine or its files were in force at a member.
func (s *still) strains(l *picture.Lane, y int) {
	var path strings.Builder
	for _, span := range l.Strained() {
		if first, end, within := s.scale.Span(span); within {
			fmt.Fprintf(&path, "M%s %dH%s", number(s.x(first)), y, number(s.x(end)))
		}
	}
	if path.Len() > 0 {
		fmt.Fprintf(&s.b, `<path class="strain" d="%s"/>`+"\n", path.String())
	}
}

// same tells whether two stays are drawn as one.
func same(a, b *picture.Stay) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Role == b.Role && (a.Term == b.Term || a.Role != picture.Leader)
}

// known returns a role that has a shape.
func known(r picture.Role) picture.Role {
	for _, k := range roles() {
		if r == k {
			return r
		}
	}
	return picture.Unknown
}

// shade darkens columns, from a height down to where the next part begins.
func (s *still) shade(top int, spans []picture.Span) {
	in := s.scale.Within(spans)
	var path strings.Builder
	for c := 0; c < len(in); {
		first := c
		for c++; c < len(in) && in[c] == in[first]; c++ {
		}
		if in[first] {
			fmt.Fprintf(&path, "M%s %dH%sV%dH%sZ", number(s.x(first)), top, number(s.x(c)), s.y, number(s.x(first)))
		}
	}
	if path.Len() > 0 {
		fmt.Fprintf(&s.b, `<path class="gap" stroke="none" style="stroke:none" d="%s"/>`+"\n", path.String())
	}
}

// legend says what the shapes mean that are drawn.
func (s *still) legend() {
	used := make(map[picture.Role]bool)
	for i := range s.p.Lanes {
		for k := range s.p.Lanes[i].Stays {
			used[known(s.p.Lanes[i].Stays[k].Role)] = true
		}
	}
	s.y += lineHeight
	x := margin + nameWidth
	say := func(shape func(x, y int) string, words string) {
		room := 32 + 7*len(words)
		if x+room > width-margin {
			x, s.y = margin+nameWidth, s.y+lineHeight
		}
		s.b.WriteString(shape(x, s.y))
		s.text("q", float64(x+32), s.y, 200, words)
		x += room + 10
	}
	stroke := func(class string) func(x, y int) string {
		return func(x, y int) string { return fmt.Sprintf(`<path class="%s" d="M%d %dh26"/>`, class, x, y-4) }
	}
	for _, r := range roles() {
		if !used[r] {
			continue
		}
		words := string(r)
		switch r {
		case picture.Leader:
			words = "leader of the term"
		case picture.Unknown:
			words = "up, role unknown"
		}
		say(stroke(string(r)), words)
	}
	if slices.ContainsFunc(s.p.Lanes, func(l picture.Lane) bool { return len(l.Strains) > 0 }) {
		say(stroke("strain"), "fault of machine or disk")
	}
	if len(s.p.Leaderless) > 0 {
		say(func(x, y int) string {
			return fmt.Sprintf(`<rect class="gap" x="%d" y="%d" width="26" height="12"/>`, x, y-10)
		}, "no leader")
	}
}
