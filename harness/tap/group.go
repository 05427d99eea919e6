package tap

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// group is what the assembler knows of one Raft.
type group struct {
	all     *Assembler
	name    string
	voters  []string             // nil while they are not known
	changed bool                 // they are not those of the beginning any more
	quorum  int                  // 0 when who decides is not known
	configs map[history.Pos]bool // entries that say who votes: whether all of those have names
	members map[identity]*member
	order   []*member // the same, in order of appearance
}

func newGroup(a *Assembler, name string) *group {
	return &group{all: a, name: name, members: make(map[identity]*member), configs: make(map[history.Pos]bool)}
}

// vote makes these the voters from the beginning.
func (g *group) vote(voters []string) {
	if len(voters) == 0 {
		return
	}
	g.voters, g.quorum = slices.Clone(voters), len(voters)/2+1
	for i, name := range g.voters {
		if m := g.memberLocked(identity{name: name}); m != nil {
			m.voter = i
		}
	}
	for _, m := range g.order {
		m.lead.match = make([]uint64, len(voters))
	}
}

// settles notes who votes from now on, and tells whether that is news.
func (g *group) settles(voters []string) bool {
	if g.voters == nil && !g.changed {
		g.vote(voters)
		return true
	}
	same := len(voters) == len(g.voters) && !slices.ContainsFunc(voters, func(v string) bool { return !slices.Contains(g.voters, v) })
	if same {
		return false
	}
	g.voters, g.changed, g.quorum = slices.Clone(voters), true, 0
	return true
}

// unsettle notes that it is not known who votes from now on, and tells whether that is
// news.
func (g *group) unsettle() bool {
	news := g.voters != nil
	g.voters, g.changed, g.quorum = nil, true, 0
	return news
}

func (g *group) flushLocked() {
	for _, m := range g.order {
		g.tellAckLocked(m)
	}
	g.tellCommitsLocked()
}

// leadsLocked takes a message that only a leader sends.
func (g *group) leadsLocked(from *member, m *Message) {
	l := &from.lead
	if m.Term != l.term {
		if from.led.add(m.Term) {
			g.tellLeaderLocked(from, m.Term)
		}
		if m.Term < l.term {
			return // overtaken on another link by a message of a later term
		}
		l.begin(m.Term)
		if last, ok := from.asked.find(m.Term); ok {
			l.wins(last)
		}
	}
	switch m.Kind {
	case Append:
		l.wins(m.Log) // if it was not seen to stand: its first append goes on where it won
		l.log.add(m.Last)
		g.claimsLocked(from, m.Commit)
	case Heartbeat:
		g.claimsLocked(from, m.Commit)
	case Snapshot:
		// A snapshot holds committed entries only, but that is the leader's
		// inner affair, not something it said.
		l.wins(m.Log)
	}
	g.commitFlowsLocked(from)
}

// claimsLocked takes a leader's word that everything up to index is committed.
func (g *group) claimsLocked(leader *member, index uint64) {
	l := &leader.lead
	if index <= l.commit {
		return
	}
	l.commit = index
	if g.quorum < 2 || l.bold >= boldTold || l.acknowledged(leader.voter, g.quorum-1) >= index {
		return
	}
	if term, ok := l.log.term(index); ok && l.own(history.Pos{Term: term, Index: index}) {
		l.bold++
		g.tellCommitLocked(leader)
	}
}

// respondsLocked takes an append-response, or a snapshot-response.
func (g *group) respondsLocked(from, to *member, m *Message) {
	if m.Reject || m.Log.Index == 0 {
		return
	}
	raised := false
	if l := &to.lead; l.term == m.Term {
		if from.voter >= 0 && m.Log.Index > l.match[from.voter] {
			raised = true
			l.match[from.voter] = m.Log.Index
			n := l.acknowledged(to.voter, g.quorum)
			if n > l.commit {
				if term, ok := l.log.term(n); ok && term == l.term {
					l.commit = n
				}
			}
		}
		g.commitFlowsLocked(to)
	}
	k := &from.ack
	if k.term > m.Term { // overtaken on another link
		if raised {
			g.tellLocked(from, history.Raft{
				What: history.RaftAck, Stage: history.Sent, Term: m.Term, Peer: to.name,
				Index: m.Log.Index, EntryTerm: m.Log.Term, Last: m.Last,
			})
		}
		return
	}
	if k.peer != to || k.term != m.Term {
		g.tellAckLocked(from)
		*k = ack{term: m.Term, peer: to}
	}
	if m.Log.Index > k.match.Index {
		k.match = m.Log
	}
	if m.LastKnown {
		k.last = m.Last
	}
	g.ackFlowsLocked(from)
}

// standsLocked takes a vote request.
func (g *group) standsLocked(from *member, m *Message) {
	if !from.asked.add(m.Term, m.Log) {
		return
	}
	g.tellCommitsLocked()
	g.tellAckLocked(from)
	e := history.Raft{What: history.RaftCandidate, Stage: history.Sent, Term: m.Term, Last: m.Log}
	if from.told != 0 && m.Term == from.told+1 {
		e.Reason = history.ReasonTransfer
	}
	g.tellLocked(from, e)
}

// votesLocked takes a vote-response or pre-vote-response.
func (g *group) votesLocked(stage history.Stage, from, to *member, m *Message) {
	what, asked := history.RaftVote, &to.asked
	if m.Kind == PreVoteResponse {
		what, asked = history.RaftPreVote, &to.preAsked
	}
	e := history.Raft{
		What: what, Stage: stage, Term: m.Term, Peer: to.name,
		Granted: m.grants(), Reason: history.ReasonUnspecified,
	}
	term := m.Term
	if m.Asked != 0 {
		term = m.Asked
	}
	last, known := asked.find(term)
	e.PeerLast = last
	if known || e.Granted || m.Asked != 0 { // else the voter is in a later term than it was asked for
		e.PeerTerm = term
	}
	if m.LastKnown {
		e.Last = m.Last
	}
	g.tellAckLocked(from)
	g.tellLocked(from, e)
}

func (g *group) tellLeaderLocked(m *member, term uint64) {
	g.tellCommitsLocked()
	g.tellAckLocked(m)
	last, _ := m.asked.find(term)
	g.tellLocked(m, history.Raft{
		What: history.RaftLeader, Stage: history.Sent, Term: term, Last: last,
	})
}

func (g *group) ackFlowsLocked(m *member) {
	m.ack.flow++
	if m.ack.flow >= ackFlow {
		g.tellAckLocked(m)
	}
}

// tellAckLocked tells of m's latest acknowledgement, unless that is told.
func (g *group) tellAckLocked(m *member) {
	k := &m.ack
	if k.match.Index <= k.told {
		return
	}
	k.told, k.flow = k.match.Index, 0
	e := history.Raft{
		What: history.RaftAck, Stage: history.Sent, Term: k.term, Peer: k.peer.name,
		Index: k.match.Index, EntryTerm: k.match.Term, Last: k.last,
	}
	if l := &k.peer.lead; e.EntryTerm == 0 && l.term == k.term {
		e.EntryTerm, _ = l.log.term(e.Index)
	}
	g.tellLocked(m, e)
}

func (g *group) commitFlowsLocked(leader *member) {
	l := &leader.lead
	if l.commit <= l.told {
		return
	}
	l.flow++
	if l.flow >= commitFlow || l.commit-l.told >= commitStride {
		g.tellCommitLocked(leader)
	}
}

func (g *group) tellCommitsLocked() {
	for _, m := range g.order {
		g.tellCommitLocked(m)
	}
}

// tellCommitLocked tells of the highest committed entry whose term is known,
// unless that is told.
func (g *group) tellCommitLocked(leader *member) {
	l := &leader.lead
	if l.commit <= l.told {
		return
	}
	l.flow = 0
	p, ok := l.log.floor(l.commit)
	if !ok || p.Index <= l.told {
		return
	}
	l.told = p.Index
	for _, m := range g.order {
		if m.ack.peer == leader && m.ack.term == l.term {
			g.tellAckLocked(m)
		}
	}
	g.tellLocked(leader, history.Raft{
		What: history.RaftCommit, Stage: history.Sent, Term: l.term,
		Index: p.Index, EntryTerm: p.Term, Lead: l.own(p),
	})
}

func (g *group) tellLocked(m *member, e history.Raft) {
	*m.seq++
	e.Source, e.Node, e.Inc, e.Seq, e.Group = history.Tap, m.name, m.renewed, *m.seq, g.name
	g.all.emit(e)
}

// memberLocked returns the member, nil when there are too many.
func (g *group) memberLocked(who identity) *member {
	m, ok := g.members[who]
	if ok || len(g.members) >= maxMembers || g.all.all >= maxAll {
		return m
	}
	g.all.all++
	seq := g.all.seqs[who]
	if seq == nil {
		seq = new(uint64)
		g.all.seqs[who] = seq
	}
	m = &member{identity: who, voter: -1, seq: seq}
	m.lead.match = make([]uint64, len(g.voters))
	g.members[who] = m
	g.order = append(g.order, m)
	return m
}
