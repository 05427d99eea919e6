package raft

import (
	"cmp"
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// removal is a cut in a member's log that only the whole history can judge.
type removal struct {
	member *logMember
	term   uint64      // it happened in this term, or a later one if !exact
	entry  history.Pos // the first entry that went
	exact  bool        // it was done for the leader of term
	event  history.Event
}

// maxRemovals bounds what is remembered of cuts; a cluster that changes leaders
// once a second for an hour does not come near it.
const maxRemovals = 16384

// truncated takes a removal of conflicting entries.
func (c *Logs) truncated(m *logMember, e *history.Event) {
	if e.Raft.Index == 0 {
		c.Unknown("%s at %s removes entries from 0 on: there is no such entry", m.name, verdict.Seconds(e.At))
		return
	}
	if !m.placed {
		return
	}
	c.removed(m, e, e.Raft.Index, true)
	m.log.cut(e.Raft.Index)
}

// removed judges that a member's entries from index k on went, for the leader of
// the event's term T. An entry may go only if the leader has another one in its
// place, which is impossible when
//   - the member is that leader itself: leaders only append;
//   - the member knew the entry committed: every later leader has it;
//   - the member accepted it, or one after it, from this very leader in T: then
//     the leader's log has it and never loses it;
//   - the entry is of term T: it was made by this very leader.
//
// These follow from the member's own trace. What needs the traces of others waits
// for the end (judgeRemovals).
func (c *Logs) removed(m *logMember, e *history.Event, k uint64, exact bool) {
	r := e.Raft
	end, known := m.log.end()
	if k > end.Index {
		return
	}
	switch {
	case m.leads == r.Term && r.Term != 0:
		c.Violate("a leader removed entries",
			fmt.Sprintf("%s removed its entries from %d on while it was the leader of term %d", m.name, k, r.Term),
			append(m.leader.Get(), verdict.Keep(e))...)
	case k <= m.commit:
		c.Violate("committed entries were removed",
			fmt.Sprintf("%s removed its entries from %d on although it knew everything up to %d committed", m.name, k, m.commit),
			append(m.knows.Get(), verdict.Keep(e))...)
	case m.agreedTerm == r.Term && k <= m.agreed:
		c.Violate("removed entries that did not conflict",
			fmt.Sprintf("%s removed its entries from %d on for the leader of term %d, from which it had taken them up to %d",
				m.name, k, r.Term, m.agreed), append(m.accepts.Get(), verdict.Keep(e))...)
	case known && end.Term == r.Term:
		c.Violate("removed entries that did not conflict",
			fmt.Sprintf("%s removed entries up to %s for the leader of term %d, which made them", m.name, verdict.Place(end), r.Term), verdict.Keep(e))
	default:
		c.remember(m, e, k, exact)
	}
	m.agreed = min(m.agreed, k-1)
}

func (c *Logs) remember(m *logMember, e *history.Event, k uint64, exact bool) {
	term, ok := m.log.termAt(k)
	if !ok || len(c.removals) >= maxRemovals {
		return
	}
	in := e.Raft.Term
	if e.Raft.What == history.RaftStart {
		in = m.term // it may have happened as early as this
	}
	c.removals = append(c.removals, removal{m, in, history.Pos{Term: term, Index: k}, exact, verdict.Keep(e)})
}

// judgeRemovals decides the cuts that a member's own trace could not.
//
// An entry known committed in a term C ≤ T is in the log of every leader of a
// term from C on, so no leader of T conflicts with it. (Committed in a later
// term it may well have been removed before, legally.) And an entry that the
// leader of T had when it won, by its lineage, cannot conflict with it either.
func (c *Logs) judgeRemovals() {
	c.commitments.seal()
	for _, x := range c.removals {
		if m := c.commitments.upTo(x.term); m != nil {
			if term, ok := c.lineage.termAt(m.pos, x.entry.Index); ok && term == x.entry.Term {
				c.Violate("committed entries were removed",
					fmt.Sprintf("%s lost entry %s, which was committed in term %d", x.member.name, verdict.Place(x.entry), m.term),
					m.event, x.event)
				continue
			}
		}
		if !x.exact {
			continue
		}
		reign := c.lineage.reigns[x.term]
		if reign == nil || reign.split {
			continue
		}
		if term, ok := c.lineage.termAt(reign.last, x.entry.Index); ok && term == x.entry.Term {
			c.Violate("removed entries that did not conflict",
				fmt.Sprintf("%s removed entry %s for %s, leader of term %d, which has the same entry",
					x.member.name, verdict.Place(x.entry), reign.node, x.term), reign.event, x.event)
		}
	}
}

// installed takes a snapshot in place of the log. The entries after the
// snapshot's last are gone with it, which is a removal like any other but that
// the leader need not have another entry there (so !exact).
func (c *Logs) installed(m *logMember, e *history.Event) {
	r := e.Raft
	if m.placed {
		c.removed(m, e, r.Index+1, false)
	}
	m.log.restart(history.Pos{Term: r.EntryTerm, Index: r.Index}, r.EntryTerm == 0)
	m.placed = true
	c.entry(m, e, history.Pos{Term: r.EntryTerm, Index: r.Index}, r.Hash)
	c.known.add(e)
	c.reached(m.name, history.Pos{Term: cmp.Or(r.EntryTerm, r.Term), Index: r.Index})
	if r.Index > m.commit {
		m.commit = r.Index
		m.knows.Set(e)
		c.note(r.EntryTerm, r.Index, r.Index, e)
	}
	if r.Peer != "" && (m.agreedTerm != r.Term || r.Index > m.agreed) {
		m.agreedTerm, m.agreed = r.Term, r.Index
		m.accepts.Set(e)
	}
	c.state(m, e)
}
