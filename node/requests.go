package node

import (
	"slices"

	"github.com/usurper/usurper/node/raft"
)

// propose gives the held writes to the raft, all in one, and remembers who
// waits.
func (l *loop) propose() {
	if len(l.held) == 0 {
		return
	}
	l.datas = l.datas[:0]
	for _, c := range l.held {
		l.datas = append(l.datas, c.data)
	}
	first, err := l.raft.Propose(l.datas...)
	for i, c := range l.held {
		if err != nil {
			l.answer(c, failure(ErrNotLeader, true))
			continue
		}
		l.pending[first.Index+uint64(i)] = proposal{term: first.Term, call: c}
	}
	clear(l.held)
	l.held = l.held[:0]
}

// readIndex asks the raft to confirm reads, all in one round. Whether this
// member may serve them is for the raft to say.
func (l *loop) readIndex(reads []*call) {
	if len(reads) == 0 {
		return
	}
	l.lastRead++
	if err := l.raft.ReadIndex(l.lastRead); err != nil {
		for _, c := range reads {
			l.answer(c, failure(ErrNotLeader, false))
		}
		return
	}
	// The slice goes back to the inbox: keep a copy.
	l.reads[l.lastRead] = append([]*call(nil), reads...)
}

// serveReads answers the reads that are confirmed and whose index is applied.
func (l *loop) serveReads(confirmed []raft.Read) {
	for _, r := range confirmed {
		calls := l.reads[r.ID]
		delete(l.reads, r.ID)
		if r.OK {
			l.parked = append(l.parked, parkedRead{r.Index, calls})
			continue
		}
		for _, c := range calls {
			l.answer(c, failure(ErrNotLeader, false))
		}
	}
	kept := l.parked[:0]
	for _, p := range l.parked {
		if p.index > l.applied.Index {
			kept = append(kept, p)
			continue
		}
		for _, c := range p.calls {
			l.answer(c, valueAnswer(&c.op, l.sm.Get(c.op.Key)))
		}
	}
	clear(l.parked[len(kept):])
	l.parked = kept
}

// answerEarly is the bug ack-before-commit: it answers writes that this
// member's own log holds with what they would do to its state as it is now.
func (l *loop) answerEarly() {
	for index, p := range l.pending {
		delete(l.pending, index)
		l.answer(p.call, resultAnswer(l.sm.Speculate(&p.call.cmd)))
	}
}

// answerPending answers all writes in the log that are not known committed.
func (l *loop) answerPending(err error) {
	for index, p := range l.pending {
		delete(l.pending, index)
		l.answer(p.call, failure(err, true))
	}
}

// giveUp answers everything that is still open and lets nothing more in.
func (l *loop) giveUp() {
	w := l.inbox.close()
	for _, c := range slices.Concat(l.held, w.writes, w.reads) {
		l.answer(c, failure(errRefusedStop, c.write))
	}
	l.answerPending(ErrStopped)
	for id, calls := range l.reads {
		l.parked = append(l.parked, parkedRead{calls: calls})
		delete(l.reads, id)
	}
	for _, p := range l.parked {
		for _, c := range p.calls {
			l.answer(c, failure(ErrStopped, false))
		}
	}
	l.parked = nil
}

// answer answers c, once.
func (l *loop) answer(c *call, a Answer) {
	st := l.raft.Status()
	a.Leader, a.Term = nameOf(st.Leader), st.Term
	c.done <- a
}

// sendAll sends messages, which the transport copies.
func (l *loop) sendAll(messages []raft.Message) {
	if len(messages) == 0 {
		return
	}
	if err := l.send(messages...); err != nil {
		l.log.Error("message not sent", "err", err)
	}
}

// answersVote tells whether a vote request is answered among messages.
func answersVote(messages []raft.Message) bool {
	for i := range messages {
		if messages[i].Kind == raft.KindVoteResponse {
			return true
		}
	}
	return false
}

// announce logs changes of role.
func (l *loop) announce(events []raft.Event) {
	for i := range events {
		switch e := &events[i]; e.What {
		case raft.EventLeader, raft.EventCandidate, raft.EventFollower:
			l.log.Info(e.What, "term", e.Term, "of", nameOf(e.Peer))
		}
	}
}

// tellDigest collects the digest of the state as it is for the trace.
func (l *loop) tellDigest() {
	l.trace.Apply(l.term, l.applied.Index, l.sm.Digest())
	l.told, l.toldAt = l.applied.Index, l.ticks
}

// tellIdle writes the digest when the last one is old and a newer state there.
func (l *loop) tellIdle() error {
	if l.told == l.applied.Index || l.ticks-l.toldAt < idleTicks {
		return nil
	}
	l.tellDigest()
	return l.trace.Flush()
}
