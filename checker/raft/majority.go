package raft

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// win is a leadership, with the configuration that decided it.
type win struct {
	event history.Event
	// voters and outgoing are what the winner's own trace last told; nil when the
	// members of the start decide, as far as is known.
	voters, outgoing []string
}

// won notes a leadership. The winner's trace tells its configuration in order,
// so it is preferred to the wire.
func (c *Votes) won(v *voter, e *history.Event) {
	key := claimKey{v.name, e.Raft.Term}
	old := c.wins[key]
	if old != nil && (e.Raft.Source == history.Tap || old.event.Raft.Source == history.Trace) {
		return
	}
	w := &win{event: verdict.Keep(e)}
	if v.config != nil {
		w.voters, w.outgoing = v.config.Voters, v.config.Outgoing
	}
	c.wins[key] = w
}

// Finish gives the verdict.
func (c *Votes) Finish() verdict.Result {
	if why, ok := c.Silent(); ok {
		return c.Unchecked(c.Name(), why)
	}
	c.tappedLogs()
	c.compareBallots()
	c.phantoms()
	for _, key := range sortedClaims(c.wins) {
		c.majority(key, c.wins[key])
		c.hasty(key)
	}
	var votes int64
	for _, v := range c.voters {
		votes += int64(max(len(v.traced), len(v.tapped)))
	}
	c.Count("votes", votes)
	c.Count("winners", int64(len(c.wins)))
	text := fmt.Sprintf("%s, at most one per member and term; %s", count.Many(votes, "vote"), count.Many(len(c.wins), "winner"))
	if why, _ := c.Voterless(); why == "" {
		text += " with a majority"
	}
	return c.Result(c.Name(), text)
}

// Foresees tells which rules about what is missing would be broken.
func (c *Votes) Foresees(upTo uint64) []string {
	trial := *c // its maps are only read
	trial.Findings, trial.Ended = c.Anew(), true
	for _, key := range sortedClaims(c.wins) {
		if w := c.wins[key]; w.event.Seq <= upTo {
			trial.majority(key, w)
			trial.hasty(key)
		}
	}
	trial.tappedLogsUpTo(upTo)
	var rules []string
	for _, rule := range []string{withoutMajority, hastyLead, staleVote} {
		if trial.Breached(rule) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// The rules that wait for the end.
const (
	withoutMajority = "won without a majority"
	hastyLead       = "led before it had a majority"
	staleVote       = "a vote for a stale log"
)

// sortedClaims returns the keys of m by term.
func sortedClaims[V any](m map[claimKey]V) []claimKey {
	return slices.SortedFunc(maps.Keys(m), func(a, b claimKey) int {
		return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.node, b.node))
	})
}

// majority decides whether a winner had the votes of a majority: of the voters,
// and of the outgoing ones as well during a joint change. If the harness changed
// the members, a majority of any set of voters that there may have been will do.
//
// A winner that is known from the wire has voted for itself: that is never said there.
// Votes of all sources count together, sent ones too: whether a response arrived
// is not held against the winner, because bytes that the fabric calls dropped may
// have left it in part of a failed write. A shortfall proves something only if no
// vote can be missing. That is so once the history is whole and every voter has a
// trace, killed or not (persist, trace, send: a vote that reached the winner was
// traced before), or every link was decoded without a hole. Otherwise it is
// unknown.
func (c *Votes) majority(key claimKey, w *win) {
	voters, outgoing := w.voters, w.outgoing
	if voters == nil {
		voters = c.Everybody()
	}
	voterless, part := c.Voterless()
	if voterless != "" && w.voters == nil && (part || len(c.Nodes) == 0) {
		c.voterless(key, w, voterless, part)
		return
	}
	var givers []string
	evidence := []history.Event{w.event}
	for _, name := range verdict.Union(voters, outgoing) {
		if b := c.ballot(name, key); b != nil {
			givers = append(givers, name)
			evidence = append(evidence, b.event)
		} else if name == key.node && w.event.Raft.Source == history.Tap {
			givers = append(givers, name) // nobody says so on the wire
		}
	}
	switch {
	case w.voters == nil && c.Decides(givers):
		return
	case w.voters != nil && verdict.IsMajority(voters, givers) && (len(outgoing) == 0 || verdict.IsMajority(outgoing, givers)):
		return
	}
	if voterless != "" && w.voters == nil {
		c.voterless(key, w, voterless, false)
		return
	}
	text := fmt.Sprintf("%s won term %d with %d of %d votes", key.node, key.term, len(givers), len(verdict.Union(voters, outgoing)))
	if len(givers) > 0 {
		text += ": " + strings.Join(givers, ", ")
	}
	if w.voters == nil && c.Regrouped() && c.founder(key, w) {
		return
	}
	why := c.missing(voters, outgoing, w)
	if why == "" && w.voters == nil {
		why = c.Uncounted(givers, c.hadLed(key))
	}
	if why != "" {
		c.Unknown("%s as far as is known, but %s", text, why)
		return
	}
	c.Violate(withoutMajority, text, evidence...)
}

// voterless leaves a winner unjudged of whom it is not known who was to vote. That is no
// more than was to be expected (part) in a group of which nobody tells that; and of who
// led, without having asked anybody, before others were added: a cluster may grow from
// one member. Of any other nobody can say that all was well.
func (c *Votes) voterless(key claimKey, w *win, why string, part bool) {
	switch {
	case part:
		c.Unjudged(withoutMajority, why)
	case !c.founder(key, w):
		c.Unknown("%s: whether %s had a majority in term %d cannot be decided", why, key.node, key.term)
	}
}

// founder leaves a winner unjudged that may have been the only member when it won, and tells
// whether it may.
func (c *Votes) founder(key claimKey, w *win) bool {
	_, asked := c.stood[key]
	if w.event.Raft.Source != history.Tap || asked || !c.Founded(&w.event) {
		return false
	}
	c.Unjudged(withoutMajority, fmt.Sprintf("%s asked nobody in term %d, before members were added: it may have been the only one", key.node, key.term))
	return true
}

// hadLed tells whether a winner may have led an earlier term: whether it stood in one, or was
// seen to lead it.
func (c *Votes) hadLed(key claimKey) bool {
	earlier := func(other claimKey) bool { return other.node == key.node && other.term < key.term }
	for other := range c.stood {
		if earlier(other) {
			return true
		}
	}
	for other := range c.wins {
		if earlier(other) {
			return true
		}
	}
	return false
}

// begins notes which votes were on the wire when a leader's first message was.
func (c *Votes) begins(v *voter, e *history.Event) {
	key := claimKey{v.name, e.Raft.Term}
	if _, known := c.began[key]; known {
		return
	}
	var votes []history.Event
	for _, name := range slices.Sorted(maps.Keys(c.voters)) { // who of them has a vote, may not be known yet
		if name != key.node {
			if b := c.voters[name].tappedFor(key); b != nil {
				votes = append(votes, b.event)
			}
		}
	}
	c.began[key] = append(votes, verdict.Keep(e))
}

// hasty finds members that led before a majority had voted for them: what
// majority, which counts all votes of the term, does not see when the rest of
// them came too late to have made the winner.
//
// The tap is one observer. It tells of a vote when the response enters the fabric,
// before any byte of it leaves, and of a leadership when the leader's first
// message enters; so a vote that helped to win stands before the leadership in
// the history, whatever the machine was doing meanwhile. A vote that is not there
// was not counted by the winner, unless it went unseen: hence only when every
// link was decoded without a hole, and no member told of another configuration.
func (c *Votes) hasty(key claimKey) {
	events, seen := c.began[key]
	if !seen || !c.Tapped || c.Holes || !c.Ended || c.configured() || !slices.Contains(c.Nodes, key.node) {
		return
	}
	if why, _ := c.Voterless(); why != "" {
		return // majority has said so
	}
	givers := make([]string, len(events)) // the leadership's event stands for its own vote
	for i, e := range events {
		givers[i] = e.Raft.Node
	}
	if c.Decides(givers) {
		return
	}
	text := fmt.Sprintf("%s sent as leader of term %d when of %d members only %d had voted for it, itself included",
		key.node, key.term, len(c.Nodes), len(givers))
	why := c.Uncounted(givers, c.hadLed(key))
	if c.Strange {
		why = verdict.Unheard
	}
	if why != "" {
		if c.Strange || c.Decides(c.votesFor(key)) { // else majority has said so
			c.Unknown("%s as far as is known, but %s", text, why)
		}
		return
	}
	c.Violate(hastyLead, text, events...)
}

// votesFor lists all who voted for key's member in key's term, itself included.
func (c *Votes) votesFor(key claimKey) []string {
	givers := []string{key.node}
	for name := range c.voters {
		if name != key.node && c.ballot(name, key) != nil {
			givers = append(givers, name)
		}
	}
	return givers
}

// ballot returns the vote that name gave to key's member in key's term.
func (c *Votes) ballot(name string, key claimKey) *ballot {
	if v := c.voters[name]; v != nil {
		return v.gave(key.node, key.term)
	}
	return nil
}

// missing says why a vote may have escaped, "" if none can have.
func (c *Votes) missing(voters, outgoing []string, w *win) string {
	if !c.Ended {
		return "the history was cut short"
	}
	if w.voters == nil && c.configured() {
		return "the members changed during the run"
	}
	if c.Tapped && !c.Holes && !c.Strange {
		return ""
	}
	if !c.Traced && c.Strange && !c.Holes {
		return verdict.Unheard
	}
	if !c.Traced {
		return "not every member writes a trace and not every link was decoded"
	}
	for _, name := range verdict.Union(voters, outgoing) {
		if why := c.Lacks(name); why != "" {
			return why
		}
	}
	return ""
}

// configured tells whether any member told of a configuration other than that
// of the start.
func (c *Votes) configured() bool {
	for _, v := range c.voters {
		if v.config != nil && (len(v.config.Outgoing) > 0 || !verdict.SameMembers(v.config.Voters, c.Nodes)) {
			return true
		}
	}
	return false
}

// tappedLogs compares logs in votes that were seen on the wire. A response shows
// the voter's last position, if the protocol has it, and the candidate's is in
// its vote request; it does not change while it stands. Acknowledgements are no
// help: what a voter acknowledged it may have truncated since, unseen.
func (c *Votes) tappedLogs() { c.tappedLogsUpTo(math.MaxUint64) }

// tappedLogsUpTo is tappedLogs of the votes up to an event.
func (c *Votes) tappedLogsUpTo(event uint64) {
	if c.Holes || c.Strange || !c.Ended {
		return // the first grant, before the voter's log grew, may be the one not seen
	}
	for _, name := range slices.Sorted(maps.Keys(c.voters)) {
		v := c.voters[name]
		for _, term := range slices.Sorted(maps.Keys(v.tapped)) {
			b := v.tapped[term]
			asked, ok := c.stood[claimKey{b.peer, term}]
			if !ok || b.peer == name || v.traced[term] != nil || b.event.Seq > event {
				continue // where the voter's own word is known it has been judged
			}
			if own := b.event.Raft.Last; asked.Less(own) {
				c.Violate(staleVote,
					fmt.Sprintf("%s voted for %s in term %d although %s's log ends at %s, behind its own at %s",
						name, b.peer, term, b.peer, verdict.Place(asked), verdict.Place(own)), b.event)
			}
		}
	}
}

// compareBallots finds votes that a voter's trace and the wire tell differently.
func (c *Votes) compareBallots() {
	for _, name := range slices.Sorted(maps.Keys(c.voters)) {
		v := c.voters[name]
		if len(v.others) > 0 {
			continue
		}
		for _, term := range slices.Sorted(maps.Keys(v.tapped)) {
			wire, own := v.tapped[term], v.traced[term]
			if own != nil && own.gave(wire.peer) == nil {
				c.Unknown("trace and wire disagree: at %s %s, but at %s %s", verdict.Seconds(wire.event.At), verdict.Describe(&wire.event),
					verdict.Seconds(own.event.At), verdict.Describe(&own.event))
			}
		}
	}
}
