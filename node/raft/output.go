package raft

// Output is everything that the caller must now do, strictly in the order of
// its fields. Nothing of it may be left out, and a failure to persist must stop
// the node: the Raft goes on as if everything had been done.
//
// Slices are valid until the next call of [Raft.Output]. The entries
// themselves are never changed and may be kept.
type Output struct {
	// 1. Persist. State, if not nil. Install, if not nil, replaces the whole log
	// and the state machine. Truncate, if not 0, removes entries from that index
	// on; then Entries are appended. Sync when MustSync.
	State    *HardState
	Install  *Snapshot
	Truncate uint64
	Entries  []Entry
	MustSync bool

	// 2. Trace: what has happened, in order, now that it is durable.
	Events []Event

	// 3. Send.
	Messages []Message

	// 4. Apply, in order, and answer the clients that wait for these entries.
	Committed []Entry
	// 5. Serve each read once everything up to its Index is applied.
	Reads []Read
	// 6. Fail pending proposals: they were proposed by this node as leader of a
	// term that it no longer leads; their outcome is unknown (Info).
	Deposed bool
}

// Read is a read request that may be served once Index is applied. OK is false
// when leadership was lost before it was confirmed: the read fails.
type Read struct {
	ID    uint64
	Index uint64
	OK    bool
}

// Event is one fact for the trace. What is one of the Event constants, whose
// comments name the fields in use besides Term, the member's term once the
// event has happened. Times are counted in ticks.
type Event struct {
	What           string
	Term, PeerTerm uint64
	Peer           ID
	Last, PeerLast Pos
	// From and To are the first and last index of a run of entries of EntryTerm,
	// Hashes the chain hash of each of them.
	From, To, EntryTerm uint64
	Hashes              []uint64
	Index, Hash, Digest uint64
	Granted, Lead       bool
	Reason              string
	Known               bool
	HeardTicks          int
	Voters              []ID
}

// What an [Event] says.
const (
	// EventFollower: it follows Peer (0 while unknown).
	EventFollower = "follower"
	// EventCandidate: it stands in Term with the log that ends at Last. HeardTicks
	// is how long ago it last accepted a message of the leader of its previous
	// term; Known says whether it ever did. Both are counted apart from the
	// election timer.
	EventCandidate = "candidate"
	// EventVote: it decided on Peer's vote request of PeerTerm: Granted, Reason,
	// Last (its own), PeerLast. One for every request, and one with Peer == ID for
	// its vote for itself.
	EventVote = "vote"
	// EventPreVote is EventVote for a pre-vote; HeardTicks and Known as of
	// EventCandidate, but of this term's leader.
	EventPreVote = "prevote"
	// EventLeader: it won Term with the log that ends at Last, with Hash there.
	EventLeader = "leader"
	// EventAppend: From, To, EntryTerm, Hashes; they came from Peer, the leader.
	EventAppend = "append"
	// EventTruncate: entries from Index on were removed at the word of Peer.
	EventTruncate = "truncate"
	// EventCommit: entries up to Index (EntryTerm, Hash) are committed; Lead if it
	// leads Term and found out itself.
	EventCommit = "commit"
	// EventInstall: Peer's snapshot at Index (EntryTerm, Hash, and the Digest that
	// it states) replaced its log.
	EventInstall = "install"
	// EventConfig: from Index on, the Voters decide.
	EventConfig = "config"
)

// Why a vote was granted or refused.
const (
	ReasonGranted   = "granted"
	ReasonSelf      = "self"        // a candidate's vote for itself
	ReasonRepeated  = "repeated"    // granted to the same candidate before
	ReasonStaleTerm = "stale-term"  // the candidate's term is behind
	ReasonStaleLog  = "stale-log"   // the candidate's log is behind
	ReasonVoted     = "voted"       // the vote of this term is given to another
	ReasonHasLeader = "has-leader"  // pre-vote only: a leader is alive
	ReasonNotAVoter = "not-a-voter" // the candidate is no voter
)
