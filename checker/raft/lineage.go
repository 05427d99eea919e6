package raft

import (
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// lineage knows what every log of a run looks like from its end position alone.
//
// The entries of a term are made by that term's leader only, who starts right
// after the last entry it had when it won and only ever appends (Raft §5.2, §5.3:
// leader append-only, log matching). So the log that ends at (t, i) consists of
// entries of t back to the winning position of t's leader, before that of the
// log that ended there, and so on. A leader event for each term is all it takes,
// and terms whose leader is not known, or not unique, yield no answer.
type lineage struct {
	reigns map[uint64]*reign
}

// reign is a member's leadership of a term.
type reign struct {
	node  string
	last  history.Pos // its log when it won
	split bool        // the term has several claims that disagree
	event history.Event
}

// crown notes a leader event that tells with which log the leader won.
func (l *lineage) crown(e *history.Event) {
	r := e.Raft
	if r.Source == history.Tap && r.Last == (history.Pos{}) {
		return // its vote requests were not seen
	}
	if l.reigns == nil {
		l.reigns = make(map[uint64]*reign)
	}
	old := l.reigns[r.Term]
	if old == nil {
		l.reigns[r.Term] = &reign{node: r.Node, last: r.Last, event: verdict.Keep(e)}
		return
	}
	if old.node != r.Node || old.last != r.Last {
		old.split = true
	}
}

// termAt returns the term of entry index in the log that ends at end, and
// whether it is certain. An index beyond the end has no entry.
func (l *lineage) termAt(end history.Pos, index uint64) (term uint64, ok bool) {
	for index > 0 && index <= end.Index {
		if index == end.Index {
			return end.Term, true
		}
		r := l.reigns[end.Term]
		if r == nil || r.split || r.last.Index >= end.Index || r.last.Term >= end.Term {
			return 0, false
		}
		if index > r.last.Index {
			return end.Term, true
		}
		end = r.last
	}
	return 0, false
}

// commitment is evidence that everything up to pos was committed by leaders of
// terms up to term.
type commitment struct {
	term  uint64
	pos   history.Pos // Term 0 when the entry's term is not known
	event history.Event
}

// commitments keeps, for each committing term, the furthest evidence.
type commitments struct {
	byTerm map[uint64]*commitment
	terms  []uint64      // sealed: the committing terms, ascending
	best   []*commitment // sealed: the furthest of each term and all below it
}

// add notes a commit event. A follower's commit counts as well: what a member
// knows committed in term C was committed by a leader of a term ≤ C.
func (c *commitments) add(e *history.Event) {
	r := e.Raft
	old := c.byTerm[r.Term]
	if old != nil && (old.pos.Index > r.Index || old.pos.Index == r.Index && old.pos.Term != 0) {
		return
	}
	if c.byTerm == nil {
		c.byTerm = make(map[uint64]*commitment)
	}
	pos := history.Pos{Term: r.EntryTerm, Index: r.Index}
	if old == nil {
		c.byTerm[r.Term] = &commitment{term: r.Term, pos: pos, event: verdict.Keep(e)}
		return
	}
	// The usual case, once for each commit: no new memory.
	raft := old.event.Raft
	*raft = *r
	raft.Hashes, raft.Voters, raft.Outgoing, raft.Learners = nil, nil, nil, nil
	old.pos = pos
	old.event.Seq, old.event.At = e.Seq, e.At
}

// seal ends the gathering; upTo may be asked from then on.
func (c *commitments) seal() {
	for t := range c.byTerm {
		c.terms = append(c.terms, t)
	}
	slices.Sort(c.terms)
	var best *commitment
	for _, t := range c.terms {
		if m := c.byTerm[t]; best == nil || m.pos.Index > best.pos.Index {
			best = m
		}
		c.best = append(c.best, best)
	}
}

// upTo returns the furthest commitment of a term ≤ term, or nil.
func (c *commitments) upTo(term uint64) *commitment {
	i, found := slices.BinarySearch(c.terms, term)
	if found {
		return c.best[i]
	}
	if i == 0 {
		return nil
	}
	return c.best[i-1]
}
