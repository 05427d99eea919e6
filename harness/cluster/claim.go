package cluster

import (
	"time"

	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// repeat is how long a member that answers the same is not quoted again.
const repeat = 250 * time.Millisecond

// said records what a process of the member n, m.Inc, answered. A member without a
// process has answered nothing: what its log said last is no answer. Where another
// member accepts at its addresses, as one does that listens at all there are, nobody
// knows whose answer it was: then it is no evidence of who led.
func (c *Cluster) said(n *node, m *target.Member, s *target.Status) {
	if n.pid.Load() == 0 {
		return
	}
	claim := history.Claim{Node: n.name, Inc: m.Inc, Role: s.Role, Term: s.Term, Leader: s.Leader, Atomic: s.Atomic}
	n.quoting.Lock()
	defer n.quoting.Unlock()
	now := time.Now()
	if n.answered == claim && now.Sub(n.quoted) < repeat {
		return
	}
	n.answered, n.quoted = claim, now
	if claim.Atomic && claim.Leads() && c.another(n, m) {
		claim.Atomic = false
	}
	n.o.Record(history.Event{Claim: &claim})
}

// another tells whether processes of another member listen at the addresses of m.
func (c *Cluster) another(n *node, m *target.Member) bool {
	var others []int
	for name, kin := range c.Processes() {
		if name != n.name {
			others = append(others, kin...)
		}
	}
	for _, addr := range addresses(c.o.Target, m) {
		// An error means that it is not to be told here.
		if listens, err := owner.Listens(addr, others); err == nil && listens {
			return true
		}
	}
	return false
}
