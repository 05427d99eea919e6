package raft

import "github.com/usurper/usurper/node/bug"

// setTerm enters a term, in which nobody has been voted for or heard yet. A new
// term is a new round: its timeout is drawn anew. The timer goes on.
func (r *Raft) setTerm(term uint64) {
	r.hard, r.hardDirty = HardState{Term: term}, true
	r.heard, r.heardTicks = false, 0
	r.drawTimeout()
}

// setVote votes for a candidate of the present term, to be persisted before the
// candidate hears of it.
func (r *Raft) setVote(id ID) {
	r.hard.Vote, r.hardDirty = id, true
}

// drawTimeout draws a timeout within [T, 2T).
func (r *Raft) drawTimeout() {
	t := r.cfg.ElectionTicks
	r.timeout = min(max(r.cfg.Timeout(), t), 2*t-1)
}

// becomeFollower follows leader (0: unknown) in term, which is not below the
// present one. A leader that steps down drops its clients' reads and tells the
// caller to drop its proposals.
func (r *Raft) becomeFollower(term uint64, leader ID) {
	if r.role == Leader {
		r.reads.fail(&r.out)
		r.out.Deposed = true
		r.elapsed = 0
		r.drawTimeout()
	}
	if term > r.hard.Term {
		r.setTerm(term)
	}
	r.role, r.leader, r.prevoting = Follower, leader, false
	r.emit(Event{What: EventFollower, Peer: leader})
}

// stand begins an election: a new term, a vote for itself, a request for
// everybody else's (Raft §5.2).
func (r *Raft) stand() {
	e := Event{What: EventCandidate, Last: r.log.last(), Known: r.heard, HeardTicks: r.silence()}
	r.setTerm(r.hard.Term + 1)
	r.setVote(r.id)
	r.role, r.leader, r.prevoting, r.elapsed = Candidate, 0, false, 0
	r.emit(e)
	r.emit(Event{
		What: EventVote, Peer: r.id, PeerTerm: r.hard.Term,
		Last: e.Last, PeerLast: e.Last, Granted: true, Reason: ReasonSelf,
	})
	r.askVotes(KindVote, r.hard.Term)
	r.tally()
}

// silence is how long ago it heard the leader of this term, 0 if it never has.
func (r *Raft) silence() int {
	if !r.heard {
		return 0
	}
	return r.heardTicks
}

// askPreVotes asks whether an election could be won, and binds nobody.
func (r *Raft) askPreVotes() {
	r.elapsed = 0
	r.drawTimeout()
	if r.role == Candidate {
		r.becomeFollower(r.hard.Term, 0)
	}
	r.prevoting = true
	r.askVotes(KindPreVote, r.hard.Term+1)
	r.tally()
}

func (r *Raft) askVotes(kind Kind, term uint64) {
	clear(r.votes)
	r.votes[r.id] = true
	for i := range r.peers {
		r.send(Message{Kind: kind, To: r.peers[i].id, Term: term, Log: r.log.last()})
	}
}

// handleVote decides on a vote request and traces the decision. By now the
// member's own term is not below the request's (Raft §5.1).
func (r *Raft) handleVote(m *Message) {
	last := r.log.last()
	granted, reason := r.judge(m)
	if reason == ReasonGranted {
		r.setVote(m.From)
		r.elapsed, r.prevoting = 0, false
	}
	r.emit(Event{
		What: EventVote, Peer: m.From, PeerTerm: m.Term,
		Last: last, PeerLast: m.Log, Granted: granted, Reason: reason,
	})
	r.send(Message{
		Kind: KindVoteResponse, To: m.From, Term: max(m.Term, r.hard.Term),
		Reject: !granted, Last: last,
	})
}

// judge decides on a vote request: one vote per term, first come first served,
// and only for a candidate whose log is at least as complete (Raft §5.2, §5.4.1).
func (r *Raft) judge(m *Message) (granted bool, reason string) {
	switch {
	case m.Term < r.hard.Term:
		return false, ReasonStaleTerm
	case m.Log.Less(r.log.last()) && r.cfg.Bug != bug.StaleLogVote:
		return false, ReasonStaleLog
	case r.hard.Vote == m.From:
		return true, ReasonRepeated
	case r.hard.Vote != 0 && r.cfg.Bug != bug.DoubleVote:
		return false, ReasonVoted
	case r.cfg.Bug == bug.LastComeVote && r.spurns(m):
		return false, ReasonVoted
	}
	return true, ReasonGranted
}

// spurns tells whether the sender was the first eligible candidate of its term:
// the memory of bug.LastComeVote.
func (r *Raft) spurns(m *Message) bool {
	if r.spurned.Term != m.Term {
		r.spurned = HardState{Term: m.Term, Vote: m.From}
	}
	return r.spurned.Vote == m.From
}

// handlePreVote answers whether it would vote for the sender in m.Term. It
// would not while it hears a leader.
func (r *Raft) handlePreVote(m *Message) {
	last, reason := r.log.last(), ReasonGranted
	switch {
	case m.Term < r.hard.Term:
		reason = ReasonStaleTerm
	case m.Log.Less(last):
		reason = ReasonStaleLog
	case r.cfg.Bug != bug.DeafPreVote && (r.role == Leader || r.heard && r.heardTicks < r.cfg.ElectionTicks):
		reason = ReasonHasLeader
	case m.Term == r.hard.Term && r.hard.Vote != 0 && r.hard.Vote != m.From:
		reason = ReasonVoted
	}
	granted := reason == ReasonGranted
	r.emit(Event{
		What: EventPreVote, Peer: m.From, PeerTerm: m.Term,
		Last: last, PeerLast: m.Log, Granted: granted, Reason: reason,
		Known: r.heard, HeardTicks: r.silence(),
	})
	answer := Message{Kind: KindPreVoteResponse, To: m.From, Reject: !granted, Last: last}
	if granted {
		answer.Term = m.Term
	}
	r.send(answer)
}

// refuseStranger traces a vote request from somebody who is no voter, and
// ignores everything else from there. It answers nothing and learns no term.
func (r *Raft) refuseStranger(m *Message) {
	e := Event{
		Peer: m.From, PeerTerm: m.Term,
		Last: r.log.last(), PeerLast: m.Log, Reason: ReasonNotAVoter,
	}
	switch m.Kind {
	case KindVote:
		e.What = EventVote
	case KindPreVote:
		e.What = EventPreVote
	default:
		return
	}
	r.emit(e)
}

// countVote takes an answer to its candidacy. The first answer of a member
// stands: a repeated one changes nothing.
func (r *Raft) countVote(m *Message) {
	if r.role == Candidate {
		r.count(m)
	}
}

// countPreVote takes an answer to its pre-vote for the next term.
func (r *Raft) countPreVote(m *Message) {
	if r.prevoting && (m.Reject || m.Term == r.hard.Term+1) {
		r.count(m)
	}
}

func (r *Raft) count(m *Message) {
	if _, known := r.votes[m.From]; !known {
		r.votes[m.From] = !m.Reject
		r.tally()
	}
}

// tally sees whether the votes suffice: to lead, or to stand.
func (r *Raft) tally() {
	slack := 0
	if r.cfg.Bug == bug.MinorityQuorum {
		slack = 1
	}
	if !r.quorum.holds(func(id ID) bool { return r.votes[id] }, slack) {
		return
	}
	if r.prevoting {
		r.stand()
	} else {
		r.becomeLeader()
	}
}

// becomeLeader takes the throne of its term. The log of a new leader ends with
// a no-op of its own term: it commits what earlier leaders left (Raft §5.4.2,
// §8).
func (r *Raft) becomeLeader() {
	last, hash := r.log.at(r.log.last().Index)
	r.role, r.leader, r.beat, r.elapsed = Leader, r.id, 0, 0
	for i := range r.peers {
		r.peers[i].lead(last.Index)
	}
	r.emit(Event{What: EventLeader, Last: last, Hash: hash})
	r.appendEntry(r.hard.Term, nil, r.id)
}
