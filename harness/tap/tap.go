// Package tap turns the messages that members send each other into raft events,
// so that a system that says nothing about itself still gets its elections
// checked.
//
// A tap concludes only what the wire shows. It tells apart a message that was
// sent (entered the fabric) from one that was delivered or dropped: a held vote
// is not a vote. An entry counts as committed only if the leader told of a
// commit index at or beyond it, or if a majority of the voters, the leader not
// counted, acknowledged an entry of the leader's own term at or beyond it.
//
// # Another system
//
// To tap another system, write its [Dialect]: what splits a connection into frames and
// says what each of them means, as a [Message]. The example of Dialect is a complete one
// (dialect_example_test.go).
// A [Watch] then joins it to the fabric and to an [Assembler]. Write it against a capture:
// `usurper run --capture`, then `usurper decode`, and keep one for its tests
// (harness/capture/golden).
//
// A decoder may say only what is certain from the bytes:
//
//   - A leader of a term is who sends what only a leader of that term sends. What is sent
//     again later (a catch-up, a proposal that goes on) is no proof: leave Kind empty.
//   - A grant binds the voter, and is one only in the term that was asked for: set Asked
//     where the answer may be in another. Where answers do not say to what, pair them by
//     order or by what they are addressed to, and leave out what finds no pair.
//   - A pre-vote promises nothing, and its term is one that nobody need be in.
//   - A log position or commit index that the wire does not show stays zero, and so is not
//     judged.
//   - Who votes is known by names (Cluster.Voters), by what entries of the log say
//     (Cluster.VotersByID, where they count from their place in a log on), or not any more
//     (Cluster.Reconfigured).
//   - What is not known is a frame of some class, and counted (Cluster.Strange). What cannot
//     be split is an error: the connection goes on, undecoded, and elections are no longer
//     judged as if all had been seen.
package tap

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

const (
	// ackFlow is how many responses of a follower pass before an advanced
	// acknowledgement is told, if nothing demands it earlier.
	ackFlow = 64
	// commitFlow and commitStride are how many messages of a leader pass, and
	// how far its commit index moves, before an advance is told.
	commitFlow   = 32
	commitStride = 64
	// boldTold is how many commits that no majority had acknowledged are told of at
	// once, in one term of one leader.
	boldTold = 16
	// maxMembers bounds the memory spent on the members of one group, those that came
	// back as new ones counted anew, and maxAll that on those of all groups; messages of
	// further ones are counted, and ignored.
	maxMembers = 512
	maxAll     = 1 << 14
	// maxGroups bounds the groups beside the main one; messages of further ones are
	// counted, and ignored.
	maxGroups = 1024
	// maxConfigs bounds the entries of one group by which its voters change; of further ones
	// it is not known to whom.
	maxConfigs = 256
)

// Assembler derives raft events from messages. Its events are:
//
//   - candidate: the first vote request of a term that a member sent; its Reason is
//     that of a transfer if it had been sent a TimeoutNow of the term before.
//
//   - vote, prevote: every response, once for each stage that it reaches. Term
//     is the response's term, and so is PeerTerm, unless it is a refusal in a term
//     in which Peer was not seen to ask. A response that the fabric doubles is
//     delivered twice and told twice.
//
//   - leader: the first append, heartbeat or snapshot of a term that a member
//     sent. Last is what its vote request showed, if that was seen.
//
//   - ack: how far a follower acknowledged, coalesced; always told before a later
//     vote, candidacy or leadership of the follower, before a commit of the
//     leader, and when the leader or the term changes.
//
//   - commit: Node is the leader, Term its term. EntryTerm is exact; an index
//     whose entry's term is not known is never told of. Lead is set when the leader
//     made the entry: it is of Term, and came after its winning log, so that only this
//     leader can have committed it. Hash is not known to a tap. The first commits of a term that the leader told of before
//     a majority had acknowledged them are told of at once, so that no later
//     acknowledgement comes before them.
//
//   - regress: a member gave a term back on one connection, once for each; see Order.
//
//   - message: a message that Passes was told of. Its Seq is 0: whoever follows the
//     frame through the fabric counts these events.
//
//   - config: the voters that Voters or Configured was told of; none once Reconfigured
//     was, and Node is "" in all. Of the main group, nothing is told while its voters are
//     those of the start, but for those of a log's first entry. Index and EntryTerm are those of the entry that Configured was told
//     of: without voters their names are not known yet, and the same event comes again with
//     them once they are. Learners and Outgoing are those of Gathers.
//
// Where one connection carries several Rafts, each group is followed by itself: members,
// voters, terms and positions of one are nothing to another, and an event names the
// group in which it happened. The main group, "", is that of all members.
//
// Events of one member have increasing Seq in the order in which the fabric saw
// its messages. Messages on different links may be seen in another order than
// the member sent them in, so Term may step back from one event to the next.
//
// Memory is bounded. Methods may be called by several goroutines; events are
// handed on one at a time.
type Assembler struct {
	mu     sync.Mutex
	emit   func(history.Raft)
	main   *group
	groups map[string]*group // the others
	all    int               // members of all groups
	seqs   map[identity]*uint64
	told   uint64 // events of nobody's
	left   uint64 // messages of groups and members beyond those that are kept apart
}

// New returns an assembler that hands its events to emit, one at a time and
// from within Observe and Flush: emit must be quick and must not call them.
// The voters are those of the main group; without any, acknowledgements commit
// nothing there.
func New(emit func(history.Raft), voters []string) *Assembler {
	a := &Assembler{emit: emit, groups: make(map[string]*group), seqs: make(map[identity]*uint64, len(voters))}
	a.main = newGroup(a, "")
	a.main.vote(voters)
	return a
}

// Observe takes a message at one stage of its way through the fabric. Every
// message is observed as Sent first. It keeps nothing of m but its strings.
func (a *Assembler) Observe(stage history.Stage, m Message) {
	isVote := m.Kind == VoteResponse || m.Kind == PreVoteResponse
	if m.Term == 0 || stage != history.Sent && !isVote {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groupLocked(m.Group)
	if g == nil {
		a.left++
		return
	}
	from, to := g.memberLocked(identity{m.From, m.FromNew}), g.memberLocked(identity{m.To, m.ToNew})
	if from == nil || to == nil {
		a.left++
		return
	}
	switch m.Kind {
	case Append, Heartbeat, Snapshot:
		g.leadsLocked(from, &m)
	case AppendResponse, SnapshotResponse:
		g.respondsLocked(from, to, &m)
	case HeartbeatResponse:
		if from.ack.peer == to && from.ack.term == m.Term {
			g.ackFlowsLocked(from)
		}
	case TimeoutNow:
		to.told = m.Term
	case Vote:
		g.standsLocked(from, &m)
	case PreVote:
		from.preAsked.add(m.Term, m.Log)
	case VoteResponse, PreVoteResponse:
		g.votesLocked(stage, from, to, &m)
	}
}

// Passes tells of a message of an election that enters the fabric as the frame id. It
// comes after Observe has taken it as Sent. Messages of other kinds are ignored, and
// so are those that Observe ignores.
func (a *Assembler) Passes(id uint64, m Message) {
	if m.Term == 0 || !m.Kind.Elects() {
		return
	}
	e := history.Raft{
		Source: history.Fabric, Node: m.From, Inc: m.FromNew, What: history.RaftMessage, Stage: history.Sent,
		Term: m.Term, Peer: m.To, ID: id, Class: string(m.Kind), Group: m.Group,
	}
	switch m.Kind {
	case Vote, PreVote:
		e.Last = m.Log
	case VoteResponse, PreVoteResponse:
		e.Granted = m.grants()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emit(e)
}

// Voters says who votes in a group from now on, as a member told. The first that is
// said of a group counts from its beginning; in the main one the voters are those of
// the start until something else is said. It must come before any message that depends
// on a change. From a change on acknowledgements commit nothing more in that group, a
// leader's word still does.
func (a *Assembler) Voters(group string, voters []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groupLocked(group)
	if g == nil || len(voters) == 0 || !g.settles(voters) {
		return
	}
	a.configLocked(group, history.Pos{}, slices.Clone(voters))
}

// Configured is Voters of those that the entry at a position makes the voters, of whatever
// became of that entry. Without voters it is not known yet by which names they go, and
// what is said later of the same entry makes up for it. Entries are told of once, however
// often they are sent.
func (a *Assembler) Configured(group string, at history.Pos, voters []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groupLocked(group)
	if g == nil {
		return
	}
	named, seen := g.configs[at]
	switch {
	case named || seen && len(voters) == 0:
		return
	case !seen && len(g.configs) >= maxConfigs:
		if g.unsettle() {
			a.configLocked(group, history.Pos{}, nil)
		}
		return
	}
	g.configs[at] = len(voters) > 0
	if len(voters) == 0 {
		g.unsettle()
	} else if !g.settles(voters) && !seen && at.Index > 1 {
		return
	}
	a.configLocked(group, at, slices.Clone(voters))
}

// Reconfigured says that the voters of a group are about to change to some that are not
// known, if they were. It is Voters in all else.
func (a *Assembler) Reconfigured(group string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.groupLocked(group); g != nil && g.unsettle() {
		a.configLocked(group, history.Pos{}, nil)
	}
}

func (a *Assembler) configLocked(group string, at history.Pos, voters []string) {
	a.tellConfigLocked(group, history.Raft{Voters: voters, Index: at.Index, EntryTerm: at.Term})
}

func (a *Assembler) tellConfigLocked(group string, e history.Raft) {
	a.told++
	e.Source, e.Seq, e.What, e.Stage, e.Group = history.Tap, a.told, history.RaftConfig, history.Sent, group
	a.emit(e)
}

// Shows lists the kinds of events that an assembler ever tells.
func Shows() []history.RaftWhat {
	return []history.RaftWhat{
		history.RaftCandidate, history.RaftVote, history.RaftPreVote, history.RaftLeader, history.RaftAck, history.RaftCommit,
	}
}

// Flush tells everything that was held back to coalesce it. Call it when the
// run ends.
func (a *Assembler) Flush() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.main.flushLocked()
	for _, name := range slices.Sorted(maps.Keys(a.groups)) {
		a.groups[name].flushLocked()
	}
}

// Left returns how many messages were ignored since there were too many groups or members.
func (a *Assembler) Left() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.left
}

// groupLocked returns the group, nil when there are too many.
func (a *Assembler) groupLocked(name string) *group {
	if name == "" {
		return a.main
	}
	g := a.groups[name]
	if g == nil && len(a.groups) < maxGroups {
		g = newGroup(a, strings.Clone(name))
		a.groups[g.name] = g
	}
	return g
}
