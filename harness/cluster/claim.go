package cluster

import (
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// repeat is how long a member that answers the same is not quoted again.
const repeat = 250 * time.Millisecond

// quote is the last answer of a member that was recorded, and when.
type quote struct {
	claim history.Claim
	at    time.Time
}

// said records what a process of the member, m.Inc, answered. A member without a
// process has answered nothing: what its log said last is no answer.
func (n *node) said(m *target.Member, s *target.Status) {
	if n.pid.Load() == 0 {
		return
	}
	c := history.Claim{Node: n.name, Inc: m.Inc, Role: s.Role, Term: s.Term, Leader: s.Leader, Atomic: s.Atomic}
	n.quoting.Lock()
	defer n.quoting.Unlock()
	now := time.Now()
	if n.quoted.claim == c && now.Sub(n.quoted.at) < repeat {
		return
	}
	n.quoted = quote{c, now}
	n.o.Record(history.Event{Claim: &c})
}
