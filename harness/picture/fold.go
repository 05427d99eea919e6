package picture

import (
	"time"
)

// maxStays is how many stays a lane has by each teller, before those that last no longer
// than an eye can tell are folded.
const maxStays = 1000

// fold makes one of stays that follow each other outside the windows and are short: it
// is that of them which an eye would miss most. It goes on until half of them are left,
// or none is short.
func (t *told) fold(windows []*window) {
	t.grain = max(t.grain, 10*time.Millisecond)
	for t.merge(windows); len(t.stays) > maxStays/2 && t.grain < 24*time.Hour; t.merge(windows) {
		t.grain *= 2
	}
}

// merge makes one stay of those that lie in one stretch of the run as long as the grain.
func (t *told) merge(windows []*window) {
	out := t.stays[:0]
	for i, s := range t.stays {
		n := len(out)
		// the last is not over
		if n == 0 || i == len(t.stays)-1 || out[n-1].From/t.grain != (s.To-1)/t.grain || exact(windows, out[n-1].From, s.To) {
			out = append(out, s)
			continue
		}
		out[n-1] = folded(out[n-1], s)
	}
	t.stays = out
}

// folded is two stays as one.
func folded(a, b Stay) Stay {
	out := a
	if rank(b.Role) > rank(a.Role) || b.Role == a.Role && b.Term > a.Term {
		out = b
	}
	out.Span = Span{a.From, b.To}
	out.Folded = a.Folded + b.Folded + 1
	return out
}

// rank is how much a role is missed where it is not shown.
func rank(r Role) int {
	switch r {
	case Leader:
		return 5
	case Candidate:
		return 4
	case Down, Removed:
		return 3
	case Paused:
		return 2
	}
	return 1
}

// exact tells whether a stretch of time is in a window, also in part.
func exact(windows []*window, from, to time.Duration) bool {
	for _, w := range windows {
		if from < w.To && to > w.From {
			return true
		}
	}
	return false
}
