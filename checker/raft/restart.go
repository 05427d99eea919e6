package raft

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// start resumes a member from what its new process recovered, and holds that
// against what the one before had traced, all of which was durable.
//
// More may have become durable than was traced: the kill can come between the
// two. So a later term, further entries, and even a shorter log are possible: a
// leader of a later term may have made the member remove entries, of which the
// kill let only the removal be written. Less is lost for certain only when no
// leader can have asked for it; see lost.
func (c *Logs) start(m *logMember, e *history.Event, restarted bool) {
	r := e.Raft
	if restarted && r.Term < m.term {
		c.Violate("a term went back",
			fmt.Sprintf("%s was in term %d and %s in term %d", m.name, m.term, cameBack(m.raised.Event.Raft, r), r.Term),
			append(m.raised.Get(), verdict.Keep(e))...)
	}
	if restarted && m.placed {
		c.recovered(m, e)
	} else {
		m.log.restart(r.Last, false)
	}
	if r.Term != m.term || !m.raisedKnown() {
		m.raised.Set(e)
	}
	if m.agreedTerm != r.Term {
		m.agreed = 0
	}
	m.placed, m.term, m.leads, m.commit, m.told = true, r.Term, 0, max(r.Commit, r.Index), 0
	m.knows = verdict.Slot{}
	m.knows.Set(e)
	c.entry(m, e, r.Last, r.Hash)
	c.state(m, e)
}

func (m *logMember) raisedKnown() bool { return m.raised.Event.Raft != nil }

// recovered works out what the recovered log has in common with the traced one.
func (c *Logs) recovered(m *logMember, e *history.Event) {
	last := e.Raft.Last
	end, known := m.log.end()
	if known && last == end {
		return
	}
	switch {
	case last.Index < end.Index:
		gone := last.Index + 1
		term, ok := m.log.termAt(last.Index)
		if ok && term != last.Term {
			gone = last.Index // another entry is in its place
		}
		c.lost(m, e, gone)
		if ok && term == last.Term {
			m.log.cut(gone)
			return
		}
	case known && last.Term == end.Term: // last.Index > end.Index
		m.log.extend(last.Term, last.Index)
		return
	case last.Index == end.Index && known:
		c.lost(m, e, last.Index)
	}
	m.log.restart(last, false)
}

// lost judges that the entries from index k on did not survive a restart. Let T
// be the term that the member was in by its trace. No leader can have had the
// entries removed if
//   - the member knew the first of them committed; or
//   - the recovered term is T as well, so that only T's leader can have asked,
//     and the member is that leader, or accepted the entries from it in T, or the
//     last of them is of term T, hence that leader's own.
//
// Whether another member knows them committed is judged at the end.
func (c *Logs) lost(m *logMember, e *history.Event, k uint64) {
	r := e.Raft
	end, known := m.log.end()
	same := r.Term == m.term
	switch {
	case k <= m.commit:
		c.losing(m, e, k, m.knows.Get())
	case same && m.leads == r.Term && r.Term != 0:
		c.losing(m, e, k, m.leader.Get())
	case same && m.agreedTerm == r.Term && k <= m.agreed:
		c.losing(m, e, k, m.accepts.Get())
	case same && known && end.Term == r.Term:
		c.losing(m, e, k, m.accepts.Get())
	default:
		c.remember(m, e, k, false)
	}
	m.agreed = min(m.agreed, k-1)
}

func (c *Logs) losing(m *logMember, e *history.Event, k uint64, proof []history.Event) {
	end, _ := m.log.end()
	c.Violate("durable entries were lost",
		fmt.Sprintf("%s had its log durable up to %s and %s with it ending at %s: entry %d is gone",
			m.name, verdict.Place(end), cameBack(before(proof), e.Raft), verdict.Place(e.Raft.Last), k), append(proof, verdict.Keep(e))...)
}

// before is what a member told last of a proof, nil for nothing.
func before(proof []history.Event) *history.Raft {
	if len(proof) == 0 {
		return nil
	}
	return proof[len(proof)-1].Raft
}

// anew tells whether a member began again in the process in which it was: that is
// nobody's restart, but its own.
func anew(old, start *history.Raft) bool {
	return old != nil && start.Inc > 0 && old.Inc == start.Inc
}

// wasBegun says how a member came to begin again, in words that follow "when it".
func wasBegun(old, start *history.Raft) string {
	if anew(old, start) {
		return "began again in the same process"
	}
	return "was restarted"
}

// cameBack says the same of what it had then.
func cameBack(old, start *history.Raft) string {
	if anew(old, start) {
		return "began again in the same process"
	}
	return "came back from a restart"
}
