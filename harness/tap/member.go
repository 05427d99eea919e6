package tap

import "github.com/usurper/usurper/harness/history"

// remembered is how many of a member's vote requests and leaderships are kept.
// It only has to outlast messages that overtake each other on different links.
const remembered = 16

// identity tells a member from those that had its name before.
type identity struct {
	name    string
	renewed uint64 // how many had it before
}

// member is what the assembler knows of one member.
type member struct {
	identity
	voter int     // its place among the voters of the start, -1 if it is none
	seq   *uint64 // of its events, in whatever group

	asked    requests // vote requests that it sent
	preAsked requests
	led      terms  // the last terms seen led by it
	told     uint64 // the last term in which it was sent a TimeoutNow
	lead     leadership
	ack      ack
}

// requests holds the log positions that a member's last candidacies showed.
type requests struct {
	ring [remembered]request
	n    int
}

type request struct {
	term uint64
	last history.Pos
}

// add remembers a request; it reports false if the term's is known already.
func (r *requests) add(term uint64, last history.Pos) bool {
	if _, ok := r.find(term); ok {
		return false
	}
	r.ring[r.n%remembered] = request{term, last}
	r.n++
	return true
}

// find returns the log position that the member showed when it stood in term.
func (r *requests) find(term uint64) (history.Pos, bool) {
	for _, q := range r.ring[:min(r.n, remembered)] {
		if q.term == term {
			return q.last, true
		}
	}
	return history.Pos{}, false
}

// terms is a short memory of terms.
type terms struct {
	ring [remembered]uint64
	n    int
}

// add reports false if the term is remembered already.
func (t *terms) add(term uint64) bool {
	for _, old := range t.ring[:min(t.n, remembered)] {
		if old == term {
			return false
		}
	}
	t.ring[t.n%remembered] = term
	t.n++
	return true
}

// leadership is the latest term that a member leads, and what follows from the
// messages of that term.
type leadership struct {
	term  uint64
	log   runs     // the leader's log
	won   bool     // with is known
	with  uint64   // the last index that its log had when it won, of whatever term
	match []uint64 // by voter: acknowledged up to here in this term

	commit uint64 // known to be committed
	told   uint64 // the last index that an event told of
	flow   int    // messages since commit ran ahead of told
	bold   int    // commits told of that no majority had acknowledged
}

func (l *leadership) begin(term uint64) {
	l.term, l.commit, l.told, l.flow, l.bold = term, 0, 0, 0, 0
	l.won, l.with = false, 0
	l.log.reset()
	clear(l.match)
}

// wins notes where the leader's log ended when it won, once.
func (l *leadership) wins(last history.Pos) {
	if !l.won {
		l.won, l.with = true, last.Index
	}
	l.log.add(last)
}

// own tells whether the leader itself made the entry at p. One that its log had when it won
// is not its own, though it be of its term: a log may begin with a snapshot of the term in
// which the first election is.
func (l *leadership) own(p history.Pos) bool { return p.Term == l.term && p.Index > l.with }

// acknowledged returns the highest index that quorum voters other than the
// leader have acknowledged. The leader is left out because what it has on its
// own disk is not on the wire.
func (l *leadership) acknowledged(leader, quorum int) uint64 {
	var buf [16]uint64
	top := buf[:0] // descending
	for v, m := range l.match {
		if v == leader {
			continue
		}
		i := len(top)
		top = append(top, m)
		for ; i > 0 && top[i-1] < m; i-- {
			top[i] = top[i-1]
		}
		top[i] = m
	}
	if quorum < 1 || len(top) < quorum {
		return 0
	}
	return top[quorum-1]
}

// ack is the latest acknowledgement of a member, to one leader of one term.
type ack struct {
	term  uint64
	peer  *member
	match history.Pos
	last  history.Pos // the member's own last position, if the wire shows it
	told  uint64      // the last index that an event told of
	flow  int         // responses since then
}
