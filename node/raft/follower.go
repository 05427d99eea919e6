package raft

import "github.com/usurper/usurper/node/bug"

// fromLeader tells whether only a leader sends messages of that kind.
func fromLeader(k Kind) bool {
	return k == KindAppend || k == KindHeartbeat || k == KindSnapshot
}

// stepFollower takes a leader's message of the present term.
func (r *Raft) stepFollower(m *Message) {
	if r.role == Leader {
		return // a term has one leader; a second one is not listened to
	}
	r.hear(m.From)
	switch m.Kind {
	case KindAppend:
		r.handleAppend(m)
	case KindHeartbeat:
		r.commitTo(m.Commit, false)
		r.send(Message{Kind: KindHeartbeatResponse, To: m.From, Context: m.Context, Last: r.log.last()})
	case KindSnapshot:
		r.handleSnapshot(m)
	}
}

// hear notes that the leader of the present term is alive: a candidate goes back
// to follower, the election timer starts again (Raft §5.2).
func (r *Raft) hear(leader ID) {
	if r.role != Follower || r.leader != leader {
		r.becomeFollower(r.hard.Term, leader)
	}
	r.heard, r.heardTicks, r.prevoting = true, 0, false
	if r.cfg.Bug != bug.DeafTimer {
		r.elapsed = 0
	}
}

// handleAppend takes the leader's entries if the log holds the position before
// them, and asks for earlier ones if not (Raft §5.3).
func (r *Raft) handleAppend(m *Message) {
	prev, entries := m.Log, m.Entries
	if commit := r.log.commit; prev.Index < commit {
		// What is committed equals the leader's log: begin there.
		entries = entries[min(commit-prev.Index, uint64(len(entries))):]
		prev, _ = r.log.at(commit)
	}
	if t, known := r.log.term(prev.Index); !known || t != prev.Term {
		r.send(Message{
			Kind: KindAppendResponse, To: m.From, Reject: true, Context: m.Log.Index,
			Log: r.log.backOff(prev.Index-1, prev.Term, r.log.commit), Last: r.log.last(),
		})
		return
	}
	end := prev
	if n := len(entries); n > 0 {
		end = Pos{entries[n-1].Term, entries[n-1].Index}
	}
	r.merge(entries, m.From)
	if r.cfg.Bug == bug.AlwaysTruncate {
		r.truncate(end.Index+1, m.From)
	}
	r.commitTo(min(m.Commit, end.Index), false)
	r.sendAck(m.From, end)
}

// merge appends those entries that the log lacks. Only a conflict removes
// entries: an append that comes late holds less than the log, and what follows
// it there may have been acknowledged since (Raft §5.3).
func (r *Raft) merge(entries []Entry, from ID) {
	for i := range entries {
		e := &entries[i]
		t, known := r.log.term(e.Index)
		if known && t != e.Term {
			// The bug spares entries of a later term, so that terms never fall.
			if r.cfg.Bug == bug.NoTruncate && t < e.Term {
				continue
			}
			r.truncate(e.Index, from)
			known = false
		}
		if !known {
			r.appendEntry(e.Term, e.Data, from)
		}
	}
}

// truncate removes the entries from i on, if there are any.
func (r *Raft) truncate(i uint64, from ID) {
	if r.log.truncate(i) {
		r.emit(Event{What: EventTruncate, Index: i, Peer: from})
	}
}

// wellFormed tells whether a message can have come from a correct member, as
// far as the message alone shows.
func wellFormed(m *Message) bool {
	if m.Term == 0 || m.Term > limit || m.Log.Term > limit || m.Log.Index > limit {
		return false
	}
	switch m.Kind {
	case KindAppend:
		at := m.Log
		for i := range m.Entries {
			e := &m.Entries[i]
			if e.Index != at.Index+1 || e.Term == 0 || e.Term < at.Term || e.Term > m.Term {
				return false
			}
			at = Pos{e.Term, e.Index}
		}
		return m.Log.Term <= m.Term && (m.Log.Term == 0) == (m.Log.Index == 0)
	case KindSnapshot:
		s := m.Snapshot
		return s != nil && s.Pos.Index > 0 && s.Pos.Index < limit && s.Pos.Term > 0 && s.Pos.Term <= m.Term
	}
	return m.Kind >= KindAppend && m.Kind <= KindSnapshotResponse
}
