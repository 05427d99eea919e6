package raft

import "github.com/usurper/usurper/node/bug"

// maxRounds bounds the read rounds that are on their way at a time; reads that
// come meanwhile share the next one.
const maxRounds = 8

// reads are the linearizable reads that a leader has not confirmed yet (Raft
// §8).
type reads struct {
	waiting []uint64    // not yet in a round
	rounds  []readRound // asked and not confirmed, oldest first
	round   uint64      // number of the newest round; it never goes back
}

// readRound is one question to the majority: am I still your leader? Its reads
// see at least what was committed at index when it was asked.
type readRound struct {
	number uint64
	index  uint64
	ids    []uint64
}

// ReadIndex asks for a linearizable read. The answer comes in Output.Reads
// under id: the index that must be applied before the read is served, or that
// leadership was lost meanwhile.
func (r *Raft) ReadIndex(id uint64) error {
	if r.role != Leader {
		if r.cfg.Bug == bug.FollowerRead {
			r.out.Reads = append(r.out.Reads, Read{ID: id, Index: r.log.commit, OK: true})
			return nil
		}
		return ErrNotLeader
	}
	if r.cfg.Bug == bug.StaleRead || r.cfg.Bug == bug.AnswerLease && r.leased() {
		r.out.Reads = append(r.out.Reads, Read{ID: id, Index: r.log.commit, OK: true})
		return nil
	}
	r.reads.waiting = append(r.reads.waiting, id)
	return nil
}

// leased tells whether a majority has answered within T: the lease of
// bug.AnswerLease. It counts from when answers came, not from when they were
// asked for, so that followers may long have given up on it.
func (r *Raft) leased() bool {
	t, _ := r.log.term(r.log.commit)
	return t == r.hard.Term && r.quorum.holds(r.heardFrom, 0)
}

// advanceReads confirms the rounds that a majority has answered and starts the
// next one.
func (r *Raft) advanceReads() {
	r.confirmReads()
	if r.startRound() {
		r.confirmReads() // alone, it needs no answer
	}
}

// startRound puts all waiting reads into one round. A new leader does not know
// what is committed before an entry of its own term is (Raft §8).
func (r *Raft) startRound() bool {
	t, _ := r.log.term(r.log.commit)
	if len(r.reads.waiting) == 0 || t != r.hard.Term && r.cfg.Bug != bug.EarlyRead || len(r.reads.rounds) >= maxRounds {
		return false
	}
	r.reads.round++
	r.reads.rounds = append(r.reads.rounds, readRound{
		number: r.reads.round, index: r.log.commit, ids: r.reads.waiting,
	})
	r.reads.waiting = nil
	r.sendHeartbeats()
	return true
}

// confirmReads hands out the reads of every round that a majority has answered,
// the leader itself included.
func (r *Raft) confirmReads() {
	if len(r.reads.rounds) == 0 {
		return
	}
	confirmed := r.quorum.reached(func(id ID) uint64 {
		if id == r.id {
			return r.reads.round
		}
		return r.peer(id).round
	})
	n := 0
	for n < len(r.reads.rounds) && r.reads.rounds[n].number <= confirmed {
		round := &r.reads.rounds[n]
		for _, id := range round.ids {
			r.out.Reads = append(r.out.Reads, Read{ID: id, Index: round.index, OK: true})
		}
		n++
	}
	r.reads.rounds = append(r.reads.rounds[:0], r.reads.rounds[n:]...)
}

// fail hands out every pending read as failed.
func (q *reads) fail(out *Output) {
	for _, round := range q.rounds {
		for _, id := range round.ids {
			out.Reads = append(out.Reads, Read{ID: id})
		}
	}
	for _, id := range q.waiting {
		out.Reads = append(out.Reads, Read{ID: id})
	}
	q.rounds, q.waiting = q.rounds[:0], nil
}
