package raft

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// knowledge is what members say they know committed, and how anybody can have
// come to know it: judged once every trace is whole.
type knowledge struct {
	made  commitments // by leaders that counted, or before the history begins
	known commitments // by anybody
	// reigns are the furthest commits of leaders that counted.
	reigns map[claimKey]*history.Event
	held   map[string]*frontier // by member, what it ever held
	// vague is set when a trace does not begin with its member's start: what was
	// there before is not known.
	vague bool
}

// frontier is the furthest that a member's log ever reached, for each term of its
// last entry: ascending in term, descending in index.
type frontier struct{ ends []history.Pos }

// add notes that the log once ended at p, or beyond.
func (f *frontier) add(p history.Pos) {
	n := len(f.ends)
	if n > 0 && f.ends[n-1].Term == p.Term { // nearly always
		f.ends[n-1].Index = max(f.ends[n-1].Index, p.Index)
		p = f.ends[n-1]
		f.ends = f.ends[:n-1]
	}
	if f.reaches(p) {
		return
	}
	f.ends = slices.DeleteFunc(f.ends, func(q history.Pos) bool { return q.Term <= p.Term && q.Index <= p.Index })
	at, _ := slices.BinarySearchFunc(f.ends, p.Term, func(q history.Pos, term uint64) int {
		if q.Term < term {
			return -1
		}
		return 1
	})
	f.ends = slices.Insert(f.ends, at, p)
}

// reaches tells whether the log can ever have held p: it once ended no earlier, with
// an entry of no earlier term.
func (f *frontier) reaches(p history.Pos) bool {
	return f != nil && slices.ContainsFunc(f.ends, func(q history.Pos) bool { return q.Term >= p.Term && q.Index >= p.Index })
}

// reached notes how far a member's log reached.
func (k *knowledge) reached(node string, p history.Pos) {
	f := k.held[node]
	if f == nil {
		f = &frontier{}
		if k.held == nil {
			k.held = make(map[string]*frontier)
		}
		k.held[node] = f
	}
	f.add(p)
}

// recalls takes what a process found on its disk. The member's first may have found
// what was there before the history. A later one knows what the one before it knew,
// and if that led, it may have counted and kept a commit that the kill let nobody
// hear of, not even the trace. A member alone needs no leadership in its trace for
// that.
func (c *Logs) recalls(m *logMember, e *history.Event) {
	r := e.Raft
	c.reached(m.name, r.Last)
	known := history.Event{Seq: e.Seq, At: e.At, Raft: verdict.KeepRaft(r)}
	known.Raft.Index = max(r.Index, r.Commit)
	switch {
	case known.Raft.Index == 0:
	case !m.seen:
		known.Raft.Term = 0
		c.made.add(&known)
	case m.leads != 0:
		known.Raft.Term = m.leads
		c.made.add(&known)
	case len(c.Everybody()) > 1:
		c.known.add(&known)
	}
}

// counted takes the commit of a leader that counted who holds the entry.
func (k *knowledge) counted(e *history.Event) {
	k.made.add(e)
	key := claimKey{e.Raft.Node, e.Raft.Term}
	old := k.reigns[key]
	if old != nil && old.Raft.Index >= e.Raft.Index {
		return
	}
	if old == nil {
		old = &history.Event{Raft: &history.Raft{}}
		if k.reigns == nil {
			k.reigns = make(map[claimKey]*history.Event)
		}
		k.reigns[key] = old
	}
	raft := old.Raft
	*old, *raft = *e, *e.Raft
	old.Raft, raft.Hashes = raft, nil
}

// learns judges that a member applied or compacted up to an index by what its own
// process had told before: it knows what is committed from a leader, a snapshot, or
// its count as a leader, and tells of each before it acts on it (Raft §5.3, §7).
func (c *Logs) learns(m *logMember, e *history.Event, did string) {
	r := e.Raft
	if !m.resumed || r.Index <= m.commit {
		return
	}
	c.Violate(did+" the uncommitted",
		fmt.Sprintf("%s %s entry %d when it knew entries up to %d committed", m.name, did, r.Index, m.commit),
		append(m.knows.Get(), verdict.Keep(e))...)
	m.commit = r.Index
}

// judgeKnowledge holds what members know committed against what leaders committed.
//
// A follower knows a commit from the leader of its term, that one from its own count
// or from when it was a follower: at the beginning of each chain a leader of that
// or an earlier term counted, and wrote so to its trace before it told anybody. A
// leader counts members that acknowledged the entry, which they wrote to theirs
// before. So in traces of which nothing is missing both are to be found, whatever
// was killed, and whenever. What the wire shows counts as well.
//
// A log that once ended no earlier than the entry, and with no earlier term, is
// taken to hold it. If the harness changed the members, a majority of any set of
// voters so far will do; if members told of a set that it did not ask for, nothing
// is concluded.
func (c *Logs) judgeKnowledge() {
	if c.vague || c.changed || c.AnyLacks() != "" {
		return
	}
	c.made.seal()
	c.known.seal()
	for _, term := range c.known.terms {
		known := c.known.byTerm[term]
		made := c.made.upTo(term)
		if made != nil && made.pos.Index >= known.pos.Index {
			continue
		}
		proof, most := []history.Event{known.event}, uint64(0)
		if made != nil {
			proof, most = append(proof, made.event), made.pos.Index
		}
		c.Violate("a commit that no leader made",
			fmt.Sprintf("%s, in term %d, knows entry %d committed, but leaders of terms up to %d committed no more than up to %d",
				known.event.Raft.Node, term, known.pos.Index, term, most), proof...)
	}
	for _, key := range sortedClaims(c.reigns) {
		c.judgeReign(key, c.reigns[key])
	}
}

// judgeReign decides whether a majority ever held what a leader committed.
func (c *Logs) judgeReign(key claimKey, e *history.Event) {
	p := history.Pos{Term: e.Raft.EntryTerm, Index: e.Raft.Index}
	var holders []string
	for _, name := range c.Everybody() {
		if c.held[name].reaches(p) {
			holders = append(holders, name)
		}
	}
	if c.Decides(holders) {
		return
	}
	c.Violate("committed what no majority held",
		fmt.Sprintf("%s, leader of term %d, committed entry %s, which %d of %d members ever held",
			key.node, key.term, verdict.Place(p), len(holders), len(c.Everybody())), *e)
}
