package raft

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// acknowledged is what the wire shows of followers' acknowledgements, and the
// commits that leaders told of before a majority had acknowledged them.
type acknowledged struct {
	reigns  map[claimKey]*acks // by leader
	last    claimKey           // the one last asked for, and its acknowledgements
	cache   *acks
	bold    []boldCommit
	commits int64
}

// acks are each follower's highest acknowledgement to one leader.
type acks struct{ of []*ack }

type ack struct {
	node string
	slot verdict.Slot
}

func (a *acknowledged) acks(key claimKey) *acks {
	if a.cache != nil && a.last == key {
		return a.cache
	}
	if a.reigns == nil {
		a.reigns = make(map[claimKey]*acks)
	}
	if a.reigns[key] == nil {
		a.reigns[key] = &acks{}
	}
	a.last, a.cache = key, a.reigns[key]
	return a.cache
}

// by returns the acknowledgement of a follower, nil if there is none.
func (a *acks) by(node string) *ack {
	for _, of := range a.of {
		if of.node == node {
			return of
		}
	}
	return nil
}

// note takes an acknowledgement.
func (a *acks) note(e *history.Event) {
	old := a.by(e.Raft.Node)
	if old == nil {
		old = &ack{node: strings.Clone(e.Raft.Node)}
		a.of = append(a.of, old)
	} else if e.Raft.Index <= old.slot.Raft.Index {
		return
	}
	old.slot.Set(e)
}

// have lists who has an entry, the leader first.
func (a *acks) have(leader string, index uint64) []string {
	names := []string{leader}
	for _, of := range a.of {
		if of.node != leader && of.slot.Raft.Index >= index {
			names = append(names, of.node)
		}
	}
	return names
}

// holders counts those of the members who have an entry, the leader included.
func (a *acks) holders(members []string, leader string, index uint64) (n int) {
	for _, name := range members {
		if name == leader {
			n++
		} else if ack := a.by(name); ack != nil && ack.slot.Raft.Index >= index {
			n++
		}
	}
	return n
}

type boldCommit struct {
	key     claimKey
	index   uint64
	holders []string // the leader included
	counted []string // whom the leader counted, if its group was gathering
	events  []history.Event
}

// maxBold bounds the commits that are kept for the end.
const maxBold = 16

// tap takes an acknowledgement or a commit from the wire.
//
// An entry of a leader's own term is committed once a majority holds it (Raft
// §5.3, §5.4.2). The leader counts what was acknowledged to it in its term, and
// itself. The tap is one observer: it tells of an acknowledgement before it tells
// of any commit that the leader sent afterwards, and a response is seen before
// its first byte reaches the leader. So a commit of an entry of the leader's term
// that stands in the history before a majority's acknowledgements was told of too
// soon, no matter that they came later: had the leader died in between, the entry
// could be lost.
//
// Entries of earlier terms are left out: the leader may have known them committed
// when it was a follower. So are those of its term that were in its log when it won, such
// as a snapshot that everybody began with (Lead is not set). The leader is taken to hold its own entries. If the
// harness changed the members, a majority of any set of voters so far will do, and
// what one member of a name acknowledged counts for the next. A group that gathers is
// counted as far as it has (verdict.Sources.Gathers). Whether an
// acknowledgement can have escaped is decided at the end (whole).
func (a *acknowledged) tap(s *verdict.Sources, e *history.Event) {
	r := e.Raft
	if r.Stage != history.Sent {
		return
	}
	switch r.What {
	case history.RaftAck:
		a.acks(claimKey{r.Peer, r.Term}).note(e)
	case history.RaftCommit:
		if r.Lead && r.EntryTerm == r.Term && r.Term != 0 {
			a.commits++
			a.commit(s, e)
		}
	}
}

func (a *acknowledged) commit(s *verdict.Sources, e *history.Event) {
	key := claimKey{e.Raft.Node, e.Raft.Term}
	told := a.acks(key)
	if told.holders(s.Nodes, key.node, e.Raft.Index) > len(s.Nodes)/2 {
		return // nearly always
	}
	b := boldCommit{key: key, index: e.Raft.Index, holders: told.have(key.node, e.Raft.Index)}
	for _, ack := range told.of {
		if ack.node != key.node {
			b.events = append(b.events, ack.slot.Get()...)
		}
	}
	if len(s.Nodes) == 0 || s.Decides(b.holders) || len(a.bold) >= maxBold {
		return
	}
	entry := history.Pos{Term: e.Raft.EntryTerm, Index: e.Raft.Index}
	if s.Gathers(entry, func(index uint64) []string { return told.have(key.node, index) }) {
		return
	}
	b.counted = s.Gathered(entry)
	b.events = append(b.events, verdict.Keep(e))
	a.bold = append(a.bold, b)
}

// whole tells whether no acknowledgement can have gone unseen: the history is
// whole, every link was decoded without a hole, and no member told of another
// configuration, nor a tap of a change to one that is not known.
func (c *Logs) whole() bool {
	why, _ := c.Voterless()
	return c.Tapped && !c.Holes && c.Ended && !c.changed && why == ""
}

// judgeBold reports the commits that came too soon, once that is certain.
func (c *Logs) judgeBold() {
	if !c.whole() {
		return
	}
	for _, b := range c.wire.bold {
		if c.Regrouped() && c.Decides(b.holders) { // by voters that were told of later
			continue
		}
		text := fmt.Sprintf("%s, leader of term %d, told that entry %s is committed when of %d members only %d had it, itself included",
			b.key.node, b.key.term, history.Index(b.index), len(c.Nodes), len(b.holders))
		if len(b.counted) > 0 {
			text += ": its group was gathering, and it counted " + strings.Join(b.counted, " and ")
		}
		why := c.Uncounted(b.holders, true)
		if c.Strange {
			why = verdict.Unheard
		}
		if why != "" {
			c.Unknown("%s as far as is known, but %s", text, why)
			continue
		}
		c.Violate("committed before a majority had it", text, b.events...)
	}
}
