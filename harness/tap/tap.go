// Package tap turns the messages that members send each other into raft events,
// so that a system that says nothing about itself still gets its elections
// checked.
//
// A tap concludes only what the wire shows. It tells apart a message that was
// sent (entered the fabric) from one that was delivered or dropped: a held vote
// is not a vote. An entry counts as committed only if the leader told of a
// commit index at or beyond it, or if a majority of the voters, the leader not
// counted, acknowledged an entry of the leader's own term at or beyond it.
//
// To tap another system: decode its frames into [Message] and hand them to an
// [Assembler].
package tap

import (
	"sync"

	"github.com/usurper/usurper/harness/history"
)

const (
	// ackFlow is how many responses of a follower pass before an advanced
	// acknowledgement is told, if nothing demands it earlier.
	ackFlow = 64
	// commitFlow and commitStride are how many messages of a leader pass, and
	// how far its commit index moves, before an advance is told.
	commitFlow   = 32
	commitStride = 64
	// boldTold is how many commits that no majority had acknowledged are told of at
	// once, in one term of one leader.
	boldTold = 16
	// maxMembers bounds the memory spent on members, those that came back as new ones
	// counted anew; messages of further ones are ignored.
	maxMembers = 512
)

// Assembler derives raft events from messages. Its events are:
//
//   - candidate: the first vote request of a term that a member sent; its Reason is
//     that of a transfer if it had been sent a TimeoutNow of the term before.
//
//   - vote, prevote: every response, once for each stage that it reaches. Term
//     is the response's term, and so is PeerTerm, unless it is a refusal in a term
//     in which Peer was not seen to ask. A response that the fabric doubles is
//     delivered twice and told twice.
//
//   - leader: the first append, heartbeat or snapshot of a term that a member
//     sent. Last is what its vote request showed, if that was seen.
//
//   - ack: how far a follower acknowledged, coalesced; always told before a later
//     vote, candidacy or leadership of the follower, before a commit of the
//     leader, and when the leader or the term changes.
//
//   - commit: Node is the leader, Term its term. EntryTerm is exact; an index
//     whose entry's term is not known is never told of. Lead is set when the entry
//     is of Term, which only that term's leader can have committed. Hash is not
//     known to a tap. The first commits of a term that the leader told of before
//     a majority had acknowledged them are told of at once, so that no later
//     acknowledgement comes before them.
//
//   - regress: a member gave a term back on one connection, once for each; see Order.
//
//   - message: a message that Passes was told of. Its Seq is 0: whoever follows the
//     frame through the fabric counts these events.
//
// Events of one member have increasing Seq in the order in which the fabric saw
// its messages. Messages on different links may be seen in another order than
// the member sent them in, so Term may step back from one event to the next.
//
// Memory is bounded. Methods may be called by several goroutines; events are
// handed on one at a time.
type Assembler struct {
	voters int

	mu      sync.Mutex
	quorum  int // 0 when the voters are not known
	emit    func(history.Raft)
	members map[identity]*member
	order   []*member // the same, in order of appearance
}

// New returns an assembler that hands its events to emit, one at a time and
// from within Observe and Flush: emit must be quick and must not call them.
// Without voters, acknowledgements commit nothing.
func New(emit func(history.Raft), voters []string) *Assembler {
	a := &Assembler{
		voters:  len(voters),
		emit:    emit,
		members: make(map[identity]*member, len(voters)),
	}
	if len(voters) > 0 {
		a.quorum = len(voters)/2 + 1
	}
	for i, name := range voters {
		a.addLocked(&member{identity: identity{name: name}, voter: i})
	}
	return a
}

// Observe takes a message at one stage of its way through the fabric. Every
// message is observed as Sent first. It keeps nothing of m but its strings.
func (a *Assembler) Observe(stage history.Stage, m Message) {
	isVote := m.Kind == VoteResponse || m.Kind == PreVoteResponse
	if m.Term == 0 || stage != history.Sent && !isVote {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	from, to := a.memberLocked(identity{m.From, m.FromNew}), a.memberLocked(identity{m.To, m.ToNew})
	if from == nil || to == nil {
		return
	}
	switch m.Kind {
	case Append, Heartbeat, Snapshot:
		a.leadsLocked(from, &m)
	case AppendResponse, SnapshotResponse:
		a.respondsLocked(from, to, &m)
	case HeartbeatResponse:
		if from.ack.peer == to && from.ack.term == m.Term {
			a.ackFlowsLocked(from)
		}
	case TimeoutNow:
		to.told = m.Term
	case Vote:
		a.standsLocked(from, &m)
	case PreVote:
		from.preAsked.add(m.Term, m.Log)
	case VoteResponse, PreVoteResponse:
		a.votesLocked(stage, from, to, &m)
	}
}

// Passes tells of a message of an election that enters the fabric as the frame id. It
// comes after Observe has taken it as Sent. Messages of other kinds are ignored, and
// so are those that Observe ignores.
func (a *Assembler) Passes(id uint64, m Message) {
	if m.Term == 0 || !m.Kind.Elects() {
		return
	}
	e := history.Raft{
		Source: history.Fabric, Node: m.From, Inc: m.FromNew, What: history.RaftMessage, Stage: history.Sent,
		Term: m.Term, Peer: m.To, ID: id, Class: string(m.Kind),
	}
	switch m.Kind {
	case Vote, PreVote:
		e.Last = m.Log
	case VoteResponse, PreVoteResponse:
		e.Granted = m.grants()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emit(e)
}

// Reconfigured says that the voters are about to change. Who decides is not known
// from then on: acknowledgements commit nothing more, a leader's word still does.
// It must come before any message that depends on the change.
func (a *Assembler) Reconfigured() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.quorum = 0
}

// Shows lists the kinds of events that an assembler ever tells.
func Shows() []history.RaftWhat {
	return []history.RaftWhat{
		history.RaftCandidate, history.RaftVote, history.RaftPreVote, history.RaftLeader, history.RaftAck, history.RaftCommit,
	}
}

// Flush tells everything that was held back to coalesce it. Call it when the
// run ends.
func (a *Assembler) Flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.order {
		a.tellAckLocked(m)
	}
	a.tellCommitsLocked()
}

// leadsLocked takes a message that only a leader sends.
func (a *Assembler) leadsLocked(from *member, m *Message) {
	l := &from.lead
	if m.Term != l.term {
		if from.led.add(m.Term) {
			a.tellLeaderLocked(from, m.Term)
		}
		if m.Term < l.term {
			return // overtaken on another link by a message of a later term
		}
		l.begin(m.Term, a.voters)
		if last, ok := from.asked.find(m.Term); ok {
			l.log.add(last)
		}
	}
	switch m.Kind {
	case Append:
		l.log.add(m.Log)
		l.log.add(m.Last)
		a.claimsLocked(from, m.Commit)
	case Heartbeat:
		a.claimsLocked(from, m.Commit)
	case Snapshot:
		// A snapshot holds committed entries only, but that is the leader's
		// inner affair, not something it said.
		l.log.add(m.Log)
	}
	a.commitFlowsLocked(from)
}

// claimsLocked takes a leader's word that everything up to index is committed.
func (a *Assembler) claimsLocked(leader *member, index uint64) {
	l := &leader.lead
	if index <= l.commit {
		return
	}
	l.commit = index
	if a.quorum < 2 || l.bold >= boldTold || l.acknowledged(leader.voter, a.quorum-1) >= index {
		return
	}
	if term, ok := l.log.term(index); ok && term == l.term {
		l.bold++
		a.tellCommitLocked(leader)
	}
}

// respondsLocked takes an append-response, or a snapshot-response.
func (a *Assembler) respondsLocked(from, to *member, m *Message) {
	if m.Reject || m.Log.Index == 0 {
		return
	}
	raised := false
	if l := &to.lead; l.term == m.Term {
		if from.voter >= 0 && m.Log.Index > l.match[from.voter] {
			raised = true
			l.match[from.voter] = m.Log.Index
			n := l.acknowledged(to.voter, a.quorum)
			if n > l.commit {
				if term, ok := l.log.term(n); ok && term == l.term {
					l.commit = n
				}
			}
		}
		a.commitFlowsLocked(to)
	}
	k := &from.ack
	if k.term > m.Term { // overtaken on another link
		if raised {
			a.tellLocked(from, history.Raft{
				What: history.RaftAck, Stage: history.Sent, Term: m.Term, Peer: to.name,
				Index: m.Log.Index, EntryTerm: m.Log.Term, Last: m.Last,
			})
		}
		return
	}
	if k.peer != to || k.term != m.Term {
		a.tellAckLocked(from)
		*k = ack{term: m.Term, peer: to}
	}
	if m.Log.Index > k.match.Index {
		k.match = m.Log
	}
	if m.LastKnown {
		k.last = m.Last
	}
	a.ackFlowsLocked(from)
}

// standsLocked takes a vote request.
func (a *Assembler) standsLocked(from *member, m *Message) {
	if !from.asked.add(m.Term, m.Log) {
		return
	}
	a.tellCommitsLocked()
	a.tellAckLocked(from)
	e := history.Raft{What: history.RaftCandidate, Stage: history.Sent, Term: m.Term, Last: m.Log}
	if from.told != 0 && m.Term == from.told+1 {
		e.Reason = history.ReasonTransfer
	}
	a.tellLocked(from, e)
}

// votesLocked takes a vote-response or pre-vote-response.
func (a *Assembler) votesLocked(stage history.Stage, from, to *member, m *Message) {
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
	a.tellAckLocked(from)
	a.tellLocked(from, e)
}

func (a *Assembler) tellLeaderLocked(m *member, term uint64) {
	a.tellCommitsLocked()
	a.tellAckLocked(m)
	last, _ := m.asked.find(term)
	a.tellLocked(m, history.Raft{
		What: history.RaftLeader, Stage: history.Sent, Term: term, Last: last,
	})
}

func (a *Assembler) ackFlowsLocked(m *member) {
	m.ack.flow++
	if m.ack.flow >= ackFlow {
		a.tellAckLocked(m)
	}
}

// tellAckLocked tells of m's latest acknowledgement, unless that is told.
func (a *Assembler) tellAckLocked(m *member) {
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
	a.tellLocked(m, e)
}

func (a *Assembler) commitFlowsLocked(leader *member) {
	l := &leader.lead
	if l.commit <= l.told {
		return
	}
	l.flow++
	if l.flow >= commitFlow || l.commit-l.told >= commitStride {
		a.tellCommitLocked(leader)
	}
}

func (a *Assembler) tellCommitsLocked() {
	for _, m := range a.order {
		a.tellCommitLocked(m)
	}
}

// tellCommitLocked tells of the highest committed entry whose term is known,
// unless that is told.
func (a *Assembler) tellCommitLocked(leader *member) {
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
	for _, m := range a.order {
		if m.ack.peer == leader && m.ack.term == l.term {
			a.tellAckLocked(m)
		}
	}
	a.tellLocked(leader, history.Raft{
		What: history.RaftCommit, Stage: history.Sent, Term: l.term,
		Index: p.Index, EntryTerm: p.Term, Lead: p.Term == l.term,
	})
}

func (a *Assembler) tellLocked(m *member, e history.Raft) {
	m.seq++
	e.Source, e.Node, e.Inc, e.Seq = history.Tap, m.name, m.renewed, m.seq
	a.emit(e)
}

// memberLocked returns the member, nil when there are too many.
func (a *Assembler) memberLocked(who identity) *member {
	m, ok := a.members[who]
	if !ok && len(a.members) < maxMembers {
		m = &member{identity: who, voter: -1}
		a.addLocked(m)
	}
	return m
}

func (a *Assembler) addLocked(m *member) {
	a.members[m.identity] = m
	a.order = append(a.order, m)
}
