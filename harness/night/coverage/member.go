package coverage

import (
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// member is what the history has told of one member.
type member struct {
	inc    uint64 // its newest process
	gone   bool   // which has ended
	paused bool
	told   bool // anything of its part in the protocol

	term   uint64
	leads  uint64 // the term that it leads in its own eyes; 0 for none
	over   uint64 // the newest term in which its lead or candidacy is over
	stands uint64 // the term in which it stands; 0 for none
	stood  uint64 // the newest in which it has stood
	voted  uint64 // the newest in which it has voted for another

	last      uint64 // where its log ends
	placed    bool   // last is known
	own       uint64 // the last entry that it has proposed
	commit    uint64 // what it knows committed
	compacted uint64 // what is in its snapshot only
	fresh     bool   // it came as a new member, and has not caught up
	learner   bool

	deafTo uint64 // from whom nothing reaches it, a bit a member

	deposedAt  uint64 // the event by which it was
	diedInTerm uint64 // in which it stood or had voted, undecided, when its process ended
	dead       dead   // the process before this one
	writes     int    // that clients have under way here
}

// maxMembers bounds those that are followed.
const maxMembers = 64

// lookup returns the number of a member that is known.
func (w *watch) lookup(name string) (int, bool) {
	for i, n := range w.names {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

// member returns the member of this name, a new one if need be; nil if it has none, or
// there are too many.
func (w *watch) member(name string) (int, *member) {
	i, known := w.lookup(name)
	if !known {
		if name == "" || len(w.names) >= maxMembers {
			return -1, nil
		}
		i = len(w.names)
		w.names = append(w.names, strings.Clone(name))
		w.members = append(w.members, member{})
	}
	return i, &w.members[i]
}

// raft takes a deed of a member. What taps saw delivered is no news of its sender.
func (w *watch) raft(e *history.Event) {
	r := e.Raft
	if r.What == history.RaftConfig {
		if r.Source != history.Tap {
			w.config(r)
		}
		return
	}
	if r.Stage == history.Delivered || r.Stage == history.Dropped || r.Source == history.Harness || r.Source == history.Fabric {
		return
	}
	i, m := w.member(r.Node)
	if m == nil {
		return
	}
	late := m.gone // whose words come after its end
	if r.Source == history.Trace {
		w.tells |= tellTraces
		if r.Inc < m.inc || m.gone {
			m.dead.log(r)
		}
		if r.Inc < m.inc {
			return
		}
		late = m.gone && r.Inc == m.inc
		if r.Inc > m.inc {
			m.inc, m.gone, m.paused = r.Inc, false, false
		}
	}
	w.log(m, r)
	if late || r.What == history.RaftPreVote || r.What == history.RaftEnd {
		return
	}
	m.told = true
	w.part(i, m, r)
	w.dirty = true
}

// part takes what an event tells of a member's part in elections.
func (w *watch) part(i int, m *member, r *history.Raft) {
	if r.Term > m.term {
		m.term = r.Term
		m.resign(r.Term - 1)
	}
	switch r.What {
	case history.RaftStart:
		m.term = r.Term
		m.resign(r.Term)
	case history.RaftFollower:
		m.resign(r.Term)
		w.heeds(r.Peer, r.Term)
	case history.RaftCandidate:
		w.tells |= tellVotes
		if r.Term > m.over && m.leads < r.Term {
			m.stands = r.Term
		}
		w.stood(i, r.Term)
	case history.RaftVote:
		w.tells |= tellVotes
		w.refused(r)
		if r.Peer != r.Node && r.Granted {
			m.voted = max(m.voted, r.Term)
		}
	case history.RaftLeader:
		w.won(i, r)
		w.leads(i, r.Term)
	case history.RaftCommit:
		if r.Lead {
			w.leads(i, r.Term)
		}
	case history.RaftAppend, history.RaftTruncate, history.RaftAck, history.RaftInstall:
		if r.Peer != r.Node {
			if m.stands == r.Term || m.leads == r.Term {
				m.resign(r.Term)
			}
			w.heeds(r.Peer, r.Term)
		}
	}
}

// resign ends lead and candidacy of a member up to a term.
func (m *member) resign(term uint64) {
	if m.leads <= term {
		m.leads = 0
	}
	if m.stands <= term {
		m.stands = 0
	}
	m.over = max(m.over, term)
}

// heeds takes it that another, or the member itself, names who leads.
func (w *watch) heeds(leader string, term uint64) {
	if leader == "" {
		return
	}
	if i, m := w.member(leader); m != nil {
		w.leads(i, term)
	}
}

// leads notes that a member leads a term, unless that is known to be over for it.
func (w *watch) leads(i int, term uint64) {
	m := &w.members[i]
	w.tells |= tellLeaders
	if term > w.led {
		w.led = term
		for j := range w.members {
			if o := &w.members[j]; j != i && o.leads > 0 && o.deposedAt == 0 {
				o.deposedAt = w.seq
			}
		}
	}
	if m.gone || term <= m.over || term < m.leads {
		return
	}
	if m.leads != term {
		m.deposedAt = 0
		if term < w.led {
			m.deposedAt = w.seq
		}
	}
	m.leads, m.stands, m.term, m.told = term, 0, max(m.term, term), true
	m.over = max(m.over, term-min(term, 1))
}

// log takes what an event tells of a member's log.
func (w *watch) log(m *member, r *history.Raft) {
	switch r.What {
	case history.RaftStart:
		m.end(r.Last.Index)
		m.compacted, m.commit, m.own = r.Index, r.Commit, 0
	case history.RaftCandidate:
		if r.Last.Index > 0 {
			m.end(r.Last.Index)
		}
	case history.RaftAppend:
		m.end(r.To)
		w.tells |= tellLogs
		if r.Peer == r.Node {
			m.own = r.To
		}
	case history.RaftTruncate:
		m.end(max(r.Index, 1) - 1)
		w.sees(Overwritten)
	case history.RaftAck:
		w.tells |= tellLogs
		if !m.placed || r.Index > m.last {
			m.end(r.Index)
		}
	case history.RaftCommit:
		m.commit = max(m.commit, r.Index)
		if r.Lead && m.last < r.Index {
			m.end(r.Index)
		}
		w.committed(r)
	case history.RaftSnapshot:
		w.tells |= tellSnapshots
		m.compacted = max(m.compacted, r.Index)
	case history.RaftInstall:
		w.tells |= tellSnapshots
		m.end(r.Index)
		m.compacted = r.Index
		w.sees(NeedsSnapshot)
	}
	if m.fresh && m.placed && m.last >= w.past() && m.last > 0 {
		m.fresh, w.dirty = false, true
	}
}

func (m *member) end(last uint64) { m.last, m.placed = last, true }

// config takes a configuration.
func (w *watch) config(r *history.Raft) {
	w.joint = len(r.Outgoing) > 0
	for i := range w.members {
		w.members[i].learner = false
	}
	for _, name := range r.Learners {
		if _, m := w.member(name); m != nil {
			m.learner = true
		}
	}
	w.changes = w.changes || w.joint || len(r.Learners) > 0
	if r.Source == history.Harness {
		w.changes = true
		if _, m := w.member(r.Node); m != nil && r.Inc > 0 {
			*m = member{inc: m.inc, gone: m.gone, fresh: true, deafTo: m.deafTo, writes: m.writes}
		}
	}
	w.dirty = true
}

// proc takes what happened to a process.
func (w *watch) proc(p *history.Proc) {
	i, m := w.member(p.Node)
	if m == nil {
		return
	}
	w.tells |= tellProcesses
	w.dirty = true
	switch {
	case p.What == history.ProcStart:
		w.restarted(m)
		m.inc, m.gone, m.paused = p.Inc, false, false
	case p.What == history.ProcExit && p.Inc >= m.inc:
		if !m.gone {
			if p.Expected {
				w.hurt(i, false)
			}
			w.dies(i, m)
		}
		m.inc, m.gone, m.paused = p.Inc, true, false
		m.resign(max(m.leads, m.stands, m.over))
		w.fell()
	case p.What == history.ProcReady && w.tells&tellLogs == 0:
		m.fresh = false // nothing better tells that it has caught up
	case p.Pauses():
		m.paused = true
		w.hurt(i, true)
	case p.Resumes():
		if m.paused && w.role(i) == Deposed {
			w.sees(DeposedResumes)
		}
		m.paused = false
	}
}

// claim takes what a member says of itself, where nothing better tells.
func (w *watch) claim(c *history.Claim) {
	i, m := w.member(c.Node)
	if m == nil || c.Role == "" || w.shown || c.Inc != 0 && (c.Inc < m.inc || m.gone && c.Inc == m.inc) {
		return
	}
	m.told, w.dirty = true, true
	w.tells |= tellLeaders
	term := c.Term
	if term == 0 { // it names none: another than before is a later one
		term = max(w.led, 1)
		if c.Role == "leader" && m.leads == 0 && w.led > 0 {
			term++
		}
	}
	if c.Role != "leader" {
		m.leads, m.stands = 0, 0
		m.term = max(m.term, term)
		if c.Role == "candidate" {
			m.stands = term
		}
		return
	}
	m.over = min(m.over, term-1) // it may lead again what it led before: it says so
	w.leads(i, term)
}
