package raft

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// Votes checks the voting rules (Raft §5.2, §5.4.1), each where its function
// argues why it raises no false alarm:
//
//   - one vote per member and term, across restarts (bind, start);
//   - no vote for a log that is behind the voter's, nor at a stale term (granted);
//   - a higher term is never ignored, first come is first served where the target
//     states it, and a refusal has a reason that holds (refused);
//   - nobody leads a term in which it does not stand (unasked), or gets a vote in
//     one in which it never stood (phantoms; standing.go);
//   - a winner had the votes of a majority, and had them when it began to lead
//     (majority.go).
//
// Traces are taken in order of receipt. A vote is written to the trace once it
// is durable and before it is sent, so a traced vote is a promise even if the
// member is killed on the spot, and a start event may know of a vote that was
// never traced, but not the other way round.
type Votes struct {
	verdict.Findings
	verdict.Sources
	voters map[string]*voter
	wins   map[claimKey]*win
	stood  map[claimKey]history.Pos // candidates seen on the wire, with their logs
	// began is, for leaderships seen on the wire, the first message of the leader
	// after the votes for it that were on the wire before.
	began map[claimKey][]history.Event
}

// claimKey is a member in a term.
type claimKey struct {
	node string
	term uint64
}

// voter is one member as a voter.
type voter struct {
	name    string
	stretch verdict.Stretch
	begun   bool         // it has come up before, so what it finds on its disk is from this history
	resumed bool         // its trace has been complete since its last start
	stands  uint64       // the term in which it stands or leads, as far as its trace says
	role    verdict.Slot // what ended that last
	leader  uint64       // the last term in which it knew who leads
	traced  map[uint64]*ballot
	tapped  map[uint64]*ballot
	config  *history.Raft // the last that it told of
	// others are the votes of other members under its name: those it has replaced,
	// by its trace, and those it was replaced by, on the wire. One vote a term binds
	// each of them alone.
	others []votes
	// ended tells that one of its processes has, of which the wire tells nothing.
	ended bool
}

// votes are one member's, by term.
type votes struct {
	inc    uint64 // of the tap's events, 0 for a trace
	ballot map[uint64]*ballot
}

// onWire returns the votes of the member that a tap's event tells of.
func (v *voter) onWire(r *history.Raft) map[uint64]*ballot {
	if r.Inc == 0 {
		return v.tapped
	}
	for _, o := range v.others {
		if o.inc == r.Inc {
			return o.ballot
		}
	}
	o := votes{r.Inc, make(map[uint64]*ballot)}
	v.others = append(v.others, o)
	return o.ballot
}

// tappedFor returns a vote for key's member in its term that was seen on the wire,
// or nil.
func (v *voter) tappedFor(key claimKey) *ballot {
	if b := v.tapped[key.term].gave(key.node); b != nil {
		return b
	}
	for _, o := range v.others {
		if b := o.ballot[key.term].gave(key.node); b != nil && o.inc > 0 {
			return b
		}
	}
	return nil
}

// gave returns a vote for peer in a term by any member of the voter's name, or nil.
func (v *voter) gave(peer string, term uint64) *ballot {
	for _, votes := range []map[uint64]*ballot{v.traced, v.tapped} {
		if b := votes[term].gave(peer); b != nil {
			return b
		}
	}
	for _, o := range v.others {
		if b := o.ballot[term].gave(peer); b != nil {
			return b
		}
	}
	return nil
}

// ballot is a member's vote in a term.
type ballot struct {
	peer  string
	event history.Event
	found bool     // on its disk when the history began: who stood then is not known
	more  []ballot // votes for others in the same term, each a violation
}

// gave returns the vote for peer, if there is one.
func (b *ballot) gave(peer string) *ballot {
	if b == nil || b.peer == peer {
		return b
	}
	for i := range b.more {
		if b.more[i].peer == peer {
			return &b.more[i]
		}
	}
	return nil
}

// NewVotes returns the checker "votes".
func NewVotes() *Votes {
	return &Votes{
		voters: make(map[string]*voter),
		wins:   make(map[claimKey]*win),
		stood:  make(map[claimKey]history.Pos),
		began:  make(map[claimKey][]history.Event),
	}
}

// Name returns "votes".
func (*Votes) Name() string { return "votes" }

// Early returns AsEventsCome.
func (*Votes) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*Votes) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *Votes) Event(e *history.Event) {
	if p := e.Proc; p != nil && p.What == history.ProcExit {
		c.voter(p.Node).ended = true
	}
	r := c.Deed(e)
	if r == nil {
		return
	}
	switch r.What {
	case history.RaftStart, history.RaftFollower, history.RaftCandidate, history.RaftVote, history.RaftLeader,
		history.RaftAppend, history.RaftTruncate, history.RaftInstall, history.RaftConfig:
	default:
		return
	}
	v := c.voter(r.Node)
	if r.Source == history.Tap {
		c.tap(v, e)
		return
	}
	at := c.Cursor()
	if at.Broken {
		c.Unknown("the trace of %s is out of order near %s: its votes cannot be judged", v.name, verdict.Seconds(e.At))
		return
	}
	if at.Stretch != v.stretch {
		v.stretch, v.resumed = at.Stretch, false
	}
	c.trace(v, e)
}

func (c *Votes) voter(name string) *voter {
	v := c.voters[name]
	if v == nil {
		v = &voter{name: strings.Clone(name), traced: make(map[uint64]*ballot), tapped: make(map[uint64]*ballot)}
		c.voters[v.name] = v
	}
	return v
}

func (c *Votes) trace(v *voter, e *history.Event) {
	r := e.Raft
	switch r.What {
	case history.RaftStart:
		c.start(v, e)
	case history.RaftCandidate:
		v.stands = r.Term
		c.bind(v, v.traced, ballotOf(r.Term, r.Node, e))
	case history.RaftVote:
		if r.Granted {
			c.granted(v, e)
		} else {
			c.refused(v, e)
		}
	case history.RaftLeader:
		v.leader = r.Term
		c.unasked(v, e)
		c.won(v, e)
	case history.RaftFollower, history.RaftAppend, history.RaftTruncate, history.RaftInstall:
		obeys := r.Peer != "" && r.Peer != r.Node
		if obeys {
			v.leader = r.Term
		}
		if r.What == history.RaftFollower || obeys && v.stands != 0 {
			v.stands = 0
			v.role.Set(e)
		}
	case history.RaftConfig:
		v.config = verdict.KeepRaft(r)
	}
}

// pledge is a vote that is about to be noted.
type pledge struct {
	term uint64
	peer string
	e    *history.Event
}

func ballotOf(term uint64, peer string, e *history.Event) pledge { return pledge{term, peer, e} }

// bind notes a vote and holds it against an earlier one of the same term. Both
// are of the same source, each positive evidence: no order and no completeness
// is needed. Candidacy is a vote for oneself. A vote repeated to the same
// candidate, also after a restart, is legal. It reports whether the vote is the
// first of its term.
func (c *Votes) bind(v *voter, votes map[uint64]*ballot, p pledge) bool {
	old := votes[p.term]
	if old == nil {
		votes[p.term] = &ballot{peer: p.peer, event: verdict.Keep(p.e)}
		return true
	}
	if old.gave(p.peer) == nil {
		if c.unwritten(v, old, p) {
			votes[p.term] = &ballot{peer: p.peer, event: verdict.Keep(p.e)}
			return true
		}
		old.more = append(old.more, ballot{peer: p.peer, event: verdict.Keep(p.e)})
		c.Violate("two votes in one term",
			fmt.Sprintf("%s voted twice in term %d: for %s and for %s", v.name, p.term, old.peer, p.peer),
			old.event, verdict.Keep(p.e))
	}
	return false
}

// unwritten tells whether a candidate's vote for itself, known from its request alone, may
// never have been on its disk (history.AsksFirst): it has ended since, or before a request
// that came late, and did not lead.
func (c *Votes) unwritten(v *voter, old *ballot, p pledge) bool {
	_, led := c.began[claimKey{v.name, p.term}]
	return old.peer == v.name && old.event.Raft.What == history.RaftCandidate && old.event.Raft.Source == history.Tap &&
		p.e.Raft.Source == history.Tap && v.ended && !led && c.States(history.AsksFirst)
}

// start resumes from what a process recovered and holds that against the votes
// it had traced. A traced vote was durable, so the recovered term is at least
// the vote's, and if it is the same the vote is there. More may have become
// durable than was traced: a later term, or a vote where none was traced.
func (c *Votes) start(v *voter, e *history.Event) {
	r := e.Raft
	if c.Renew(r) {
		v.others = append(v.others, votes{ballot: v.traced})
		v.traced = make(map[uint64]*ballot)
		v.leader, v.config = 0, nil
	}
	var lost uint64
	for t, old := range v.traced {
		if t > lost && (t > r.Term || t == r.Term && old.peer != r.Vote) {
			lost = t
		}
	}
	if old := v.traced[lost]; old != nil {
		c.Violate("a vote was forgotten",
			fmt.Sprintf("%s forgot its vote of term %d for %s when it %s", v.name, lost, old.peer, wasBegun(old.event.Raft, r)),
			old.event, verdict.Keep(e))
	}
	if r.Vote != "" && v.traced[r.Term] == nil {
		v.traced[r.Term] = &ballot{peer: r.Vote, event: verdict.Keep(e), found: !v.begun}
	}
	v.begun, v.resumed, v.leader, v.stands = true, true, 0, 0
	v.role.Set(e)
}

// granted judges a vote that was given. A candidate's vote for itself needs no
// comparison of logs, nor does a vote repeated to the same candidate: it gives
// nothing new, and the voter's log may have grown by the winner's own entries.
func (c *Votes) granted(v *voter, e *history.Event) {
	r := e.Raft
	first := c.bind(v, v.traced, ballotOf(r.PeerTerm, r.Peer, e))
	if r.Peer == r.Node {
		return
	}
	switch {
	case r.PeerTerm < r.Term:
		c.Violate("a vote at a stale term",
			fmt.Sprintf("%s, in term %d, voted for %s, which asked in term %d", v.name, r.Term, r.Peer, r.PeerTerm), verdict.Keep(e))
	case r.PeerTerm > r.Term:
		c.ignored(v, e)
	}
	if first && r.PeerLast.Less(r.Last) {
		c.Violate(staleVote,
			fmt.Sprintf("%s voted for %s in term %d although %s's log ends at %s, behind its own at %s",
				v.name, r.Peer, r.PeerTerm, r.Peer, verdict.Place(r.PeerLast), verdict.Place(r.Last)), verdict.Keep(e))
	}
}

func (c *Votes) ignored(v *voter, e *history.Event) {
	r := e.Raft
	c.Violate("ignored a higher term",
		fmt.Sprintf("%s answered a vote request of term %d and stayed in term %d", v.name, r.PeerTerm, r.Term), verdict.Keep(e))
}

// refused judges a vote that was not given, by the facts in the event and by
// what the voter's own trace said before, in its order of receipt. A system may
// ignore requests while it hears a leader (thesis §4.2.3) or when one of the two
// is no voter: such reasons are accepted. A voter that knows who leads its term
// owes nobody a vote, for no other can win.
func (c *Votes) refused(v *voter, e *history.Event) {
	r := e.Raft
	if r.Reason == history.ReasonNotAVoter || r.Reason == history.ReasonHasLeader || r.Peer == r.Node {
		return
	}
	if r.PeerTerm > r.Term {
		c.ignored(v, e)
		return
	}
	behind := r.PeerLast.Less(r.Last)
	old := v.traced[r.PeerTerm]
	free := v.resumed && old == nil && v.leader != r.PeerTerm
	switch {
	case r.PeerTerm == r.Term && free && !behind && c.States(history.FirstCome):
		c.Violate("first come, not served",
			fmt.Sprintf("%s refused %s, the first eligible candidate of term %d, as %s although it had not voted in that term and %s's log is not behind",
				v.name, r.Peer, r.PeerTerm, verdict.OrElse(string(r.Reason), "something"), r.Peer), verdict.Keep(e))
	case r.Reason == history.ReasonVoted && r.PeerTerm == r.Term && free:
		c.unjustified(e, "it had not voted in that term")
	case r.Reason == history.ReasonVoted && r.PeerTerm == r.Term && old != nil && old.peer == r.Peer && !behind:
		c.unjustified(e, "that vote is "+r.Peer+"'s own", old.event)
	case r.Reason == history.ReasonStaleLog && !behind:
		c.unjustified(e, r.Peer+"'s log is not behind")
	case r.Reason == history.ReasonStaleTerm && r.PeerTerm >= r.Term:
		c.unjustified(e, "the candidate's term is not behind")
	}
}

func (c *Votes) unjustified(e *history.Event, fact string, more ...history.Event) {
	r := e.Raft
	c.Violate("a refusal without its reason",
		fmt.Sprintf("%s refused %s in term %d as %s, but %s", r.Node, r.Peer, r.PeerTerm, r.Reason, fact),
		append(more, verdict.Keep(e))...)
}

// tap takes what the wire shows. A response that was sent is a vote, whether or
// not it arrived; the later stages repeat it. The response's term is the term of
// the vote.
func (c *Votes) tap(v *voter, e *history.Event) {
	r := e.Raft
	if r.Stage == history.Delivered || r.Stage == history.Dropped {
		return
	}
	votes := v.onWire(r)
	switch r.What {
	case history.RaftCandidate:
		key := claimKey{r.Node, r.Term}
		if old, ok := c.stood[key]; !ok || r.Inc > 0 && old.Less(r.Last) { // two of one name: which was meant?
			c.stood[key] = r.Last
		}
		c.bind(v, votes, ballotOf(r.Term, r.Node, e))
	case history.RaftLeader:
		c.begins(v, e)
		c.won(v, e)
	case history.RaftVote:
		if !r.Granted {
			return
		}
		if !c.bind(v, votes, ballotOf(r.Term, r.Peer, e)) {
			// The wire may show a repetition before the first grant. The voter's
			// log only grows within a term, so the lowest Last is the first one's.
			if old := votes[r.Term]; old.peer == r.Peer && r.Last.Less(old.event.Raft.Last) {
				old.event = verdict.Keep(e)
			}
		}
	}
}
