package tap

import "github.com/usurper/usurper/harness/history"

// maxRuns bounds what is remembered of one log. A log has as many runs as terms
// in which entries were made; the newest are the ones that matter.
const maxRuns = 32

// run is a stretch lo..hi of a log whose entries are all of one term.
type run struct{ term, lo, hi uint64 }

// runs is what is known of the terms of one log's entries: disjoint stretches,
// ascending in index and term. Terms never decrease along a log, so between two
// positions of the same term every entry is of that term; nothing else is ever
// inferred.
type runs struct {
	list []run
}

// add notes that the log has an entry at p. When p contradicts what is known,
// the log is not what it was (its owner came back with another one): all older
// knowledge is dropped.
func (r *runs) add(p history.Pos) {
	if p.Index == 0 || p.Term == 0 {
		return
	}
	n := len(r.list)
	if n > 0 { // nearly always: the log's end, or a little before
		last := &r.list[n-1]
		if last.term == p.Term && p.Index >= last.lo {
			last.hi = max(last.hi, p.Index)
			return
		}
	}
	i := n // the first run of a term ≥ p's
	for i > 0 && r.list[i-1].term >= p.Term {
		i--
	}
	below := i == 0 || r.list[i-1].hi < p.Index
	same := i < n && r.list[i].term == p.Term
	next := i
	if same {
		next = i + 1
	}
	above := next >= n || p.Index < r.list[next].lo
	switch {
	case !below || !above:
		r.list = append(r.list[:0], run{p.Term, p.Index, p.Index})
	case same:
		r.list[i].lo = min(r.list[i].lo, p.Index)
		r.list[i].hi = max(r.list[i].hi, p.Index)
	default:
		r.insert(i, run{p.Term, p.Index, p.Index})
	}
}

// insert puts s before the run at i and forgets the lowest run when there are
// too many.
func (r *runs) insert(i int, s run) {
	r.list = append(r.list, run{})
	copy(r.list[i+1:], r.list[i:])
	r.list[i] = s
	if len(r.list) > maxRuns {
		copy(r.list, r.list[1:])
		r.list = r.list[:maxRuns]
	}
}

// floor returns the highest position known at or below index, if there is one.
func (r *runs) floor(index uint64) (history.Pos, bool) {
	for i := len(r.list) - 1; i >= 0; i-- {
		if s := r.list[i]; s.lo <= index {
			return history.Pos{Term: s.term, Index: min(s.hi, index)}, true
		}
	}
	return history.Pos{}, false
}

// term returns the term of the entry at index, if it is known.
func (r *runs) term(index uint64) (uint64, bool) {
	p, ok := r.floor(index)
	return p.Term, ok && p.Index == index
}

func (r *runs) reset() { r.list = r.list[:0] }
