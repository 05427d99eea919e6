package picture

import (
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// teller is who tells of roles. A picture believes one, the first of these that told of
// any: the traces of members, the wire, what members answer when they are asked.
type teller int

const (
	byTrace teller = iota
	byTap
	byClaim
	tellers
)

func (t teller) String() string {
	return string([tellers]history.Teller{history.ByTrace, history.ByTap, history.BySelf}[t])
}

// lane follows one member. What each teller says is kept apart.
type lane struct {
	name  string
	inc   uint64
	down  bool
	pause bool
	// frozen says that a fault has it stand still without a signal.
	frozen bool
	// leaves says that the harness takes it out of the membership.
	leaves bool
	ended  uint64        // its last process that has
	endAt  time.Duration // when that did
	told   [tellers]told
	deeds  [tellers]deeds // of processes in the first

	windows []*window
}

// told is what one teller says of a member.
type told struct {
	tells   bool // of any role
	role    Role // of its process
	term    uint64
	learner bool
	member  bool // by its own configuration
	outside bool // … it was, and is no more
	stays   []Stay
	grain   time.Duration // stays shorter than this have been folded
}

func newLane(name string, windows []*window) *lane { return &lane{name: name, windows: windows} }

// proc takes what happened to the member's process.
func (l *lane) proc(e *history.Event) {
	p := e.Proc
	switch {
	case p.What == history.ProcStart:
		l.starts(p.Inc)
	case p.What == history.ProcExit && p.Inc >= l.inc:
		l.inc, l.down, l.pause, l.frozen = p.Inc, true, false, false
		l.ended, l.endAt = p.Inc, e.At
	case p.Pauses():
		l.pause = true
	case p.Resumes():
		l.pause = false
	}
	l.look(e)
}

// starts begins another process, of which nothing is known yet.
func (l *lane) starts(inc uint64) {
	l.inc, l.down, l.pause, l.frozen = inc, false, false, false
	for t := range l.told {
		l.told[t] = told{tells: l.told[t].tells, member: l.told[t].member, role: Unknown, stays: l.told[t].stays, grain: l.told[t].grain}
	}
}

// late tells whether a process that has ended is told of.
func (l *lane) late(inc uint64) bool {
	return inc != 0 && (inc < l.inc || l.down && inc == l.inc)
}

func (l *lane) raft(e *history.Event) {
	defer l.look(e)
	r := e.Raft
	switch r.Source {
	case history.Harness:
		if r.What == history.RaftConfig {
			l.leaves = r.Inc == 0 && !slices.Contains(r.Voters, l.name)
		}
	case history.Trace:
		if l.late(r.Inc) {
			return
		}
		if r.Inc > l.inc {
			l.starts(r.Inc)
		}
		l.told[byTrace].trace(l.name, r)
	case history.Tap:
		if r.Stage == history.Delivered || r.Stage == history.Dropped || l.down {
			return
		}
		l.told[byTap].tap(r)
	}
}

// trace takes what the member itself tells.
func (t *told) trace(name string, r *history.Raft) {
	switch r.What {
	case history.RaftStart:
		t.role, t.term = Unknown, r.Term
	case history.RaftFollower:
		t.is(Follower, r.Term)
	case history.RaftCandidate:
		t.is(Candidate, r.Term)
	case history.RaftLeader:
		t.is(Leader, r.Term)
	case history.RaftConfig:
		t.learner = slices.Contains(r.Learners, name)
		in := t.learner || slices.Contains(r.Voters, name) || slices.Contains(r.Outgoing, name)
		t.outside = t.member && !in || t.outside && !in
		t.member = in
	}
}

// tap takes what the member sent. Who grants another its vote, or takes its entries,
// follows in that term.
func (t *told) tap(r *history.Raft) {
	if r.Term < t.term {
		return
	}
	switch r.What {
	case history.RaftCandidate:
		t.is(Candidate, r.Term)
	case history.RaftLeader:
		t.is(Leader, r.Term)
	case history.RaftFollower, history.RaftAck:
		t.is(Follower, r.Term)
	case history.RaftVote:
		if r.Peer != r.Node && (r.Granted || r.Term > t.term) {
			t.is(Follower, r.Term)
		}
	}
}

func (t *told) is(role Role, term uint64) { t.tells, t.role, t.term = true, role, term }

// claim takes what the member answers. One that is asked before its process ended is
// quoted after.
func (l *lane) claim(e *history.Event) {
	defer l.look(e)
	c := e.Claim
	if c.Role == "" || l.late(c.Inc) {
		return
	}
	role := Role(c.Role)
	switch role {
	case Follower, Candidate, Leader, Learner:
	default:
		role = Unknown
	}
	l.told[byClaim].is(role, c.Term)
}

// untraced notes that nothing more of the member's trace can be read.
func (l *lane) untraced(e *history.Event) {
	l.told[byTrace].role = Unknown
	l.look(e)
}

// look notes what the member is, by each teller, if it is something else than before.
func (l *lane) look(e *history.Event) {
	for i := range l.told {
		t := &l.told[i]
		s := Stay{Span: Span{From: e.At}, Role: l.role(t), Inc: l.inc, Seq: e.Seq}
		switch s.Role {
		case Down, Removed:
		case Unknown, Paused:
			s.Term = t.term
		default:
			s.Term, s.By = t.term, teller(i).String()
		}
		if t.stay(s); len(t.stays) > maxStays {
			t.fold(l.windows)
		}
	}
}

// freezes notes that the member stands still, or goes on. Who is killed meanwhile does not
// stand any more.
func (l *lane) freezes(e *history.Event) {
	if l.frozen = e.Fault.What == history.FaultInject && !l.down; l.frozen || e.Fault.What == history.FaultHeal || e.Fault.What == history.FaultSkipped {
		l.look(e)
	}
}

// remains takes it back that the member leaves: nobody was removed.
func (l *lane) remains(e *history.Event) {
	if l.leaves {
		l.leaves = false
		l.look(e)
	}
}

// role is what the member is by what one teller says.
func (l *lane) role(t *told) Role {
	switch {
	case l.down && l.leaves, t.outside:
		return Removed
	case l.down:
		return Down
	case l.pause, l.frozen:
		return Paused
	case t.role == Follower && t.learner:
		return Learner
	case t.role == "":
		return Unknown
	}
	return t.role
}

// stay adds a stay, unless it goes on.
func (t *told) stay(s Stay) {
	n := len(t.stays)
	if n > 0 {
		last := &t.stays[n-1]
		if last.Role == s.Role && last.Term == s.Term && last.Inc == s.Inc && last.By == s.By {
			return
		}
		s.From = max(s.From, last.From)
		last.To = s.From
		if last.From == last.To { // it lasted no time
			t.stays = t.stays[:n-1]
		}
	}
	t.stays = append(t.stays, s)
}

// drawLanes draws the lanes, and when nobody led.
func (m *maker) drawLanes() {
	by := tellers
	for _, l := range m.lanes {
		for t := range tellers {
			if l.told[t].tells {
				by = min(by, t)
			}
		}
	}
	if by == tellers {
		m.lack("nothing in the history tells of elections: no trace, no decoded message, no answer of a member")
		by = byTrace
	} else if by == byClaim {
		m.lack("roles and terms are what members said of themselves: neither traces nor the wire tell of elections")
	}
	m.p.Lanes = make([]Lane, 0, len(m.lanes))
	for _, l := range m.lanes {
		t := &l.told[by]
		if n := len(t.stays); n > 0 {
			t.stays[n-1].To = m.end
			if t.stays[n-1].From == m.end {
				t.stays = t.stays[:n-1]
			}
		}
		lane := Lane{Member: brief(l.name, aWord), Stays: t.stays}
		if lane.Stays == nil {
			lane.Stays = []Stay{}
		}
		lane.Deeds, lane.Folded = l.done(by)
		m.p.Lanes = append(m.p.Lanes, lane)
	}
	m.p.Leaderless = m.leaderless()
}

// leaderless returns when no lane shows a leader, from the first event of a member until
// members are stopped; nothing if no lane shows any role.
func (m *maker) leaderless() []Span {
	from, to := time.Duration(-1), m.end
	if m.stop > 0 {
		to = m.stop
	}
	tells := false
	var led []Span
	for _, l := range m.p.Lanes {
		for i, s := range l.Stays {
			if i == 0 && (from < 0 || s.From < from) {
				from = s.From
			}
			tells = tells || s.By != ""
			if s.Role == Leader {
				led = append(led, s.Span)
			}
		}
	}
	gaps := []Span{}
	if !tells || from >= to {
		return gaps
	}
	for _, s := range merged(led) {
		if s.From > from {
			gaps = append(gaps, Span{from, min(s.From, to)})
		}
		if from = max(from, s.To); from >= to {
			return gaps
		}
	}
	return append(gaps, Span{from, to})
}

// merged returns spans in order, those that touch as one.
func merged(spans []Span) []Span {
	slices.SortStableFunc(spans, func(a, b Span) int { return int(a.From - b.From) })
	out := []Span{}
	for _, s := range spans {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// laneOf returns the member whose lane shows an event, "" for none.
func laneOf(e *history.Event) string {
	switch {
	case e.Raft != nil:
		return strings.Clone(e.Raft.Node)
	case e.Proc != nil:
		return strings.Clone(e.Proc.Node)
	case e.Claim != nil:
		return strings.Clone(e.Claim.Node)
	case e.State != nil:
		return strings.Clone(e.State.Node)
	case e.Run != nil:
		return strings.Clone(e.Run.Node)
	}
	return ""
}
