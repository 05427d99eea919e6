package history

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// Raft is one deed of one member, as its own trace or a wire tap tells it.
//
// Events of one source (Source, Node, Inc) carry a strictly increasing Seq and
// stand in the history in that order. Each process counts the events of its trace
// from 1 and leaves none out, so that a missing one shows. Nothing is promised about
// the order of events of different sources.
//
// A trace event is written once what it claims is durable, and before any
// message or reply that depends on it. A tap event claims only what was on the
// wire; Stage says whether it was sent, delivered or dropped.
type Raft struct {
	Source Source `json:"src"`
	Node   string `json:"node"`
	// Inc is, in a trace, which process of Node tells it, counted from 1. From a
	// tap it is 0, unless Node has been removed and has come back as a new member
	// under its old name: then it counts these, and the events are the new member's.
	Inc   uint64        `json:"inc,omitempty"`
	Seq   uint64        `json:"seq"`
	Mono  time.Duration `json:"mono,omitempty"` // the source's monotonic clock; display only
	What  RaftWhat      `json:"what"`
	Stage Stage         `json:"stage,omitempty"` // taps and the fabric only

	Term uint64 `json:"term,omitempty"` // Node's term once the event has happened
	// Peer is the other member concerned: the candidate of a vote, the leader
	// that a follower follows or whose entries it accepted.
	Peer string `json:"peer,omitempty"`
	// PeerTerm is the term of the message that Node answered (vote, prevote).
	PeerTerm uint64 `json:"pterm,omitempty"`
	// Last is Node's own last log position, PeerLast the candidate's.
	Last     Pos `json:"last,omitzero"`
	PeerLast Pos `json:"plast,omitzero"`

	// From and To are the first and last index of a range of entries, all of
	// EntryTerm. Hashes holds the chain hash of each of them, 8 bytes little
	// endian an entry (see HashAt).
	From      uint64 `json:"from,omitempty"`
	To        uint64 `json:"to,omitempty"`
	EntryTerm uint64 `json:"eterm,omitempty"`
	Hashes    []byte `json:"hashes,omitempty"`

	// Index is the log index that the event is about, Hash the chain hash of the
	// entry there: h(i) = xxhash64(h(i-1), term(i), payload(i)), h(0) = 0. Equal
	// chain hashes mean equal logs up to that index.
	Index  uint64 `json:"index,omitempty"`
	Hash   uint64 `json:"hash,omitempty"`
	Digest uint64 `json:"digest,omitempty"` // of the state machine once Index is applied

	Granted bool   `json:"granted,omitempty"`
	Reason  Reason `json:"reason,omitempty"`
	Vote    string `json:"vote,omitempty"`   // start: the recovered vote, "" for none
	Commit  uint64 `json:"commit,omitempty"` // start: the recovered commit index
	Lead    bool   `json:"lead,omitempty"`   // commit: Node leads Term and advanced it itself

	// Heard is, on a candidacy or a pre-vote, how long ago Node last accepted a message of the
	// leader of its term; Known says whether it had, since it started or last
	// changed its term.
	Heard time.Duration `json:"heard,omitempty"`
	Known bool          `json:"known,omitempty"`

	// A configuration: the members whose majority decides. Outgoing is non-empty
	// during a joint change.
	Voters   []string `json:"voters,omitempty"`
	Outgoing []string `json:"outgoing,omitempty"`
	Learners []string `json:"learners,omitempty"`

	// ID and Class are those of a message: which it is, from 1 on, and what it is
	// about, as rules and plans call it.
	ID    uint64 `json:"id,omitempty"`
	Class string `json:"class,omitempty"`

	// Group is, from a tap or the fabric, in which Raft it happened, where members are of
	// several at a time: terms, votes, leaders and logs of one are nothing to another. ""
	// is the main one, in which all members vote.
	Group string `json:"group,omitempty"`
}

// Source is who tells of a raft event.
type Source string

const (
	Trace Source = "trace" // the member itself
	Tap   Source = "tap"   // the fabric, which decoded its traffic
	// Fabric is the fabric too, of what becomes of messages: see RaftMessage.
	Fabric Source = "fabric"
	// Harness is who changes the membership: see RaftConfig.
	Harness Source = "harness"
)

// Stage is how far a message got through the fabric.
type Stage string

const (
	Sent      Stage = "sent"      // entered the fabric
	HeldBack  Stage = "held"      // is kept in it by a fault; a RaftMessage only
	Delivered Stage = "delivered" // left it
	Dropped   Stage = "dropped"   // will never leave it
)

// Pos is a position in a log. The zero Pos is the empty log.
type Pos struct {
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

// Less tells whether a log that ends at p is behind one that ends at q: the
// later last term wins, then the longer log (Raft §5.4.1).
func (p Pos) Less(q Pos) bool {
	if p.Term != q.Term {
		return p.Term < q.Term
	}
	return p.Index < q.Index
}

// String is the position in words.
func (p Pos) String() string { return fmt.Sprintf("(term %d, index %s)", p.Term, Index(p.Index)) }

// Index is an index of a log in words. From 2^32 on it is written as ZooKeeper writes its
// zxids, 0x300000015, of which the upper half is an epoch.
func Index(i uint64) string {
	if i < 1<<32 {
		return strconv.FormatUint(i, 10)
	}
	return "0x" + strconv.FormatUint(i, 16)
}

// RaftWhat tells what a [Raft] event says. The comments name the fields in use
// besides Source, Node, Inc, Seq and Term.
type RaftWhat string

const (
	// RaftStart: a process came up and recovered Term, Vote, Last, Hash (at
	// Last), Commit. Index and EntryTerm are those of its snapshot, Digest the
	// digest of the snapshot's state.
	RaftStart RaftWhat = "start"
	// RaftFollower: it follows Peer ("" while unknown) in Term.
	RaftFollower RaftWhat = "follower"
	// RaftCandidate: it stands in Term with the log that ends at Last. Heard, Known;
	// Reason is ReasonTransfer if its leader told it to (TimeoutNow, thesis §3.10).
	// From a tap: its first vote request of Term.
	RaftCandidate RaftWhat = "candidate"
	// RaftVote: it decided on Peer's vote request of PeerTerm: Granted, Reason,
	// Last (its own log), PeerLast. A candidate's vote for itself has Peer ==
	// Node. One event for each request, in order of receipt.
	RaftVote RaftWhat = "vote"
	// RaftPreVote is RaftVote for a pre-vote, which binds nobody. Heard, Known, as of
	// RaftCandidate.
	RaftPreVote RaftWhat = "prevote"
	// RaftLeader: it won Term with the log that ends at Last (before its no-op);
	// Hash at Last. From a tap: its first append or heartbeat of Term; Last, if
	// set, is what its vote request showed.
	RaftLeader RaftWhat = "leader"
	// RaftAppend: entries From..To of EntryTerm are in its log, durable; Hashes.
	// Peer is the leader they came from, Node itself if it proposed them.
	RaftAppend RaftWhat = "append"
	// RaftTruncate: entries from Index on were removed because they conflict
	// with those of Peer, the leader of Term.
	RaftTruncate RaftWhat = "truncate"
	// RaftAck (taps): it acknowledged to Peer, the leader of Term, that its log
	// matches up to Index. Sent in no more detail than is needed: the last of a
	// burst, and always before a vote of the same member.
	RaftAck RaftWhat = "ack"
	// RaftCommit: it knows entries up to Index committed; EntryTerm and Hash are
	// those of the entry at Index, Term is the committing term. Lead.
	RaftCommit RaftWhat = "commit"
	// RaftApply: Digest is that of its state machine once Index is applied.
	// Written at every index that is a multiple of ApplyEvery and now and then
	// between.
	RaftApply RaftWhat = "apply"
	// RaftSnapshot: it compacted its log up to Index (EntryTerm, Hash, Digest).
	RaftSnapshot RaftWhat = "snapshot"
	// RaftInstall: it replaced its log by Peer's snapshot up to Index
	// (EntryTerm, Hash, Digest); entries after Index are gone.
	RaftInstall RaftWhat = "install"
	// RaftConfig: from Index on, Voters (with Outgoing, Learners) decide. From the
	// harness, which writes it before it asks for the change: Voters may decide from
	// now on, as may those who did before. If Inc is set, Node's processes from Inc on
	// are a new member, which knows nothing and has promised nothing. From a tap: by what
	// members sent, Voters decide in Group from now on, as may those that decided before
	// if it was told who; without any, it is not known who does, unless another event names
	// them that tells of the same entry, the one of EntryTerm at Index. Node is "" then.
	// With Learners, or Outgoing, the group is gathering: it began without knowing all of its
	// members, and the leader of EntryTerm counts Voters from that entry on. Learners are
	// who is to follow; Outgoing are those of the start, of whom a majority has to have the entry
	// before that is safe, where it is the first that says so.
	RaftConfig RaftWhat = "config"
	// RaftRegress (taps): on one connection to Peer it sent a message that carries its
	// own term, Term, after one of the higher PeerTerm.
	RaftRegress RaftWhat = "regress"
	// RaftMessage (fabric): a message of an election, ID, of Class (vote, vote-response,
	// prevote, prevote-response, timeout-now) and of Term, from Node to Peer has come to
	// Stage: it is Sent, may be HeldBack, is then Delivered or Dropped, or still on its
	// way. One that a fault doubles may be Dropped and Delivered. Last is the log
	// position that a request shows, Granted what an answer says. It is for those who
	// draw and explain; what follows of it for a rule the tap tells. No more than a
	// share of a history are such events, but always all stages of a message or none:
	// see RunMessages.
	RaftMessage RaftWhat = "message"
	// RaftEnd: the source ends here of its own accord; nothing is missing.
	RaftEnd RaftWhat = "end"
)

// ApplyEvery is the spacing of the indexes at which every member reports its
// digest, so that digests of different members can be compared.
const ApplyEvery = 16

// Reason is why a vote was granted or refused.
type Reason string

const (
	ReasonGranted     Reason = "granted"     // nothing speaks against it
	ReasonSelf        Reason = "self"        // a candidate's vote for itself
	ReasonRepeated    Reason = "repeated"    // granted to the same candidate before
	ReasonStaleTerm   Reason = "stale-term"  // the candidate's term is behind
	ReasonStaleLog    Reason = "stale-log"   // the candidate's log is behind
	ReasonVoted       Reason = "voted"       // the vote of this term is given to another
	ReasonHasLeader   Reason = "has-leader"  // pre-vote only: a leader is alive
	ReasonNotAVoter   Reason = "not-a-voter" // the candidate or the asked is no voter
	ReasonTransfer    Reason = "transfer"    // a candidacy: its leader hands over the lead
	ReasonUnspecified Reason = "unspecified" // taps: the wire does not say
)

// HashAt returns the chain hash of entry i of a RaftAppend, and whether the
// event carries it.
func (r *Raft) HashAt(i uint64) (uint64, bool) {
	if i < r.From || i > r.To {
		return 0, false
	}
	off := (i - r.From) * 8
	if off+8 > uint64(len(r.Hashes)) {
		return 0, false
	}
	return binary.LittleEndian.Uint64(r.Hashes[off:]), true
}
