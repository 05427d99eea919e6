package raft

// Output returns everything that must be done now, and false if there is
// nothing. The Raft goes on as if it was done; the caller does it before it
// calls into the Raft again.
//
// Commitment, new appends and read rounds are decided here, not message by
// message, so that whatever came in since the last call is handled in one
// batch. A leader's own log counts in full: what is not yet stable is part of
// this very Output, whose messages, events and committed entries the caller
// comes to only after it has persisted them.
func (r *Raft) Output() (Output, bool) {
	if r.role == Leader {
		r.advanceCommit()
		r.replicate()
		r.advanceReads()
	}
	if r.hardDirty {
		hard := r.hard
		r.out.State, r.hardDirty = &hard, false
	}
	r.out.Install, r.install = r.install, nil
	r.out.Truncate, r.out.Entries = r.log.takeUnstable()
	r.out.MustSync = r.out.State != nil || r.out.Install != nil || r.out.Truncate != 0 || len(r.out.Entries) > 0
	r.out.Committed = r.log.takeCommitted()
	if !r.out.MustSync && len(r.out.Events) == 0 && len(r.out.Messages) == 0 &&
		len(r.out.Committed) == 0 && len(r.out.Reads) == 0 && !r.out.Deposed {
		return Output{}, false
	}
	out := r.out
	clear(r.spare.Messages) // lets go of their entries
	clear(r.spare.Events)
	r.out = Output{
		Messages: r.spare.Messages[:0],
		Events:   r.spare.Events[:0],
		Reads:    r.spare.Reads[:0],
	}
	r.hashes, r.spareHash = r.spareHash[:0], r.hashes
	r.spare = out
	return out, true
}

// send collects a message. Term defaults to the member's own.
func (r *Raft) send(m Message) {
	m.From = r.id
	if m.Term == 0 {
		m.Term = r.hard.Term
	}
	r.out.Messages = append(r.out.Messages, m)
}

// sendAck collects the acknowledgement of an append. Of a run of them to the
// same leader only the last is sent: it says all that the others do.
func (r *Raft) sendAck(to ID, matched Pos) {
	if n := len(r.out.Messages); n > 0 {
		m := &r.out.Messages[n-1]
		if m.Kind == KindAppendResponse && !m.Reject && m.To == to && m.Term == r.hard.Term && m.Log.Index <= matched.Index {
			m.Log, m.Last = matched, r.log.last()
			return
		}
	}
	r.send(Message{Kind: KindAppendResponse, To: to, Log: matched, Last: r.log.last()})
}

// emit collects an event.
func (r *Raft) emit(e Event) {
	e.Term = r.hard.Term
	r.out.Events = append(r.out.Events, e)
}

// emitAppend tells of the last entry of the log, which came from peer. A run of
// entries of one term makes one event.
func (r *Raft) emitAppend(peer ID) {
	at, hash := r.log.at(r.log.last().Index)
	if n := len(r.out.Events); n > 0 {
		e := &r.out.Events[n-1]
		if e.What == EventAppend && e.Term == r.hard.Term && e.Peer == peer && e.EntryTerm == at.Term && e.To+1 == at.Index {
			r.hashes = append(r.hashes, hash)
			e.To, e.Hashes = at.Index, r.hashes[r.runStart:len(r.hashes):len(r.hashes)]
			return
		}
	}
	r.runStart = len(r.hashes)
	r.hashes = append(r.hashes, hash)
	r.emit(Event{
		What: EventAppend, Peer: peer, From: at.Index, To: at.Index, EntryTerm: at.Term,
		Hashes: r.hashes[r.runStart:len(r.hashes):len(r.hashes)],
	})
}

// commitTo raises the commit index to i, as far as the log goes; lead tells
// that this member found out itself.
func (r *Raft) commitTo(i uint64, lead bool) {
	i = min(i, r.log.last().Index)
	if i <= r.log.commit {
		return
	}
	r.log.commit = i
	at, hash := r.log.at(i)
	r.emit(Event{What: EventCommit, Index: i, EntryTerm: at.Term, Hash: hash, Lead: lead})
}

// appendEntry puts an entry at the end of the log.
func (r *Raft) appendEntry(term uint64, data []byte, from ID) {
	r.log.push(term, data)
	r.emitAppend(from)
}
