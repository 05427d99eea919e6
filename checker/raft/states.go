package raft

import (
	"fmt"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// states compares the digests of members' state machines at equal applied
// indexes. Every member tells its digest at multiples of history.ApplyEvery, so
// those are kept for good, in pages; digests at other indexes (of snapshots) are
// kept while there are few.
type states struct {
	pages    map[uint64]*[statePage]state
	others   map[uint64]state
	compared int64
}

// state is a digest and who told it first.
type state struct {
	digest uint64
	seq    uint64
	at     time.Duration
	inc    uint32
	node   uint16
	what   uint8 // 0 while the state is not known; else one of told, plus 1
}

const (
	statePage = 64
	maxOthers = 1 << 16
)

// told lists the events that tell a digest.
func told() [4]history.RaftWhat {
	return [...]history.RaftWhat{history.RaftApply, history.RaftSnapshot, history.RaftInstall, history.RaftStart}
}

// add notes a state at index and returns the one that was known, if any.
func (s *states) add(index uint64, now state) (old state, known bool) {
	if index%history.ApplyEvery != 0 {
		if old, known = s.others[index]; known {
			return old, true
		}
		if s.others == nil {
			s.others = make(map[uint64]state)
		}
		if len(s.others) < maxOthers {
			s.others[index] = now
		}
		return state{}, false
	}
	n := index / history.ApplyEvery
	page := s.pages[n/statePage]
	if page == nil {
		if s.pages == nil {
			s.pages = make(map[uint64]*[statePage]state)
		}
		page = new([statePage]state)
		s.pages[n/statePage] = page
	}
	if old = page[n%statePage]; old.what != 0 {
		return old, true
	}
	page[n%statePage] = now
	return state{}, false
}

// state compares a digest with that of whoever told one for the same index
// first: another member, or an earlier process of this one. Applied entries are
// committed, so equal indexes mean equal entries, unless committed entries
// changed: then different states are a consequence and not reported.
func (c *Logs) state(m *logMember, e *history.Event) {
	r := e.Raft
	if r.Index == 0 || r.Digest == 0 {
		return
	}
	now := state{digest: r.Digest, seq: e.Seq, at: e.At, inc: uint32(r.Inc), node: m.id}
	for i, what := range told() {
		if r.What == what {
			now.what = uint8(i + 1)
		}
	}
	old, known := c.states.add(r.Index, now)
	if !known {
		return
	}
	c.states.compared++
	const rule = "different states after the same entries"
	if old.digest == r.Digest || c.Breached("committed entries changed") || c.Breached("logs do not match") {
		return
	}
	first := c.byID[old.node]
	who := "differ"
	if first == m {
		who = "of two processes differ"
	}
	c.Violate(rule, fmt.Sprintf("the states of %s and %s after entry %d %s", first.name, m.name, r.Index, who),
		history.Event{Seq: old.seq, At: old.at, Raft: &history.Raft{
			Source: history.Trace, Node: first.name, Inc: uint64(old.inc), What: told()[old.what-1],
			Index: r.Index, Digest: old.digest,
		}}, verdict.Keep(e))
}
