// Package raft is the Raft protocol without any I/O: no clock, no network, no
// disk, no randomness, no goroutine of its own (Ongaro and Ousterhout, "In
// Search of an Understandable Consensus Algorithm", extended version; sections
// are cited as "Raft §5").
//
// [Raft.Tick], [Raft.Step], [Raft.Propose], [Raft.ReadIndex] and
// [Raft.Compact] go in; one ordered [Output] comes out, which the caller
// handles in the order of its fields before it goes on:
//
//	for {
//		select {
//		case <-ticks:
//			r.Tick()
//		case m := <-inbox:
//			r.Step(m)
//		}
//		for out, ok := r.Output(); ok; out, ok = r.Output() {
//			persist(out)   // State, Install, Truncate, Entries, then sync
//			trace(out)     // Events
//			send(out)      // Messages
//			apply(out)     // Committed, Reads, Deposed
//		}
//	}
//
// Read this file and output.go first, then election.go and replication.go.
//
// To add a message: add its kind to message.go (and to package wire), its case
// to [Raft.Step] and its handler beside its kin. To add a deliberate bug, see
// package bug.
package raft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/usurper/usurper/node/bug"
)

// ErrNotLeader is returned by what only a leader can do. Nothing was done.
var ErrNotLeader = errors.New("not the leader: ask the one that Status names")

// ErrEmpty is returned for a proposal without data, which would look like a
// leader's no-op. Nothing was done.
var ErrEmpty = errors.New("empty proposal: give it at least one byte")

// Role is what a member is in its term.
type Role uint8

// The three roles (Raft §5.1). A member that asks for pre-votes is a follower
// still.
const (
	Follower Role = iota
	Candidate
	Leader
)

// String is "follower", "candidate" or "leader".
func (r Role) String() string {
	switch r {
	case Candidate:
		return "candidate"
	case Leader:
		return "leader"
	}
	return "follower"
}

// Raft is one member. Its methods must not be called at the same time.
type Raft struct {
	cfg    Config
	id     ID
	quorum quorum

	hard      HardState
	hardDirty bool
	role      Role
	leader    ID // of hard.Term; 0: unknown
	log       entryLog
	snap      *Snapshot // the newest; nil: none. The log begins right after it

	elapsed, timeout int // the election timer, in ticks; of a leader: since it last counted who is there

	// When the leader of this term was last heard: evidence only, counted apart
	// from the election timer so that a bug in the one does not show in the other.
	heard      bool
	heardTicks int

	prevoting bool        // asking for pre-votes for hard.Term+1
	votes     map[ID]bool // the answers to this candidacy or pre-vote, its own included
	spurned   HardState   // see Raft.spurns

	peers   []progress // the other voters, by ID; what is in it matters to leaders only
	beat    int        // leader: ticks since the last heartbeat
	reads   reads
	install *Snapshot // to be handed out

	out       Output // what is collected for the next Output
	spare     Output // the buffers of the last one
	hashes    []uint64
	spareHash []uint64
	runStart  int // where the hashes of the newest append event begin
}

// Status is a member's view of itself, for display and for hints to clients.
type Status struct {
	ID      ID
	Role    Role
	Term    uint64
	Vote    ID
	Leader  ID // 0: unknown
	Commit  uint64
	Applied uint64 // handed out in Output.Committed or Output.Install
	// Snapshot is the position before the first entry of the log, Last that of
	// its last entry.
	Snapshot, Last Pos
	// Hash is the chain hash at Last.
	Hash uint64
}

// New returns the member that cfg describes, as a follower with what it
// recovered. It fails on a configuration that does not validate and on a log
// with gaps or false hashes.
func New(cfg Config) (*Raft, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("raft config: %w", err)
	}
	cfg = cfg.withDefaults()
	log, err := newLog(cfg.Snapshot, cfg.Entries)
	if err != nil {
		return nil, fmt.Errorf("raft: %w", err)
	}
	r := &Raft{
		cfg: cfg, id: cfg.ID, quorum: quorum{voters: cfg.Voters, tie: cfg.Bug == bug.EvenQuorum},
		hard: cfg.State, log: log, snap: cfg.Snapshot, votes: make(map[ID]bool),
	}
	for _, id := range cfg.Voters {
		if id != r.id {
			r.peers = append(r.peers, progress{id: id})
		}
	}
	r.cfg.Entries, r.cfg.Snapshot = nil, nil // the log owns them now
	r.drawTimeout()
	r.emit(Event{What: EventConfig, Index: log.base.Index, Voters: slices.Clone(cfg.Voters)})
	r.emit(Event{What: EventFollower})
	return r, nil
}

// Tick tells that one tick of time has passed.
func (r *Raft) Tick() {
	if r.role == Leader {
		r.tickLeader()
		return
	}
	r.heardTicks++
	r.elapsed++
	if r.elapsed < r.timeout {
		return
	}
	if r.cfg.Bug == bug.StandsOnce && r.log.last().Index > 0 {
		r.elapsed = 0
		return
	}
	if r.cfg.PreVote && r.cfg.Bug != bug.SkipPreVote {
		r.askPreVotes()
	} else {
		r.stand()
	}
}

// Quiet returns which of the ticks from now on is the first that may do more than be
// counted, at least 1, if nothing else comes before it.
func (r *Raft) Quiet() int {
	if r.role == Leader {
		return max(1, min(r.cfg.ElectionTicks-r.elapsed, r.cfg.HeartbeatTicks-r.beat))
	}
	return max(1, r.timeout-r.elapsed)
}

// Step takes a message from another member. It ignores what no correct member
// sends and never panics on it. The Raft keeps the entries' data and the
// snapshot: the caller must not write to them any more.
func (r *Raft) Step(m Message) {
	if !wellFormed(&m) || m.To != r.id || m.From == r.id {
		return
	}
	if r.peer(m.From) == nil {
		r.refuseStranger(&m)
		return
	}
	if m.Term > r.hard.Term {
		r.stepDown(&m)
	}
	if m.Term < r.hard.Term {
		r.answerStale(&m)
		return
	}
	switch m.Kind {
	case KindVote:
		r.handleVote(&m)
	case KindPreVote:
		r.handlePreVote(&m)
	case KindVoteResponse:
		r.countVote(&m)
	case KindPreVoteResponse:
		r.countPreVote(&m)
	case KindAppend, KindHeartbeat, KindSnapshot:
		r.stepFollower(&m)
	case KindAppendResponse, KindHeartbeatResponse, KindSnapshotResponse:
		r.stepLeader(&m)
	}
}

// stepDown takes over the higher term of a message (Raft §5.1). A pre-vote
// request only asks what would be, and a granted one only answers that.
func (r *Raft) stepDown(m *Message) {
	switch {
	case m.Kind == KindPreVote, m.Kind == KindPreVoteResponse && !m.Reject:
	case m.Kind == KindVote && r.cfg.Bug == bug.IgnoreHigherTerm:
	case fromLeader(m.Kind):
		r.becomeFollower(m.Term, m.From)
	default:
		r.becomeFollower(m.Term, 0)
	}
}

// answerStale tells the sender of an earlier term's request about the newer
// term. Answers of an earlier term count for nothing.
func (r *Raft) answerStale(m *Message) {
	answer := Message{To: m.From, Reject: true, Last: r.log.last()}
	switch m.Kind {
	case KindVote:
		r.handleVote(m)
		return
	case KindPreVote:
		r.handlePreVote(m)
		return
	case KindAppend:
		answer.Kind, answer.Context = KindAppendResponse, m.Log.Index
	case KindHeartbeat:
		answer.Kind, answer.Context = KindHeartbeatResponse, m.Context
	case KindSnapshot:
		answer.Kind = KindSnapshotResponse
	default:
		return
	}
	r.send(answer)
}

// Propose appends entries with these data to the log of a leader and returns
// the position of the first of them; the others follow it. An entry is
// committed once Output.Committed holds one with its index and its term. The
// Raft keeps the data.
func (r *Raft) Propose(data ...[]byte) (first Pos, err error) {
	if r.role != Leader {
		return Pos{}, ErrNotLeader
	}
	if len(data) == 0 {
		return Pos{}, ErrEmpty
	}
	for _, d := range data {
		if len(d) == 0 {
			return Pos{}, ErrEmpty
		}
	}
	first = Pos{r.hard.Term, r.log.last().Index + 1}
	for _, d := range data {
		r.appendEntry(r.hard.Term, d, r.id)
	}
	return first, nil
}

// Status returns the member's view of itself.
func (r *Raft) Status() Status {
	last, hash := r.log.at(r.log.last().Index)
	return Status{
		ID: r.id, Role: r.role, Term: r.hard.Term, Vote: r.hard.Vote, Leader: r.leader,
		Commit: r.log.commit, Applied: r.log.applied,
		Snapshot: r.log.base, Last: last, Hash: hash,
	}
}

// peer returns the progress of another voter, nil if id is none.
func (r *Raft) peer(id ID) *progress {
	for i := range r.peers {
		if r.peers[i].id == id {
			return &r.peers[i]
		}
	}
	return nil
}
