package nemesis

import "slices"

// bound tells whether messages of a class, "" for any, may be neither lost nor doubled nor
// overtaken.
func (g *generator) bound(class string) bool {
	if class == "" {
		return len(g.Bound) > 0
	}
	return slices.Contains(g.Bound, class)
}

// substitute is a step in place of one that the network cannot carry out, since the
// messages that it is about are bound to their stream: of a stream a message is lost by
// losing the connection, and is late together with all behind it. Which of the two comes
// about is not known, nor whether any traffic comes by.
func (g *generator) substitute(s Step) Step {
	t, ok := s.Fault.(Traffic)
	if !ok || !g.bound(t.Class) {
		return s
	}
	switch t.Action {
	case "drop":
		s.Fault, s.For = Traffic{Action: "reset", From: t.From, To: t.To, Both: t.Both}, 0
	case "hold", "duplicate", "reorder":
		late := min(s.For/2, g.Election)
		if t.Action != "hold" {
			late = g.Election / 3
		}
		t.Action, t.Delay, t.Jitter = "delay", g.round(late), g.round(late/2)
		s.Fault = t
	default:
		return s
	}
	s.Optional = true
	return s
}
