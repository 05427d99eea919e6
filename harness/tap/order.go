package tap

import (
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Order watches the terms of the messages that one member sends to another on one
// connection, of which it is told in order. The zero Order is that of a connection
// on which nothing has passed.
//
// A member's term never falls (Raft §5.1), and one connection is one process' and
// keeps the order in which it sends. So a message that carries its sender's term
// never follows one of a higher term. Requests and answers are each compared among
// themselves only: a system may make an answer, wait for its disk, and let what it
// made since then pass (etcd does from 3.6 on). Pre-votes carry a term that nobody
// is in, and snapshots may be sent anew; neither counts. Nor must the caller tell of
// connections whose messages were queued by several hands (etcd's pipeline).
//
// Where a connection carries several groups, each is compared with itself.
type Order struct {
	requests, answers uint64
	told              bool
	groups            map[string]*Order // beside the main one, maxGroups at most
}

// Sent takes a message, and tells a of the first that gives a term back.
func (o *Order) Sent(a *Assembler, m *Message) {
	if m.Group != "" {
		if o = o.of(m.Group); o == nil {
			return
		}
	}
	highest := &o.requests
	switch m.Kind {
	case Append, Heartbeat, HeartbeatResponse, Vote:
	case AppendResponse, VoteResponse:
		highest = &o.answers
	default:
		return
	}
	if m.Term >= *highest || m.Term == 0 {
		*highest = max(*highest, m.Term)
		return
	}
	if !o.told {
		o.told = true
		a.regressed(m, *highest)
	}
}

// of returns the order within a group, nil if there are too many.
func (o *Order) of(group string) *Order {
	g := o.groups[group]
	if g == nil && len(o.groups) < maxGroups {
		if o.groups == nil {
			o.groups = make(map[string]*Order)
		}
		g = &Order{}
		o.groups[strings.Clone(group)] = g
	}
	return g
}

func (a *Assembler) regressed(m *Message, before uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groupLocked(m.Group)
	if g == nil {
		return
	}
	if from := g.memberLocked(identity{m.From, m.FromNew}); from != nil {
		g.tellLocked(from, history.Raft{
			What: history.RaftRegress, Stage: history.Sent, Term: m.Term, PeerTerm: before, Peer: m.To,
		})
	}
}
