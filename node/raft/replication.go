package raft

import "github.com/usurper/usurper/node/bug"

// tickLeader sends heartbeats at their interval, and gives up the throne when no
// majority was heard for T: another leader may have been elected, and clients
// must not wait for this one (Raft dissertation §6.2). It looks once every T, so
// that it may take twice as long; nothing but the clients' patience hangs on it.
func (r *Raft) tickLeader() {
	for i := range r.peers {
		r.peers[i].silent++
		r.peers[i].waited++
	}
	if r.elapsed++; r.elapsed >= r.cfg.ElectionTicks {
		r.elapsed = 0
		if !r.quorum.holds(r.heardFrom, 0) {
			r.becomeFollower(r.hard.Term, 0)
			return
		}
	}
	if r.beat++; r.beat >= r.cfg.HeartbeatTicks {
		r.sendHeartbeats()
	}
}

// heardFrom tells whether a member has answered this leader within T; itself it
// has.
func (r *Raft) heardFrom(id ID) bool { return id == r.id || r.peer(id).silent < r.cfg.ElectionTicks }

// sendHeartbeats tells every follower that the leader is there, and how much of
// what the follower is known to hold is committed. They carry the newest read
// round, so that one that was lost is asked again.
func (r *Raft) sendHeartbeats() {
	r.beat = 0
	for i := range r.peers {
		p := &r.peers[i]
		commit := min(p.match, r.log.commit)
		if r.cfg.Bug == bug.HeartbeatCommit {
			commit = r.log.commit
		}
		r.send(Message{Kind: KindHeartbeat, To: p.id, Commit: commit, Context: r.reads.round})
	}
}

// replicate sends every follower what it lacks, as far as its pipeline has room.
func (r *Raft) replicate() {
	last := r.log.last().Index
	for i := range r.peers {
		p := &r.peers[i]
		for p.wants(last) && !p.full(r.cfg.MaxInflight) {
			r.sendAppend(p)
		}
	}
}

// sendAppend sends the entries from p.next on, perhaps none, or the snapshot if
// they are gone (Raft §5.3, §7).
func (r *Raft) sendAppend(p *progress) {
	if p.next <= r.log.base.Index {
		r.sendSnapshot(p)
		return
	}
	prev, _ := r.log.at(p.next - 1)
	entries := r.log.batch(p.next, r.cfg.MaxBatchBytes)
	end, _ := r.log.at(prev.Index + uint64(len(entries)))
	r.send(Message{
		Kind: KindAppend, To: p.id,
		Log: prev, Last: end, Commit: r.log.commit, Entries: entries,
	})
	p.sent(end.Index)
}

// stepLeader takes a follower's answer of the present term.
func (r *Raft) stepLeader(m *Message) {
	if r.role != Leader {
		return
	}
	p := r.peer(m.From)
	p.silent = 0
	switch m.Kind {
	case KindAppendResponse:
		if m.Reject {
			r.handleRefusal(p, m)
		} else {
			r.handleAck(p, m.Log)
		}
	case KindSnapshotResponse:
		if !m.Reject {
			r.handleAck(p, m.Log)
		}
	case KindHeartbeatResponse:
		p.round = max(p.round, min(m.Context, r.reads.round))
		if p.overdue(&r.cfg) {
			p.retry()
		}
	}
}

// handleAck notes that a follower's log matches up to at. Acknowledgements may
// come late, twice and out of order: match only grows.
func (r *Raft) handleAck(p *progress, at Pos) {
	if t, known := r.log.term(at.Index); at.Index > r.log.last().Index || known && t != at.Term {
		return // no position of this log
	}
	p.acked(at.Index)
}

// handleRefusal moves back to where the follower's log may match. The follower
// proposes a position of its own log; its own entries of a later term than that
// cannot match either, so that one round trip skips a term (Raft §5.3).
func (r *Raft) handleRefusal(p *progress, m *Message) {
	refused := m.Context
	if refused <= p.match || refused >= p.next {
		return // late: what it refused has since been accepted, or is not on its way
	}
	if p.state == stateSnapshot || p.state == stateProbe && refused != p.next-1 {
		return // not the answer that is waited for
	}
	hint := min(m.Log.Index, refused-1)
	if hint < r.log.base.Index && p.match < r.log.base.Index {
		p.probe(r.log.base.Index) // that entry is gone: the snapshot is next
		return
	}
	p.probe(r.log.backOff(hint, m.Log.Term, p.match).Index + 1)
}

// advanceCommit commits what a majority holds, if it ends with an entry of the
// leader's own term: entries of earlier terms are committed with it, never by
// counting (Raft §5.4.2). The leader's own log counts in full: see Output.
func (r *Raft) advanceCommit() {
	last := r.log.last().Index
	n := r.quorum.reached(func(id ID) uint64 {
		if id == r.id {
			return last
		}
		return r.peer(id).match
	})
	if n <= r.log.commit {
		return
	}
	if t, _ := r.log.term(n); t == r.hard.Term || r.cfg.Bug == bug.CommitOldTerm {
		r.commitTo(n, true)
	}
}
