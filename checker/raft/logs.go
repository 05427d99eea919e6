package raft

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Logs checks what Raft promises about logs, from the members' traces, and the
// last of these from the wire:
//
//   - log matching: entries of one index and term are the same everywhere, and so
//     is all before them (§5.3);
//   - a leader never removes entries, a follower only such as conflict with its
//     leader's (removal.go);
//   - terms never go back, neither along a log nor in the life of a member;
//   - what was durable survives a restart (restart.go);
//   - committed entries never change, no member commits what it does not hold,
//     and a leader commits by counting only entries of its own term (§5.4.2;
//     committed.go);
//   - nobody acts on entries that it does not know committed, or knows a commit
//     that no leader made, and no leader makes one that no majority holds
//     (knowledge.go);
//   - members that applied the same entries have the same state (states.go);
//   - a leader does not tell of a commit before a majority has acknowledged the
//     entry (acknowledged.go).
//
// The order of events matters only within one member's trace, so merging traces
// in any order gives the same verdict. A trace that ends with a kill is a true
// prefix: entries that became durable just before it may be untraced, which
// restart.go allows for. A trace that starts without a start event is taken as
// it comes: nothing is assumed of the log before it.
//
// Memory is 8 bytes an entry for the chain of hashes, a few for marks and
// digests, and one small record a term and member.
type Logs struct {
	verdict.Findings
	verdict.Sources
	chain       chain
	lineage     lineage
	commitments commitments
	knowledge
	committed committedLog
	states    states
	removals  []removal
	members   map[string]*logMember
	byID      []*logMember
	recent    *logMember // whose event came last
	hashes    int64      // compared
	wire      acknowledged
	changed   bool // a member told of a configuration other than that of the start
}

// logMember is one member's log and place in the protocol, as its trace has it.
type logMember struct {
	name    string
	id      uint16
	seen    bool // there was an event of it before
	stretch verdict.Stretch
	resumed bool // its trace has been complete since its last start

	log    memberLog
	placed bool // where the log ends is known
	term   uint64
	raised verdict.Slot // what raised term
	leads  uint64
	leader verdict.Slot
	commit uint64
	// told is the last commit index that this process told of itself. A new
	// process learns anew what the one before it knew (commit is volatile, Raft
	// figure 2), and may tell of less for a while.
	told  uint64
	knows verdict.Slot // the last commit
	// agreed is the last index known to agree with the log of the leader of
	// agreedTerm, because that leader's entries were accepted up to there.
	agreedTerm, agreed uint64
	accepts            verdict.Slot
}

// NewLogs returns the checker "logs".
func NewLogs() *Logs { return &Logs{members: make(map[string]*logMember)} }

// Name returns "logs".
func (*Logs) Name() string { return "logs" }

// Early returns AsEventsCome.
func (*Logs) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*Logs) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *Logs) Event(e *history.Event) {
	r := c.Deed(e)
	if r == nil {
		return
	}
	if r.Source != history.Trace {
		c.wire.tap(&c.Sources, e)
		switch r.What {
		case history.RaftCommit:
			c.made.add(e)
		case history.RaftRegress:
			c.Violate("a term went back",
				fmt.Sprintf("%s sent %s a message of its term %d after one of its term %d, on one connection", r.Node, r.Peer, r.Term, r.PeerTerm),
				verdict.Keep(e))
		}
		return
	}
	m := c.recent
	if m == nil || m.name != r.Node {
		m = c.member(r.Node)
	}
	at := c.Cursor()
	if at.Broken {
		c.Unknown("the trace of %s is out of order near %s: its log cannot be judged from there on", m.name, verdict.Seconds(e.At))
		return
	}
	if r.What == history.RaftStart {
		if c.Renew(r) {
			*m = logMember{name: m.name, id: m.id}
		}
		c.recalls(m, e)
		c.start(m, e, m.seen)
		m.seen, m.resumed, m.stretch = true, true, at.Stretch
		return
	}
	c.vague = c.vague || !m.seen
	if at.Stretch != m.stretch {
		m.breaks(at.Stretch)
	}
	m.seen = true
	c.inTerm(m, e)
	switch r.What {
	case history.RaftAppend:
		c.appended(m, e)
	case history.RaftCommit:
		c.commit(m, e)
	case history.RaftApply:
		c.learns(m, e, "applied")
		c.state(m, e)
	case history.RaftTruncate:
		c.truncated(m, e)
	case history.RaftLeader:
		c.leads(m, e)
	case history.RaftFollower, history.RaftCandidate:
		m.leads = 0
	case history.RaftInstall:
		c.installed(m, e)
	case history.RaftConfig:
		c.changed = c.changed || len(r.Outgoing) > 0 || !verdict.SameMembers(r.Voters, c.Nodes)
	case history.RaftSnapshot:
		c.holds(m, e, "compacted its log up to")
		c.learns(m, e, "compacted")
		c.state(m, e)
	}
}

// breaks takes the member's word up again after something is missing.
func (m *logMember) breaks(now verdict.Stretch) {
	if m.seen && m.stretch.Inc != now.Inc { // a process without its start event
		m.commit, m.told, m.agreed = 0, 0, 0
	}
	m.stretch, m.resumed, m.placed, m.leads = now, false, false, 0
}

func (c *Logs) member(name string) *logMember {
	m := c.members[name]
	if m == nil {
		m = &logMember{name: name, id: uint16(len(c.byID))}
		c.members[name] = m
		c.byID = append(c.byID, m)
	}
	c.recent = m
	return m
}

// inTerm checks that a member's term never goes back while its process runs. The
// kinds of event left out carry terms that are not the member's own.
func (c *Logs) inTerm(m *logMember, e *history.Event) {
	r := e.Raft
	switch r.What {
	case history.RaftCommit, history.RaftApply, history.RaftSnapshot, history.RaftConfig, history.RaftPreVote, history.RaftEnd:
		return
	}
	if r.Term == m.term || r.Term == 0 {
		return
	}
	if r.Term < m.term {
		c.Violate("a term went back",
			fmt.Sprintf("%s went back from term %d to term %d", m.name, m.term, r.Term), append(m.raised.Get(), verdict.Keep(e))...)
	}
	m.term, m.leads = r.Term, 0
	m.raised.Set(e)
}

// appended takes new entries into the member's log. Entries that it holds already
// may be told of again; others in their place have replaced them.
func (c *Logs) appended(m *logMember, e *history.Event) {
	r := e.Raft
	if r.From == 0 || r.To < r.From {
		c.Unknown("%s at %s tells of entries %d to %d: the range makes no sense", m.name, verdict.Seconds(e.At), r.From, r.To)
		return
	}
	end, known := m.log.end()
	switch {
	case !m.placed:
		m.log.restart(history.Pos{Index: r.From - 1}, r.From > 1)
		m.placed = true
	case r.From > end.Index+1:
		c.Unknown("%s at %s tells of entry %d while its log ends at %d: its trace has a hole", m.name, verdict.Seconds(e.At), r.From, end.Index)
		m.log.restart(history.Pos{Index: r.From - 1}, true)
	case r.From <= end.Index:
		if k, ok := m.log.differs(r.From, min(r.To, end.Index), r.EntryTerm); ok {
			c.removed(m, e, k, true)
			m.log.cut(k)
		}
	case known && r.EntryTerm < end.Term:
		c.Violate("terms decrease along a log",
			fmt.Sprintf("%s put entry (%d,%d) after (%d,%d)", m.name, r.EntryTerm, r.From, end.Term, end.Index), verdict.Keep(e))
	}
	if r.EntryTerm > r.Term {
		c.Violate("an entry of a later term",
			fmt.Sprintf("%s, in term %d, holds entry (%d,%d)", m.name, r.Term, r.EntryTerm, r.From), verdict.Keep(e))
	}
	c.match(m, e)
	c.reached(m.name, history.Pos{Term: r.EntryTerm, Index: r.To})
	if end, _ := m.log.end(); r.To > end.Index {
		m.log.extend(r.EntryTerm, r.To)
	}
	if r.Peer != "" && r.Peer != r.Node && (m.agreedTerm != r.Term || r.To > m.agreed) {
		m.agreedTerm, m.agreed = r.Term, r.To
		m.accepts.Set(e)
	}
}

// match compares the hashes of new entries with those that are known.
func (c *Logs) match(m *logMember, e *history.Event) {
	r := e.Raft
	s := c.chain.stretch(r.EntryTerm)
	mk := mark{seq: e.Seq, at: e.At, node: m.id, inc: uint32(r.Inc)}
	for i := range uint64(len(r.Hashes) / 8) {
		hash, ok := r.HashAt(r.From + i)
		if !ok {
			break
		}
		if other, conflict := s.add(r.From+i, hash, mk); conflict {
			c.mismatch(m, e, history.Pos{Term: r.EntryTerm, Index: r.From + i}, other)
			return // all that follow differ as well
		}
	}
	c.hashes += int64(len(r.Hashes) / 8)
}

// entry compares the hash of a single entry.
func (c *Logs) entry(m *logMember, e *history.Event, p history.Pos, hash uint64) {
	if p.Index == 0 || p.Term == 0 || hash == 0 {
		return
	}
	mk := mark{seq: e.Seq, at: e.At, node: m.id, inc: uint32(e.Raft.Inc)}
	if other, conflict := c.chain.stretch(p.Term).add(p.Index, hash, mk); conflict {
		c.mismatch(m, e, p, other)
	}
}

func (c *Logs) mismatch(m *logMember, e *history.Event, p history.Pos, other mark) {
	first := c.byID[other.node]
	c.Violate("logs do not match",
		fmt.Sprintf("%s and %s hold different logs up to entry %s", first.name, m.name, verdict.Place(p)),
		history.Event{Seq: other.seq, At: other.at, Raft: &history.Raft{
			Source: history.Trace, Node: first.name, Inc: uint64(other.inc), What: history.RaftAppend,
			Term: p.Term, From: p.Index, To: p.Index, EntryTerm: p.Term,
		}}, verdict.Keep(e))
}

// leads checks that a leader tells the truth about the log it won with.
func (c *Logs) leads(m *logMember, e *history.Event) {
	r := e.Raft
	c.lineage.crown(e)
	m.leads = r.Term
	m.leader.Set(e)
	if end, known := m.log.end(); m.placed && known && end != r.Last {
		c.Violate("a leader's log is not its own",
			fmt.Sprintf("%s won term %d with a log ending at %s while its own ends at %s", m.name, r.Term, verdict.Place(r.Last), verdict.Place(end)),
			append(m.accepts.Get(), verdict.Keep(e))...)
	}
	c.entry(m, e, r.Last, r.Hash)
}

// holds checks that the entry an event names is the one in the member's log.
func (c *Logs) holds(m *logMember, e *history.Event, did string) {
	r := e.Raft
	if term, ok := m.log.termAt(r.Index); m.placed && ok && r.EntryTerm != 0 && term != r.EntryTerm {
		c.Violate("an entry that is not in the log",
			fmt.Sprintf("%s %s (%d,%d) while its log has (%d,%d)", m.name, did, r.EntryTerm, r.Index, term, r.Index), verdict.Keep(e))
		return
	}
	c.entry(m, e, history.Pos{Term: r.EntryTerm, Index: r.Index}, r.Hash)
}

// Finish gives the verdict.
func (c *Logs) Finish() verdict.Result {
	if why, ok := c.Silent(); ok {
		return c.Unchecked(c.Name(), why)
	}
	c.judgeBold()
	if len(c.byID) == 0 {
		if c.Traced {
			c.Unknown("no member's trace was read")
		}
		if c.wire.commits > 0 && c.whole() {
			return c.Result(c.Name(), count.Many(c.wire.commits, "commit")+" on the wire, each acknowledged by a majority; the members write no trace")
		}
		return c.Unchecked(c.Name(), "the members write no trace")
	}
	c.judgeRemovals()
	c.judgeKnowledge()
	top := c.committed.top()
	c.Count("committed", int64(top))
	c.Count("hashes", c.hashes)
	c.Count("states", c.states.compared)
	return c.Result(c.Name(), fmt.Sprintf("entries up to %d committed, the same on %s; %s compared",
		top, count.Many(len(c.byID), "member"), count.Many(c.states.compared, "state")))
}
