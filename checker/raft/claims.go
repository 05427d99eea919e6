package raft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Claims judges elections by what members say of themselves: over all time, at
// most one member says that it leads a term.
//
// A claim counts if the target declares it atomic: then role and term come from
// one instant of the member's Raft state, and a member that says "leader, term 4"
// led term 4 just then, whatever has become of its process or its data since, and
// however late the answer came. So two of them are two leaders in one term, with no
// need of an order; as are such a claim and the leadership that a trace or a tap
// tells of another member. Two that traces and taps tell of are the business of the
// checker "election".
//
// Any other claim proves nothing: role and term may have been read one after the
// other, or the term be that of the last applied entry, so that a legal leader names
// the term before its own. A pair with such a claim is told and not judged.
//
// Where the wire is decoded without a hole, nobody can lead who asked for no vote there: a
// claim of one who did not means that one of the two witnesses errs, such as by what it
// calls a term, and the verdict is unknown. That holds for terms after the first that the
// wire shows; before it a member may have been alone.
//
// Where members are of several groups, what they say of themselves is about the main one.
//
// That few or no claims were heard proves nothing either: members are asked now
// and then, and a short leadership passes between two questions.
type Claims struct {
	verdict.Findings
	verdict.Sources
	terms  map[uint64][]*word
	stood  map[claimKey]bool // candidates and leaders on the wire
	lowest uint64            // term on the wire, 0 for none
	atomic bool              // a member was heard whose role and term are of one instant
	vague  bool              // … or one of which that is not declared
}

// word is the first that was heard of one member's leadership of one term.
type word struct {
	node string
	sure *history.Event // an atomic claim, or else a trace's or a tap's word
	said *history.Event // any other claim
}

// NewClaims returns the checker "claims".
func NewClaims() *Claims {
	return &Claims{terms: make(map[uint64][]*word), stood: make(map[claimKey]bool)}
}

// Name returns "claims".
func (*Claims) Name() string { return "claims" }

// Early returns AsEventsCome.
func (*Claims) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*Claims) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *Claims) Event(e *history.Event) {
	if e.Raft == nil || e.Raft.Group == "" {
		if r := c.Deed(e); r != nil && r.Source == history.Tap {
			c.wire(r)
		}
	}
	switch {
	case e.Claim != nil:
		c.claim(e)
	case e.Raft != nil && e.Raft.What == history.RaftLeader && e.Raft.Source != history.Harness && e.Raft.Group == "":
		w := c.word(e.Raft.Node, e.Raft.Term)
		if w.sure == nil {
			c.heard(w, e, e.Raft.Term)
		}
	}
}

// wire notes who stood in which term.
func (c *Claims) wire(r *history.Raft) {
	if r.Term != 0 && (c.lowest == 0 || r.Term < c.lowest) {
		c.lowest = r.Term
	}
	who := r.Node
	switch {
	case r.What == history.RaftCandidate, r.What == history.RaftLeader:
	case r.What == history.RaftVote && r.Granted:
		who = r.Peer
	default:
		return
	}
	if key := (claimKey{who, r.Term}); !c.stood[key] {
		c.stood[claimKey{strings.Clone(who), r.Term}] = true
	}
}

// disagree finds claims of members that the wire never showed to stand.
func (c *Claims) disagree() {
	why, _ := c.Voterless()
	if !c.Tapped || c.Holes || c.Strange || !c.Ended || c.lowest == 0 || why != "" || c.Regrouped() || len(c.Nodes) < 2 {
		return
	}
	for _, term := range slices.Sorted(maps.Keys(c.terms)) {
		for _, w := range c.terms[term] {
			if term > c.lowest && w.sure != nil && w.sure.Claim != nil && !c.stood[claimKey{w.node, term}] {
				c.Unknown("a member's own word and the wire disagree: at %s %s, but on the wire it asked for no vote in that term, and sent nothing as its leader%s",
					verdict.Seconds(w.sure.At), verdict.Describe(w.sure), c.nearest(w.node, term))
			}
		}
	}
}

// nearest says in which term a member was last seen to stand before one.
func (c *Claims) nearest(node string, term uint64) string {
	var best uint64
	for key := range c.stood {
		if key.node == node && key.term < term {
			best = max(best, key.term)
		}
	}
	if best == 0 {
		return ""
	}
	return fmt.Sprintf("; the last in which it did is term %d", best)
}

func (c *Claims) claim(e *history.Event) {
	k := e.Claim
	if k.Role == "" || k.Term == 0 {
		return
	}
	c.atomic, c.vague = c.atomic || k.Atomic, c.vague || !k.Atomic
	if !k.Leads() {
		return
	}
	w := c.word(k.Node, k.Term)
	switch {
	case k.Atomic && (w.sure == nil || w.sure.Claim == nil):
		c.heard(w, e, k.Term)
	case !k.Atomic && w.said == nil:
		kept := verdict.Keep(e)
		w.said = &kept
	}
}

// word returns what was heard of the member in the term.
func (c *Claims) word(node string, term uint64) *word {
	for _, w := range c.terms[term] {
		if w.node == node {
			return w
		}
	}
	w := &word{node: node}
	c.terms[term] = append(c.terms[term], w)
	return w
}

// heard takes what proves that w's member led the term.
func (c *Claims) heard(w *word, e *history.Event, term uint64) {
	kept := verdict.Keep(e)
	w.sure = &kept
	for _, other := range c.terms[term] {
		if other == w || other.sure == nil || other.sure.Claim == nil && kept.Claim == nil {
			continue
		}
		first := other.sure
		c.Violate("two members said they lead one term",
			fmt.Sprintf("term %d has two leaders: at %s %s; at %s %s", term,
				verdict.Seconds(first.At), verdict.Describe(first), verdict.Seconds(kept.At), verdict.Describe(&kept)),
			*first, kept)
		return
	}
}

// Finish gives the verdict.
func (c *Claims) Finish() verdict.Result {
	c.disagree()
	claimed := 0
	var pairs []string
	for _, term := range slices.Sorted(maps.Keys(c.terms)) {
		var vague []*word
		told, sure := false, false
		for _, w := range c.terms[term] {
			sure = sure || w.sure != nil && w.sure.Claim != nil
			told = told || w.sure == nil && w.said != nil
			vague = append(vague, w)
		}
		if sure {
			claimed++
		}
		if told && len(vague) > 1 {
			c.Count("terms-claimed-twice-unjudged", 1)
			if pairs == nil {
				pairs = []string{tell(term, vague)}
			}
		}
	}
	c.Count("terms-claimed", int64(claimed))
	switch {
	case c.atomic:
		r := c.Result(c.Name(), fmt.Sprintf("elections judged by the members' own words: %s claimed, none by two", count.Many(claimed, "term")))
		r.Told = strings.Join(pairs, "; ")
		return r
	case c.vague:
		return c.Unchecked(c.Name(), "role and term of an answer are not declared to be of one instant", pairs...)
	}
	return c.Unchecked(c.Name(), "no member told its role and term")
}

// tell says who was heard to lead the term, and when.
func tell(term uint64, words []*word) string {
	var each []string
	for _, w := range words {
		e := w.said
		if e == nil {
			e = w.sure
		}
		each = append(each, w.node+" at "+verdict.Seconds(e.At))
	}
	return fmt.Sprintf("%s are said to lead term %d, by words that are no evidence", strings.Join(each, " and "), term)
}
