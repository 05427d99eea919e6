package raft

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// acknowledged is what the wire shows of followers' acknowledgements, and the
// commits that leaders told of before a majority had acknowledged them.
type acknowledged struct {
	reigns  map[claimKey]map[string]history.Event // by leader: each follower's highest
	bold    []boldCommit
	commits int64
}

type boldCommit struct {
	key    claimKey
	index  uint64
	voters int // who held it, the leader included
	events []history.Event
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
// when it was a follower. The leader is taken to hold its own entries. If the
// harness changed the members, a majority of any set of voters so far will do, and
// what one member of a name acknowledged counts for the next. Whether an
// acknowledgement can have escaped is decided at the end (whole).
func (a *acknowledged) tap(s *verdict.Sources, e *history.Event) {
	r := e.Raft
	if r.Stage != history.Sent {
		return
	}
	switch r.What {
	case history.RaftAck:
		key := claimKey{r.Peer, r.Term}
		if a.reigns == nil {
			a.reigns = make(map[claimKey]map[string]history.Event)
		}
		if a.reigns[key] == nil {
			a.reigns[key] = make(map[string]history.Event)
		}
		if old, ok := a.reigns[key][r.Node]; !ok || r.Index > old.Raft.Index {
			a.reigns[key][r.Node] = verdict.Keep(e)
		}
	case history.RaftCommit:
		if r.EntryTerm == r.Term && r.Term != 0 {
			a.commits++
			a.commit(s, e)
		}
	}
}

func (a *acknowledged) commit(s *verdict.Sources, e *history.Event) {
	key := claimKey{e.Raft.Node, e.Raft.Term}
	b := boldCommit{key: key, index: e.Raft.Index}
	var holders []string
	for _, name := range s.Everybody() {
		if name == key.node {
			holders = append(holders, name)
			continue
		}
		ack, ok := a.reigns[key][name]
		if !ok {
			continue
		}
		if ack.Raft.Index >= b.index {
			holders = append(holders, name)
		}
		b.events = append(b.events, ack)
	}
	if len(s.Nodes) == 0 || s.Decides(holders) || len(a.bold) >= maxBold {
		return
	}
	b.voters = len(holders)
	b.events = append(b.events, verdict.Keep(e))
	a.bold = append(a.bold, b)
}

// whole tells whether no acknowledgement can have gone unseen: the history is
// whole, every link was decoded without a hole, and no member told of another
// configuration.
func (c *Logs) whole() bool { return c.Tapped && !c.Holes && c.Ended && !c.changed }

// judgeBold reports the commits that came too soon, once that is certain.
func (c *Logs) judgeBold() {
	if !c.whole() {
		return
	}
	for _, b := range c.wire.bold {
		c.Violate("committed before a majority had it",
			fmt.Sprintf("%s, leader of term %d, told that entry %d is committed when of %d members only %d had it, itself included",
				b.key.node, b.key.term, b.index, len(c.Nodes), b.voters), b.events...)
	}
}
