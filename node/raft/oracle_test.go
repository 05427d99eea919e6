package raft_test

import (
	"fmt"

	"github.com/usurper/usurper/node/raft"
)

// The invariants of Raft figure 3, and the promises of votes, acknowledgements,
// timers and reads.
const (
	electionSafety = "election safety"      // at most one leader per term
	oneVote        = "one vote"             // per member and term, in the member's own term
	completeVote   = "complete vote"        // only to a log that is at least as complete
	firstCome      = "first come"           // the first eligible candidate is not refused
	majorityWins   = "majority"             // a leader has the votes of a majority for its term
	logMatching    = "log matching"         // equal index and term, equal log up to there
	keptAck        = "kept acknowledgement" // what a leader was acknowledged stays during its term
	completeness   = "leader completeness"  // a leader holds all that was committed in earlier terms
	stateSafety    = "state machine safety" // one entry per committed index
	ownTerm        = "own term"             // a leader commits by an entry of its own term
	termsRise      = "terms rise"           // a member's term never goes back
	quietTimer     = "quiet timer"          // no candidacy within T of hearing the leader
	freshRead      = "fresh read"           // a read sees all that was committed when it was asked
	keptCommit     = "kept commit"          // no snapshot takes a member back behind what it knows committed
)

// oracle watches a cluster and remembers every invariant that is broken.
type oracle struct {
	majority int
	election int
	broken   map[string]string // invariant: the first time

	leaders   map[uint64]raft.ID
	grants    map[grantKey]raft.ID
	votes     map[uint64]map[raft.ID]map[raft.ID]bool // term, candidate, voters
	hashes    map[raft.Pos]uint64
	logs      map[raft.ID]map[uint64]uint64 // member's hashes by index
	committed map[uint64]commitment
	top       uint64 // highest committed index
	terms     map[raft.ID]uint64
	acks      map[raft.ID]raft.Pos // term of the acknowledgement, index
	asked     map[uint64]uint64    // read: what was committed when it was asked
	known     map[raft.ID]uint64   // what a member knows committed, since its start
}

type grantKey struct {
	voter raft.ID
	term  uint64
}

type commitment struct{ hash, term uint64 }

func newOracle(s setup) *oracle {
	return &oracle{
		majority: s.n/2 + 1, election: s.election, broken: map[string]string{},
		leaders: map[uint64]raft.ID{}, grants: map[grantKey]raft.ID{},
		votes:  map[uint64]map[raft.ID]map[raft.ID]bool{},
		hashes: map[raft.Pos]uint64{}, logs: map[raft.ID]map[uint64]uint64{},
		committed: map[uint64]commitment{}, terms: map[raft.ID]uint64{},
		acks: map[raft.ID]raft.Pos{}, asked: map[uint64]uint64{}, known: map[raft.ID]uint64{},
	}
}

func (o *oracle) breach(invariant, format string, args ...any) {
	if _, known := o.broken[invariant]; !known {
		o.broken[invariant] = fmt.Sprintf(format, args...)
	}
}

func (o *oracle) event(id raft.ID, e raft.Event) {
	if e.Term < o.terms[id] {
		o.breach(termsRise, "member %d went from term %d to %d", id, o.terms[id], e.Term)
	}
	o.terms[id] = e.Term
	if o.logs[id] == nil {
		o.logs[id] = map[uint64]uint64{}
	}
	switch e.What {
	case raft.EventVote:
		o.vote(id, e)
	case raft.EventCandidate:
		if e.Known && e.HeardTicks < o.election {
			o.breach(quietTimer, "member %d stands %d ticks after it heard its leader", id, e.HeardTicks)
		}
	case raft.EventLeader:
		o.leader(id, e)
	case raft.EventAppend:
		for i := e.From; i <= e.To; i++ {
			h, at := e.Hashes[i-e.From], raft.Pos{Term: e.EntryTerm, Index: i}
			if known, ok := o.hashes[at]; ok && known != h {
				o.breach(logMatching, "member %d has another log up to %v", id, at)
			}
			o.hashes[at], o.logs[id][i] = h, h
		}
	case raft.EventTruncate:
		if ack := o.acks[id]; ack.Term == e.Term && e.Index <= ack.Index {
			o.breach(keptAck, "member %d acknowledged %d in term %d and cut at %d", id, ack.Index, ack.Term, e.Index)
		}
		for i := range o.logs[id] {
			if i >= e.Index {
				delete(o.logs[id], i)
			}
		}
	case raft.EventCommit:
		if e.Lead && e.EntryTerm != e.Term {
			o.breach(ownTerm, "leader %d of term %d commits by an entry of term %d", id, e.Term, e.EntryTerm)
		}
		o.commit(id, e)
		o.known[id] = e.Index
	case raft.EventConfig:
		o.known[id] = e.Index
	case raft.EventInstall:
		if known := o.known[id]; e.Index < known {
			o.breach(keptCommit, "member %d knows %d committed and installs a snapshot at %d", id, known, e.Index)
		}
		o.known[id] = e.Index
		o.logs[id] = map[uint64]uint64{e.Index: e.Hash}
		o.commit(id, e)
	}
}

func (o *oracle) vote(id raft.ID, e raft.Event) {
	key := grantKey{id, e.PeerTerm}
	to, voted := o.grants[key]
	if !e.Granted {
		if e.Reason == raft.ReasonVoted && !voted {
			o.breach(firstCome, "member %d refuses %d in term %d and has not voted", id, e.Peer, e.PeerTerm)
		}
		return
	}
	if voted && to != e.Peer || e.Term != e.PeerTerm {
		o.breach(oneVote, "member %d of term %d votes for %d in term %d after %d", id, e.Term, e.Peer, e.PeerTerm, to)
	}
	if e.PeerLast.Less(e.Last) {
		o.breach(completeVote, "member %d with %v votes for %d with %v", id, e.Last, e.Peer, e.PeerLast)
	}
	o.grants[key] = e.Peer
	if o.votes[e.PeerTerm] == nil {
		o.votes[e.PeerTerm] = map[raft.ID]map[raft.ID]bool{}
	}
	if o.votes[e.PeerTerm][e.Peer] == nil {
		o.votes[e.PeerTerm][e.Peer] = map[raft.ID]bool{}
	}
	o.votes[e.PeerTerm][e.Peer][id] = true
}

func (o *oracle) leader(id raft.ID, e raft.Event) {
	if other, known := o.leaders[e.Term]; known && other != id {
		o.breach(electionSafety, "members %d and %d both lead term %d", other, id, e.Term)
	}
	o.leaders[e.Term] = id
	if n := len(o.votes[e.Term][id]); n < o.majority {
		o.breach(majorityWins, "member %d leads term %d with %d votes", id, e.Term, n)
	}
	for i := range o.top {
		c, known := o.committed[i+1]
		h, has := o.logs[id][i+1]
		if known && c.term < e.Term && i+1 <= e.Last.Index && has && h != c.hash || known && c.term < e.Term && i+1 > e.Last.Index {
			o.breach(completeness, "leader %d of term %d lacks entry %d, committed in term %d", id, e.Term, i+1, c.term)
		}
	}
}

func (o *oracle) commit(id raft.ID, e raft.Event) {
	c, known := o.committed[e.Index]
	if known && c.hash != e.Hash {
		o.breach(stateSafety, "member %d commits another entry %d than in term %d", id, e.Index, c.term)
	}
	if !known || e.Term < c.term {
		o.committed[e.Index] = commitment{e.Hash, e.Term}
	}
	o.top = max(o.top, e.Index)
}

func (o *oracle) output(id raft.ID, out *raft.Output) {
	for _, m := range out.Messages {
		if m.Kind == raft.KindAppendResponse && !m.Reject {
			if ack := o.acks[id]; m.Term > ack.Term || m.Log.Index > ack.Index {
				o.acks[id] = raft.Pos{Term: m.Term, Index: m.Log.Index}
			}
		}
	}
	for _, e := range out.Committed {
		term := o.terms[id]
		o.commit(id, raft.Event{Term: term, Index: e.Index, Hash: e.Hash})
	}
	for _, r := range out.Reads {
		if r.OK && r.Index < o.asked[r.ID] {
			o.breach(freshRead, "member %d serves read %d at %d, %d was committed before", id, r.ID, r.Index, o.asked[r.ID])
		}
	}
}
