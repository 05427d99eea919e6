package perfetto

import (
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// member is what is drawn of one member.
type member struct {
	name                                         string
	process                                      *track
	life, role, term, votes, messages, disk, log *track
	commit, behind                               *track

	known         bool // something was told of its processes
	alive, paused bool
	playing       string // the role slice that is open, "" for none
	inTerm        uint64 // the term slice that is open, 0 for none
	committed     uint64
	traced        bool // its own trace has told what it knows committed
	shown         int64
}

func newMember(name string, pid int) *member {
	p := &track{name: name, pid: pid}
	below := func(name string) *track { return &track{name: name, parent: p} }
	m := &member{
		name: strings.Clone(name), process: p,
		life: below("process"), role: below("role"), term: below("term"), votes: below("votes"),
		messages: below("messages of elections"), disk: below("disk"), log: below("log"),
		commit: below("commit index"), behind: below("entries behind"), shown: -1,
	}
	p.name = m.name
	m.commit.counter, m.behind.counter = true, true
	return m
}

// proc draws a process from its start to its end, and pauses within.
func (m *member) proc(d *drawing, p *history.Proc) {
	m.known = true
	switch {
	case p.What == history.ProcStart:
		m.dies(d, nil)
		m.alive = true
		d.draw(m.life, event{kind: sliceBegin, name: fmt.Sprint("process ", p.Inc), args: []arg{{name: "pid", number: uint64(max(p.Pid, 0))}}})
	case p.What == history.ProcExit:
		how := verdict.Describe(&history.Event{Proc: p})
		m.dies(d, []arg{{name: "end", text: how}})
	case p.Pauses() && m.alive && !m.paused:
		m.paused = true
		d.draw(m.life, event{kind: sliceBegin, name: "paused"})
	case p.Resumes() && m.paused:
		m.paused = false
		d.draw(m.life, event{kind: sliceEnd})
	default:
		d.draw(m.life, event{kind: instant, name: verdict.Describe(&history.Event{Proc: p})})
	}
}

// freezes draws that the process stands still without a signal, from its begin to its end.
func (m *member) freezes(d *drawing, begins bool) {
	switch {
	case begins && m.alive && !m.paused:
		m.paused = true
		d.draw(m.life, event{kind: sliceBegin, name: "frozen"})
	case !begins && m.paused:
		m.paused = false
		d.draw(m.life, event{kind: sliceEnd})
	}
}

// dies ends what a process was.
func (m *member) dies(d *drawing, args []arg) {
	if m.paused {
		m.paused = false
		d.draw(m.life, event{kind: sliceEnd})
	}
	if m.alive {
		m.alive = false
		d.draw(m.life, event{kind: sliceEnd, args: args})
	}
	m.plays(d, "", 0)
}

// plays begins a role, "" for none, and a term, 0 for none. What comes late from a
// process that has ended is no role any more.
func (m *member) plays(d *drawing, role string, term uint64) {
	if role != "" && m.known && !m.alive {
		return
	}
	if role != "" && term > 0 {
		role += fmt.Sprint(", term ", term)
	}
	if role != m.playing {
		if m.playing != "" {
			d.draw(m.role, event{kind: sliceEnd})
		}
		if m.playing = role; role != "" {
			d.draw(m.role, event{kind: sliceBegin, name: role})
		}
	}
	m.enters(d, term)
}

func (m *member) enters(d *drawing, term uint64) {
	if term == m.inTerm {
		return
	}
	if m.inTerm > 0 {
		d.draw(m.term, event{kind: sliceEnd})
	}
	if m.inTerm = term; term > 0 {
		d.draw(m.term, event{kind: sliceBegin, name: fmt.Sprint("term ", term)})
	}
}

func (m *member) finish(d *drawing) {
	m.dies(d, []arg{{name: "end", text: "still up"}})
}

// claim draws what a member says of itself, where nothing else tells.
func (m *member) claim(d *drawing, c *history.Claim) {
	if !d.traced && !d.tapped && c.Role != "" {
		m.plays(d, c.Role, c.Term)
	}
}

// raft draws a deed. Of a run with traces the members' own words count, of another what
// the taps saw sent.
func (d *drawing) raft(r *history.Raft) {
	if r.Node == "" { // nobody knows whose it is
		return
	}
	m := d.member(r.Node)
	if r.Group != "" { // whose terms mean nothing in the main one
		if r.What == history.RaftCandidate || r.What == history.RaftLeader || r.What == history.RaftVote {
			d.draw(m.votes, deedEvent(r))
		}
		return
	}
	switch {
	case r.What == history.RaftMessage:
		d.message(m, r)
	case r.Source == history.Trace:
		m.deed(d, r)
	case !d.traced && r.Stage == history.Sent:
		m.seen(d, r)
	}
}

func (m *member) deed(d *drawing, r *history.Raft) {
	switch r.What {
	case history.RaftStart:
		m.plays(d, "follower", r.Term)
		d.draw(m.disk, deedEvent(r))
		m.recovers(d, r.Commit)
	case history.RaftFollower:
		m.plays(d, "follower", r.Term)
	case history.RaftCandidate, history.RaftLeader:
		m.plays(d, string(r.What), r.Term)
		d.draw(m.votes, deedEvent(r))
	case history.RaftVote, history.RaftPreVote:
		if r.What == history.RaftVote && r.Term > m.inTerm {
			m.enters(d, r.Term)
		}
		d.draw(m.votes, deedEvent(r))
	case history.RaftAppend:
		d.draw(m.log, event{kind: instant, name: "append", args: []arg{
			{name: "from", number: r.From}, {name: "to", number: r.To}, {name: "term", number: r.EntryTerm},
			{name: "of", text: verdict.OrElse(r.Peer, "nobody")},
		}})
	case history.RaftTruncate:
		d.draw(m.log, deedEvent(r))
	case history.RaftSnapshot, history.RaftInstall:
		d.draw(m.disk, deedEvent(r))
		m.commits(d, r.Index, true)
	case history.RaftCommit:
		m.commits(d, r.Index, true)
	}
}

// seen draws what a tap saw a member send.
func (m *member) seen(d *drawing, r *history.Raft) {
	switch r.What {
	case history.RaftCandidate, history.RaftLeader:
		if r.Term >= m.inTerm {
			m.plays(d, string(r.What), r.Term)
		}
		d.draw(m.votes, deedEvent(r))
	case history.RaftVote, history.RaftPreVote:
		d.draw(m.votes, deedEvent(r))
	case history.RaftAck:
		if r.Term > m.inTerm || r.Term == m.inTerm && strings.HasPrefix(m.playing, string(history.RaftCandidate)) {
			m.plays(d, "follower", r.Term)
		}
	case history.RaftCommit:
		m.commits(d, r.Index, false)
	}
}

func deedEvent(r *history.Raft) event {
	return event{kind: instant, name: verdict.Describe(&history.Event{Raft: r})}
}

// commits draws what a member knows committed.
func (m *member) commits(d *drawing, index uint64, own bool) {
	m.traced = m.traced || own
	if index <= m.committed {
		return
	}
	m.committed = index
	d.lag.most = max(d.lag.most, index)
	d.draw(m.commit, event{kind: counter, value: int64(index)})
}

// recovers draws what a new process knows committed, which may be less than the one
// before it knew.
func (m *member) recovers(d *drawing, index uint64) {
	m.traced, m.committed = true, index
	d.lag.most = max(d.lag.most, index)
	d.draw(m.commit, event{kind: counter, value: int64(index)})
}

// message draws a step of a message: where it was sent, is held or lost, and where it
// came to.
func (d *drawing) message(m *member, r *history.Raft) {
	if r.Stage == history.Delivered {
		m = d.member(r.Peer)
	}
	d.draw(m.messages, event{
		kind: instant, name: verdict.Describe(&history.Event{Raft: r}),
		flow: r.ID &^ proofFlow, last: r.Stage == history.Delivered,
	})
}

// lagEvery is how often it is drawn how far members are behind.
const lagEvery = 20 * time.Millisecond

// lag is how far members are behind the one that knows most committed.
type lag struct {
	most uint64
	next time.Duration
}

func (l *lag) tick(d *drawing) {
	if d.now < l.next {
		return
	}
	l.next = d.now + lagEvery
	for _, m := range d.order {
		if behind := int64(l.most - m.committed); m.traced && behind != m.shown {
			m.shown = behind
			d.draw(m.behind, event{kind: counter, value: behind})
		}
	}
}
