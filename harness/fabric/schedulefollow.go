package fabric

// follower knows where in its schedule a run is. It decides only: it has no
// clock, and whoever owns it locks it.
//
// A delivery may happen when all that stands before it in the schedule has
// happened or is given up. A send happens when it happens.
type follower struct {
	schedule Schedule
	at       map[Moment]int // where a moment stands
	past     []bool         // happened, or given up
	head     int            // the first that is not past
	progress Followed
}

// newFollower follows s; opens is that of an Identifier.
func newFollower(s Schedule, opens func(class string) bool) *follower {
	s = s.heeded(opens)
	f := &follower{schedule: s, at: make(map[Moment]int, len(s)), past: make([]bool, len(s))}
	for i, m := range s {
		if _, twice := f.at[m]; twice {
			f.past[i] = true // names are unique in what a fabric records
			continue
		}
		f.at[m] = i
		if m.Stage == Delivered {
			f.progress.Deliveries++
		}
	}
	f.advance()
	return f
}

// heeded moves every delivery behind what its receiver did before it heeded it. A
// fabric sees when it hands a frame over, not when it is taken up; but whoever
// opens a term has heeded nothing of that term, or of a later one, whatever had
// been handed to it. Two who stand at once would otherwise come out as one who
// stands, and another who hears of it.
func (s Schedule) heeded(opens func(class string) bool) Schedule {
	out := make(Schedule, 0, len(s))
	opened := make(map[series]uint64)
	for _, m := range s {
		out = append(out, m)
		if m.Stage != Sent || !opens(m.ID.Class) {
			continue
		}
		by := series{link: Link{From: m.Link.From}, class: m.ID.Class}
		if opened[by] >= m.ID.Term {
			continue // it has sent others of these
		}
		opened[by] = m.ID.Term
		// What came too early is among out; it goes behind m.
		kept, late := out[:0], Schedule(nil)
		for _, e := range out {
			if e.Stage == Delivered && e.Link.To == m.Link.From && e.ID.Term >= m.ID.Term {
				late = append(late, e)
			} else {
				kept = append(kept, e)
			}
		}
		out = append(kept, late...)
	}
	return out
}

// done tells whether nothing of the schedule is left.
func (f *follower) done() bool { return f.head == len(f.schedule) }

// expects tells whether the moment is in the schedule and still to come.
func (f *follower) expects(m Moment) bool {
	i, known := f.at[m]
	return known && !f.past[i]
}

// may tells whether a delivery may happen now. One that is not in the schedule
// has to let those go first that rival it there: frames of the same class and
// term from other members.
func (f *follower) may(m Moment) bool {
	if i, known := f.at[m]; known {
		return f.past[i] || i == f.head
	}
	for i := f.head; i < len(f.schedule); i++ {
		if r := f.schedule[i]; !f.past[i] && r.Stage == Delivered && r.ID.Class == m.ID.Class && r.ID.Term == m.ID.Term && r.Link.From != m.Link.From {
			return false
		}
	}
	return true
}

// happened takes note of a moment and tells whether it was a delivery in its
// turn.
func (f *follower) happened(m Moment) (kept bool) {
	if !f.expects(m) {
		return false
	}
	i := f.at[m]
	kept = m.Stage == Delivered && i == f.head
	if kept {
		f.progress.Kept++
	}
	f.past[i] = true
	f.advance()
	return kept
}

// lost takes note that a delivery will never happen.
func (f *follower) lost(m Moment) {
	if f.expects(m) {
		f.past[f.at[m]] = true
		f.advance()
	}
}

// overdue gives up what a delivery has waited for in vain.
func (f *follower) overdue(m Moment) {
	if f.done() {
		return
	}
	if f.progress.Diverged == nil {
		f.progress.Diverged = &Divergence{Frame: m, Missed: f.schedule[f.head]}
	}
	if !f.expects(m) {
		return
	}
	for i := f.head; i < f.at[m]; i++ {
		f.past[i] = true
	}
	f.advance()
}

func (f *follower) advance() {
	for f.head < len(f.schedule) && f.past[f.head] {
		f.head++
	}
}
