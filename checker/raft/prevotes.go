package raft

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// PreVotes checks that elections are asked for before they are held (Raft thesis
// §9.6), and tells what elections nobody won have cost.
//
// By its own trace, where its target states it (history.Timers), a member that leads,
// or has heard its leader within the election timeout, by its own count of ticks,
// grants no pre-vote: else a member that comes back could depose a leader that all
// others hear. Asking for pre-votes does not promise that much: etcd's raft grants
// them beside a living leader, unless CheckQuorum is set.
//
// Where the target states it (history.PreVotes), nobody stands in a term before a
// majority has granted it pre-votes for that term, unless its leader told it to. A
// pre-vote is traced before it is sent and seen by a tap before its first byte
// arrives, so that once the history is whole, and the traces or the taps are, one
// that is nowhere was not given. All grants for the term count, whenever they
// were given, and in whatever round. Terms alone decide: a member that is cut off
// after it won its pre-vote comes back with the higher term, and deposes the leader:
// that is legal. Where the target says that late ones count (history.LatePreVotes),
// so do those for the term before, which is the one that the candidate was in.
//
// Without pre-votes any member that comes back may do that. It breaks no rule, so
// it is told, not judged: terms in which members stood and nobody led, and leaders
// that gave way to a candidate instead of an elected successor.
type PreVotes struct {
	verdict.Findings
	verdict.Sources
	election time.Duration
	members  map[string]*elector
	grants   map[claimKey][]string // who granted pre-votes, by candidate and term
	stood    map[claimKey]*history.Event
	excused  map[claimKey]bool // candidacies at a leader's word
	led      map[uint64]bool
	left     []*gaveWay
	granted  int64
}

// elector is a member as its trace tells.
type elector struct {
	stretch verdict.Stretch
	leads   uint64 // 0 if it does not lead, as far as is known
	leader  verdict.Slot
	left    *gaveWay // how it left the last term that it led, while it is in the next
}

// gaveWay is a leader that left its term without knowing a successor.
type gaveWay struct {
	leader    string
	from, to  uint64
	candidate string // of to, to which it gave its vote, if it did
}

// NewPreVotes returns the checker "pre-votes".
func NewPreVotes() *PreVotes {
	return &PreVotes{
		members: make(map[string]*elector), grants: make(map[claimKey][]string),
		stood: make(map[claimKey]*history.Event), excused: make(map[claimKey]bool), led: make(map[uint64]bool),
	}
}

// Name returns "pre-votes".
func (*PreVotes) Name() string { return "pre-votes" }

// Early returns AsEventsCome.
func (*PreVotes) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*PreVotes) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *PreVotes) Event(e *history.Event) {
	if e.Run != nil && e.Run.What == history.RunBegin {
		c.election = e.Run.Election
	}
	r := c.Deed(e)
	if r == nil || r.Stage == history.Delivered || r.Stage == history.Dropped {
		return
	}
	switch r.What {
	case history.RaftPreVote:
		if r.Granted {
			c.grant(e)
		}
	case history.RaftCandidate:
		c.stands(e)
	case history.RaftLeader:
		c.led[r.Term] = true
	}
	if r.Source == history.Trace && !c.Cursor().Broken {
		c.trace(e)
	}
}

func (c *PreVotes) grant(e *history.Event) {
	r := e.Raft
	c.granted++
	if key := (claimKey{r.Peer, r.PeerTerm}); !slices.Contains(c.grants[key], r.Node) {
		c.grants[key] = append(c.grants[key], r.Node)
	}
	if r.Source == history.Trace && r.Known && c.election > 0 && c.leaderBound() && r.Heard < c.election-slack(c.election) {
		c.Violate("a pre-vote although the leader was alive",
			fmt.Sprintf("%s granted %s a pre-vote for term %d only %v after it had heard its leader, with an election timeout of %v",
				r.Node, r.Peer, r.PeerTerm, r.Heard.Round(time.Millisecond), c.election), verdict.Keep(e))
	}
}

func (c *PreVotes) stands(e *history.Event) {
	key := claimKey{e.Raft.Node, e.Raft.Term}
	if transferred(e.Raft) {
		c.excused[key] = true
	}
	if c.stood[key] == nil {
		kept := verdict.Keep(e)
		c.stood[key] = &kept
	}
}

// leaderBound tells whether a member that knows of a living leader grants none.
func (c *PreVotes) leaderBound() bool { return c.States(history.Timers) }

// trace follows who leads, by its own word.
func (c *PreVotes) trace(e *history.Event) {
	r := e.Raft
	m := c.members[r.Node]
	if m == nil {
		m = &elector{}
		c.members[r.Node] = m
	}
	if at := c.Cursor().Stretch; m.stretch != at {
		m.stretch, m.leads, m.left = at, 0, nil
	}
	switch r.What {
	case history.RaftLeader:
		m.leads, m.left = r.Term, nil
		m.leader.Set(e)
	case history.RaftPreVote:
		if r.Granted && m.leads != 0 && c.leaderBound() {
			c.Violate("a leader granted a pre-vote",
				fmt.Sprintf("%s granted %s a pre-vote for term %d while it led term %d", r.Node, r.Peer, r.PeerTerm, m.leads),
				append(m.leader.Get(), verdict.Keep(e))...)
		}
	case history.RaftVote:
		if m.left != nil && r.Granted && r.PeerTerm == m.left.to && r.Peer != r.Node {
			m.left.candidate = r.Peer
		}
	case history.RaftFollower:
		if m.leads != 0 && r.Term > m.leads && r.Peer == "" {
			m.left = &gaveWay{leader: r.Node, from: m.leads, to: r.Term}
			c.left = append(c.left, m.left)
		}
		m.leads = 0
	case history.RaftStart, history.RaftCandidate:
		m.leads = 0
	}
}

// Finish gives the verdict.
func (c *PreVotes) Finish() verdict.Result {
	if why, ok := c.Silent(); ok {
		return c.Unchecked(c.Name(), why)
	}
	c.Count("candidacies", int64(len(c.stood)))
	c.Count("pre-votes", c.granted)
	if !c.States(history.PreVotes) && c.leaderBound() && c.granted > 0 {
		text := count.Many(c.granted, "pre-vote") + ", none while a leader was known to live"
		return c.Result(c.Name(), strings.Join(c.cost(text), "; "))
	}
	if !c.States(history.PreVotes) {
		return c.Unchecked(c.Name(), "the target states no rule for pre-votes", c.cost("")...)
	}
	if c.whole() {
		for _, key := range sortedClaims(c.stood) {
			c.judge(key)
		}
	} else {
		c.Unknown("pre-votes may have gone unseen: whether those that stood had a majority's cannot be decided")
	}
	return c.Result(c.Name(), strings.Join(c.cost(count.Many(len(c.stood), "candidate")+", each after the pre-votes of a majority"), "; "))
}

// Foresees tells whether somebody stood without the pre-votes of a majority.
func (c *PreVotes) Foresees(upTo uint64) []string {
	trial := *c // its maps are only read
	trial.Findings, trial.Ended = c.Anew(), true
	if !c.States(history.PreVotes) || !trial.whole() {
		return nil
	}
	for _, key := range sortedClaims(c.stood) {
		if trial.stood[key].Seq <= upTo {
			trial.judge(key)
		}
	}
	if !trial.Breached(withoutPreVotes) {
		return nil
	}
	return []string{withoutPreVotes}
}

// withoutPreVotes is the rule that waits for the end.
const withoutPreVotes = "stood without the pre-votes of a majority"

// whole tells whether a pre-vote that is nowhere was not given.
func (c *PreVotes) whole() bool {
	return c.Ended && (c.Tapped && !c.Holes && !c.Strange || c.AnyLacks() == "")
}

// judge decides whether a candidate had the pre-votes of a majority.
func (c *PreVotes) judge(key claimKey) {
	givers := append([]string{key.node}, c.grants[key]...)
	if c.States(history.LatePreVotes) {
		givers = verdict.Union(givers, c.grants[claimKey{key.node, key.term - 1}])
	}
	if c.excused[key] || c.Decides(givers) {
		return
	}
	if why, part := c.Voterless(); why != "" {
		if part {
			c.Unjudged(withoutPreVotes, why)
		} else {
			c.Unknown("%s: whether those that stood had a majority's pre-votes cannot be decided", why)
		}
		return
	}
	text := fmt.Sprintf("%s stood in term %d with the pre-votes of %d of %d members, itself included", key.node, key.term, len(givers), len(c.Everybody()))
	if why := c.Uncounted(givers, true); why != "" {
		c.Unknown("%s as far as is known, but %s", text, why)
		return
	}
	c.Violate(withoutPreVotes, text, *c.stood[key])
}

// cost adds to text, if there is any, what elections cost that nobody won.
func (c *PreVotes) cost(text string) []string {
	terms := make(map[uint64][]string)
	for key := range c.stood {
		terms[key.term] = append(terms[key.term], key.node)
	}
	var spent int64
	for term := range terms {
		if !c.led[term] {
			spent++
		}
	}
	c.Count("terms-spent", spent)
	var parts []string
	if text != "" {
		parts = append(parts, text)
	}
	if spent > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s spent on elections that nobody won", spent, count.Many(len(terms), "term")))
	}
	var gone []string
	for _, l := range c.left {
		who := l.candidate
		if names := terms[l.to]; who == "" && !c.led[l.to] && len(names) > 0 {
			who = slices.Min(names)
		}
		if who != "" {
			gone = append(gone, fmt.Sprintf("%s of term %d to %s of term %d", l.leader, l.from, who, l.to))
		}
	}
	c.Count("leaders-deposed", int64(len(gone)))
	if n := len(gone); n > 0 {
		more := ""
		if n > 2 {
			gone, more = gone[:2], fmt.Sprintf(" and %d more", n-2)
		}
		parts = append(parts, fmt.Sprintf("%s gave way to a candidate: %s%s", count.Many(n, "leader"), strings.Join(gone, ", "), more))
	}
	return parts
}
