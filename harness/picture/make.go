package picture

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Source is a run to draw: its events, and what they do not tell.
type Source struct {
	Title    string
	Command  string
	Commands []Command
	Versions []string
	// Report is what checkers found in the history: it says where the windows are. The
	// zero Report is that of a history that nobody has judged yet.
	Report checker.Report
	// Length is about how long the run is, for the width of what is drawn by columns.
	// 0: as long as Report says.
	Length  time.Duration
	Batches iter.Seq2[*history.Batch, error]
	// Cut tells, once Batches has ended, whether the last line of the history was cut
	// short. Nil: it was not.
	Cut     func() bool
	Plan    string   // as executed
	Missing []string // what cannot be shown and why, as far as it is known before
}

// Make reads a history, once, and draws it. What it keeps does not grow with the number
// of events, but for that of columns, and of what clients have under way. An error is
// one of the history: the picture is then of the events before it, and says so.
func Make(s Source) (Picture, error) {
	m := newMaker(&s)
	var broken error
	for b, err := range s.Batches {
		if err != nil {
			broken = err
			break
		}
		for _, e := range b.Events {
			m.event(e)
		}
		b.Release()
	}
	if m.broken = broken != nil; m.broken {
		m.lack("the history cannot be read to its end: it is drawn up to " + seconds(m.end) + ": " + broken.Error())
	}
	return m.finish(&s), broken
}

// maker makes one picture.
type maker struct {
	p     Picture
	end   time.Duration
	ended bool // the history has its last event
	// broken says that the history could not be read to its end.
	broken bool

	lanes    []*lane
	byName   map[string]*lane
	untold   int // events of members beyond those that have lanes
	grouped  int // events of other Rafts than the main one
	faults   faults
	clients  clients
	windows  []*window
	messages messages
	unreads  int           // traces and connections that could not be read on
	grain    time.Duration // stalls within one stretch of this length are one; 0: none was joined
	stop     time.Duration // when members were stopped; 0: not yet
	began    bool
}

// Bounds of what a history may have any number of.
const (
	maxLanes   = 64 // of their own
	maxPhases  = 200
	maxStalls  = 2000
	maxUnreads = 20 // that are told one by one
)

func newMaker(s *Source) *maker {
	m := &maker{byName: make(map[string]*lane)}
	m.p = Picture{
		Format: Format, Title: brief(s.Title, aLine), Command: brief(s.Command, aText), Commands: s.Commands,
		Report: trimmed(s.Report), Plan: long(s.Plan), Phases: []Mark{}, Stalls: []Span{},
	}
	for _, v := range s.Versions {
		m.p.Versions = append(m.p.Versions, brief(v, aLine))
	}
	for _, what := range s.Missing {
		m.lack(what)
	}
	m.windows = windowsOf(&s.Report)
	length := s.Length
	if length == 0 {
		length = s.Report.Run.Length
	}
	m.clients = newClients(length, m.windows)
	return m
}

// Lack notes what cannot be shown, and why.
func (p *Picture) Lack(what string) { p.Missing = append(p.Missing, brief(what, aText)) }

func (m *maker) lack(what string) { m.p.Lack(what) }

// unread notes a trace, or a connection, of which no more is known.
func (m *maker) unread(what string) {
	if m.unreads++; m.unreads <= maxUnreads {
		m.lack(what)
	}
}

// joinStalls makes one of the stalls in one short stretch of the run, until half of them
// are left.
func (m *maker) joinStalls() {
	m.p.Stalls = merged(m.p.Stalls)
	for m.grain = max(10*time.Millisecond, m.grain); ; m.grain *= 2 {
		out := m.p.Stalls[:1]
		for _, s := range m.p.Stalls[1:] {
			if last := &out[len(out)-1]; last.From/m.grain == (s.To-1)/m.grain {
				last.To = s.To
				continue
			}
			out = append(out, s)
		}
		if m.p.Stalls = out; len(out) <= maxStalls/2 {
			return
		}
	}
}

func (m *maker) event(e *history.Event) {
	m.end = max(m.end, e.At)
	switch {
	case e.Op != nil:
		m.clients.op(e)
	case e.Raft != nil:
		m.raft(e)
	case e.Claim != nil:
		if l := m.lane(e.Claim.Node); l != nil {
			l.claim(e)
		}
	case e.Proc != nil:
		if l := m.lane(e.Proc.Node); l != nil {
			l.proc(e)
			m.deed(l, e)
		}
	case e.Fault != nil:
		m.fault(e)
	case e.Run != nil:
		m.run(e)
	}
}

func (m *maker) fault(e *history.Event) {
	m.faults.take(e)
	f := e.Fault
	if f.Freezes() {
		for _, n := range f.Nodes {
			if l := m.byName[n]; l != nil {
				l.freezes(e)
			}
		}
	}
	if kind := kindOf(cmp.Or(f.Resolved, f.Text)); f.What == history.FaultSkipped && (kind == "remove" || kind == "replace") {
		for _, n := range f.Nodes {
			if l := m.byName[n]; l != nil {
				l.remains(e)
			}
		}
	}
}

func (m *maker) raft(e *history.Event) {
	if e.Raft.Group != "" { // whose terms and roles mean nothing in the main one
		m.grouped++
		return
	}
	switch e.Raft.What {
	case history.RaftMessage:
		m.message(e)
		return
	case history.RaftAppend, history.RaftCommit, history.RaftApply: // most of them, and nothing that is drawn
		return
	}
	l := m.lane(e.Raft.Node)
	if l == nil {
		return
	}
	l.raft(e)
	m.deed(l, e)
}

// lane returns the lane of a member, a new one if need be; nil if there are too many.
func (m *maker) lane(name string) *lane {
	if l := m.byName[name]; l != nil {
		return l
	}
	if name == "" { // nobody knows whose it is
		return nil
	}
	if len(m.lanes) >= maxLanes {
		m.untold++
		return nil
	}
	name = strings.Clone(name)
	l := newLane(name, m.windows)
	m.lanes, m.byName[name] = append(m.lanes, l), l
	return l
}

func (m *maker) run(e *history.Event) {
	r := e.Run
	switch r.What {
	case history.RunBegin:
		m.began = true
		m.p.Election = max(r.Election, 0)
		for _, n := range r.Nodes {
			m.lane(n)
		}
	case history.RunPhase:
		if len(m.p.Phases) < maxPhases {
			m.p.Phases = append(m.p.Phases, Mark{At: e.At, Text: brief(r.Phase, aWord)})
		}
		if r.Phase == history.PhaseStop {
			m.stop = e.At
		}
	case history.RunStall:
		m.p.Stalls = append(m.p.Stalls, Span{From: max(0, e.At-max(0, r.Stall)), To: e.At})
		if len(m.p.Stalls) > maxStalls {
			m.joinStalls()
		}
	case history.RunLog:
		if l := m.byName[r.Node]; l != nil {
			m.deed(l, e)
		}
	case history.RunUntrace:
		if l := m.byName[r.Node]; l != nil {
			l.untraced(e)
		}
		m.unread("the trace of " + r.Node + " could not be read from " + seconds(e.At) + " on: " + r.Text)
	case history.RunUntap:
		m.unread("from " + seconds(e.At) + " on a connection could not be decoded: " + r.Text)
	case history.RunMessages:
		m.messages.tells = true
		if r.Left > 0 {
			m.lack(fmt.Sprintf("of %s of elections the history tells of %d: the others are not shown", count.Many(r.Messages+r.Left, "message"), r.Messages))
		}
	case history.RunEnd:
		m.ended = true
	}
}

// finish makes the picture of what was seen.
func (m *maker) finish(s *Source) Picture {
	p := &m.p
	p.End = m.end
	cut := s.Cut != nil && s.Cut()
	switch {
	case m.broken: // which says more
	case cut:
		m.lack("the last line of the history was cut short: it is drawn up to the one before it, at " + seconds(m.end))
	case !m.ended:
		m.lack("the history has no end: the run was cut short, or is under way, and is drawn up to " + seconds(m.end))
	}
	if more := m.unreads - maxUnreads; more > 0 {
		m.lack("and " + count.Many(more, "other") + " like these: a trace or a connection that could not be read on")
	}
	if m.grain > 0 {
		m.lack("stalls of the harness within the same " + m.grain.String() + " are drawn as one")
	}
	m.drawLanes()
	p.Bands, p.Cuts = m.faults.finish(m)
	strain(p.Lanes, m.faults.bands)
	p.Stalls = merged(p.Stalls)
	m.clients.finish(m)
	m.finishMessages()
	p.Proofs = proofsOf(&s.Report, p.Lanes, m.windows)
	p.Windows = make([]Window, 0, len(m.windows))
	for _, w := range m.windows {
		p.Windows = append(p.Windows, w.finish(m.end))
	}
	if m.grouped > 0 {
		m.lack("members are of several Rafts at a time: of the main one alone roles, votes and messages are drawn")
	}
	if m.untold > 0 {
		m.lack("members beyond the first 64 have no lane")
	}
	return *p
}
