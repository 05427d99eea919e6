package raft

import (
	"fmt"
	"maps"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// unasked judges a leadership by what the member's own trace said before. A process
// leads a term by having stood in it, and neither followed nor restarted since:
// leadership is not kept on disk (Raft figure 2), and a candidate that finds a
// leader has given up (§5.2).
func (c *Votes) unasked(v *voter, e *history.Event) {
	r := e.Raft
	if !v.resumed || v.stands == r.Term {
		return
	}
	v.stands = r.Term
	c.Violate("led without having stood",
		fmt.Sprintf("%s leads term %d, in which its process does not stand as a candidate", v.name, r.Term),
		append(v.role.Get(), verdict.Keep(e))...)
}

// phantoms finds votes for members that never stood in the term. A member writes
// its candidacy to its trace before it asks for votes, so a trace that is whole
// knows of each that anybody has voted for. A vote that a member finds when it comes up
// for the first time may be for a candidate of before the history.
func (c *Votes) phantoms() {
	for _, name := range slices.Sorted(maps.Keys(c.voters)) {
		for _, term := range slices.Sorted(maps.Keys(c.voters[name].traced)) {
			b := c.voters[name].traced[term]
			if key := (claimKey{b.peer, term}); b.peer != name && !b.found && c.ballot(b.peer, key) == nil && c.Lacks(b.peer) == "" {
				c.Violate("a vote for one who did not stand",
					fmt.Sprintf("%s voted for %s in term %d, in which %s never stood by its own trace", name, b.peer, term, b.peer), b.event)
			}
		}
	}
}
