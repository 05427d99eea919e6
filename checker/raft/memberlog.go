package raft

import (
	"github.com/usurper/usurper/harness/history"
)

// memberLog is what is known of one member's log: a base, below which nothing
// is known, and from there on the term of every entry, as runs. Terms never
// decrease along a log, so a log has as many runs as terms: hashes are in the
// chain.
type memberLog struct {
	base  history.Pos // the last entry of which only the position is known
	vague bool        // not even base.Term is known
	runs  []run
}

// run is entries of one term, up to and including last.
type run struct{ term, last uint64 }

// end returns the position of the last entry, and whether its term is known.
func (l *memberLog) end() (history.Pos, bool) {
	if n := len(l.runs); n > 0 {
		return history.Pos{Term: l.runs[n-1].term, Index: l.runs[n-1].last}, true
	}
	return l.base, !l.vague
}

// termAt returns the term of entry index, if there is one and it is known.
func (l *memberLog) termAt(index uint64) (uint64, bool) {
	if index <= l.base.Index {
		return l.base.Term, index == l.base.Index && !l.vague
	}
	term, ok := uint64(0), false
	for i := len(l.runs) - 1; i >= 0 && l.runs[i].last >= index; i-- {
		term, ok = l.runs[i].term, true
	}
	return term, ok
}

// extend adds entries of term up to index to. The caller has seen to it that they
// follow the end.
func (l *memberLog) extend(term, to uint64) {
	if n := len(l.runs); n > 0 && l.runs[n-1].term == term {
		l.runs[n-1].last = to
		return
	}
	l.runs = append(l.runs, run{term, to})
}

// cut removes the entries from index on.
func (l *memberLog) cut(index uint64) {
	if index <= l.base.Index {
		l.restart(history.Pos{Index: max(index, 1) - 1}, index > 1)
		return
	}
	n := len(l.runs)
	for n > 0 {
		below := l.base.Index
		if n > 1 {
			below = l.runs[n-2].last
		}
		if below < index-1 {
			l.runs[n-1].last = min(l.runs[n-1].last, index-1)
			break
		}
		n--
	}
	l.runs = l.runs[:n]
}

// restart forgets the log but for where it ends.
func (l *memberLog) restart(base history.Pos, vague bool) {
	l.base, l.vague, l.runs = base, vague, l.runs[:0]
}

// each calls f with every stretch of one term within from..to that is known, in
// descending order.
func (l *memberLog) each(from, to uint64, f func(term, from, to uint64)) {
	for i := len(l.runs) - 1; i >= 0; i-- {
		low := l.base.Index + 1
		if i > 0 {
			low = l.runs[i-1].last + 1
		}
		lo, hi := max(low, from), min(l.runs[i].last, to)
		if lo <= hi {
			f(l.runs[i].term, lo, hi)
		}
		if low <= from {
			return
		}
	}
	if l.base.Index >= from && l.base.Index <= to && l.base.Index > 0 && !l.vague {
		f(l.base.Term, l.base.Index, l.base.Index)
	}
}

// differs returns the first index within from..to whose entry is known to be of
// another term.
func (l *memberLog) differs(from, to, term uint64) (index uint64, ok bool) {
	l.each(from, to, func(t, lo, _ uint64) {
		if t != term {
			index, ok = lo, true // descending: the last one found is the lowest
		}
	})
	return index, ok
}
