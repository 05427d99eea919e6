// Package raft has the rules of Raft: who leads, who votes for whom, what logs hold
// and what is committed, as members' traces and taps on the wire tell it.
//
// Read election.go and claims.go first, then votes.go with majority.go, stalelog.go with
// lineage.go, and logs.go, whose comment says which file has which rule. Each rule
// stands beside the argument why it raises no false alarm.
package raft

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Election checks election safety (Raft §5.2): over all time, a term has at
// most one leader.
//
// A member leads a term when its trace says so, or when it is seen to send what
// only a leader sends (appends, heartbeats, snapshots) in that term: whether the
// message arrived does not matter. Both are positive evidence, so a history that
// is cut short, or a member killed in mid-deed, can hide a violation but never
// make one up.
//
// Whom its followers name counts as well: a member takes entries, removals and
// snapshots of its term from the leader of that term and nobody else, so that two
// names in one term, or another than the leader's own, mean that somebody obeyed
// one who does not lead (a deposed leader, in most cases). The name and the term
// are in one event of the follower, traced once it has obeyed: this too is
// positive evidence and needs no order.
//
// A leader that nobody saw is one of these as well, once the trace of whom a
// follower names is whole: a member writes to its trace that it leads before it
// sends anything as leader (impostors).
//
// Where members are traced and their links tapped, the sources are compared. A
// member writes "leader" to its trace before it sends anything as leader, even
// if it is killed right after; so once the history is whole, a leadership on the
// wire that the trace does not know means that one of the two lies, and the
// verdict is unknown. A traced leadership without traffic is normal.
type Election struct {
	verdict.Findings
	verdict.Sources
	terms    map[uint64][]*claim
	followed map[uint64]*history.Event // by term, the first word of a follower about its leader
	obeys    map[string]claimKey       // by follower, its last word
}

// claim is what is known of one member's leadership of one term.
type claim struct {
	node       string
	trace, tap *history.Event
}

// NewElection returns the checker "election".
func NewElection() *Election {
	return &Election{
		terms:    make(map[uint64][]*claim),
		followed: make(map[uint64]*history.Event),
		obeys:    make(map[string]claimKey),
	}
}

// Name returns "election".
func (*Election) Name() string { return "election" }

// Early returns AsEventsCome.
func (*Election) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*Election) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *Election) Event(e *history.Event) {
	r := c.Deed(e)
	if r == nil {
		return
	}
	switch r.What {
	case history.RaftLeader:
		c.leader(e)
	case history.RaftCandidate:
		if r.Source == history.Trace {
			c.Count("candidacies", 1)
		}
	case history.RaftFollower, history.RaftAppend, history.RaftTruncate, history.RaftInstall:
		if r.Source == history.Trace && r.Peer != "" && r.Peer != r.Node {
			c.follows(e)
		}
	}
}

// follows takes a member's word that Peer leads its term.
func (c *Election) follows(e *history.Event) {
	r := e.Raft
	named := claimKey{r.Peer, r.Term}
	if c.obeys[r.Node] == named {
		return // one of many appends
	}
	c.obeys[r.Node] = named
	first := c.followed[r.Term]
	if first == nil {
		kept := verdict.Keep(e)
		c.followed[r.Term] = &kept
	} else if first.Raft.Peer != r.Peer {
		c.misled(r.Term, r.Peer, *first, verdict.Keep(e))
		return
	}
	for _, k := range c.terms[r.Term] {
		if k.node != r.Peer {
			c.misled(r.Term, r.Peer, *k.any(), verdict.Keep(e))
			return
		}
	}
}

func (c *Election) misled(term uint64, name string, proof ...history.Event) {
	c.Violate("obeyed one who does not lead",
		fmt.Sprintf("entries or heartbeats of %s were accepted in term %d, which has another leader", name, term), proof...)
}

func (c *Election) leader(e *history.Event) {
	r := e.Raft
	claims := c.terms[r.Term]
	i := slices.IndexFunc(claims, func(k *claim) bool { return k.node == r.Node })
	if i < 0 {
		claims = append(claims, &claim{node: r.Node})
		c.terms[r.Term] = claims
		i = len(claims) - 1
	}
	k := claims[i]
	slot := &k.tap
	if r.Source == history.Trace {
		slot = &k.trace
	}
	if *slot != nil {
		return
	}
	kept := verdict.Keep(e)
	*slot = &kept
	if f := c.followed[r.Term]; f != nil && f.Raft.Peer != r.Node {
		c.misled(r.Term, f.Raft.Peer, *f, kept)
	}
	if first := claims[0]; i > 0 && (k.trace == nil || k.tap == nil) {
		c.Violate("two leaders in one term",
			fmt.Sprintf("term %d has two leaders: %s and %s", r.Term, first.node, r.Node),
			*first.any(), kept)
	}
}

// any returns the claim's evidence, the member's own word if there is one.
func (k *claim) any() *history.Event {
	if k.trace != nil {
		return k.trace
	}
	return k.tap
}

// Finish gives the verdict.
func (c *Election) Finish() verdict.Result {
	if c.Blind() {
		c.Unknown(verdict.Undecoded + ", and the members write no trace: whoever led there is not known")
	}
	if why, ok := c.Silent(); ok {
		return c.Unchecked(c.Name(), why)
	}
	c.Count("terms-led", int64(len(c.terms)))
	if c.Traced && c.Ended {
		c.impostors()
		c.compare()
	}
	return c.Result(c.Name(), count.Many(len(c.terms), "term")+" with a leader, never with two")
}

// impostors finds followers of members that never led by their own whole trace, nor
// on the wire.
func (c *Election) impostors() {
	for _, t := range slices.Sorted(maps.Keys(c.followed)) {
		f := c.followed[t]
		name := f.Raft.Peer
		led := slices.ContainsFunc(c.terms[t], func(k *claim) bool { return k.node == name })
		if led || len(c.terms[t]) > 0 || c.Lacks(name) != "" {
			continue // another leads that term: told of already
		}
		c.Violate("obeyed one who does not lead",
			fmt.Sprintf("%s follows %s in term %d, which %s never led by its own trace, of which nothing is missing", f.Raft.Node, name, t, name), *f)
	}
}

// compare finds leaderships on the wire that no trace knows of.
func (c *Election) compare() {
	terms := make([]uint64, 0, len(c.terms))
	for t := range c.terms {
		terms = append(terms, t)
	}
	slices.Sort(terms)
	for _, t := range terms {
		for _, k := range c.terms[t] {
			if k.trace != nil {
				continue
			}
			own := "its trace is silent about that term"
			if n := c.nearest(k.node, t); n != nil {
				own = "the nearest that its trace says is at " + verdict.Seconds(n.At) + ": " + verdict.Describe(n)
			}
			c.Unknown("trace and wire disagree: at %s %s, but %s", verdict.Seconds(k.tap.At), verdict.Describe(k.tap), own)
		}
	}
}

// nearest returns the traced leadership of node in the term closest to term.
func (c *Election) nearest(node string, term uint64) *history.Event {
	var best *history.Event
	distance := func(t uint64) uint64 { return max(t, term) - min(t, term) }
	for t, claims := range c.terms {
		for _, k := range claims {
			if k.node != node || k.trace == nil {
				continue
			}
			if best == nil || distance(t) < distance(best.Raft.Term) {
				best = k.trace
			}
		}
	}
	return best
}
