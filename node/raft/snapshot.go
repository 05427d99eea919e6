package raft

import (
	"fmt"

	"github.com/usurper/usurper/node/bug"
)

// Compact tells that the caller has taken and saved a snapshot. The log up to
// it is dropped; the snapshot is kept for followers that need what is gone
// (Raft §7). It fails, and does nothing, on a snapshot of what is not applied
// or of another log. One that is not newer than the last is ignored.
func (r *Raft) Compact(s Snapshot) error {
	i := s.Pos.Index
	if i <= r.log.base.Index {
		return nil
	}
	if i > r.log.applied {
		return fmt.Errorf("snapshot at index %d: only entries up to %d are applied", i, r.log.applied)
	}
	at, hash := r.log.at(i)
	if at != s.Pos || s.Hash != 0 && s.Hash != hash {
		return fmt.Errorf("snapshot at term %d, index %d, hash %x: the log has term %d, hash %x there",
			s.Pos.Term, i, s.Hash, at.Term, hash)
	}
	s.Hash = hash
	r.snap = &s
	r.log.compact(i)
	return nil
}

// sendSnapshot sends the snapshot, whole, to a follower whose next entry is gone.
func (r *Raft) sendSnapshot(p *progress) {
	r.send(Message{
		Kind: KindSnapshot, To: p.id,
		Log: r.snap.Pos, Last: r.snap.Pos, Commit: r.log.commit, Snapshot: r.snap,
	})
	p.state, p.waited, p.inflight = stateSnapshot, 0, p.inflight[:0]
	p.next = r.snap.Pos.Index + 1
}

// handleSnapshot installs the leader's snapshot, unless the log already holds
// its last entry and so everything that it stands for (Raft §7).
func (r *Raft) handleSnapshot(m *Message) {
	s := m.Snapshot
	if t, known := r.log.term(s.Pos.Index); known && t == s.Pos.Term {
		r.commitTo(s.Pos.Index, false)
	} else if s.Pos.Index > r.log.commit || r.cfg.Bug == bug.OldSnapshot {
		r.log.reset(s)
		r.snap, r.install = s, s
		r.emit(Event{What: EventInstall, Peer: m.From, Index: s.Pos.Index, EntryTerm: s.Pos.Term, Hash: s.Hash, Digest: s.Digest})
	}
	at, _ := r.log.at(r.log.commit) // in each case as far as the snapshot, or further
	r.send(Message{Kind: KindSnapshotResponse, To: m.From, Log: at, Last: r.log.last()})
}
