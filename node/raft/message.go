package raft

// ID names a member. 0 is nobody.
type ID uint64

// Kind is the kind of a message.
type Kind uint8

// The kinds of messages. Their values are on the wire: never renumber.
const (
	KindAppend Kind = iota + 1
	KindAppendResponse
	KindHeartbeat
	KindHeartbeatResponse
	KindVote
	KindVoteResponse
	KindPreVote
	KindPreVoteResponse
	KindSnapshot
	KindSnapshotResponse
)

// Pos is a position in a log: the zero Pos is the empty log.
type Pos struct{ Term, Index uint64 }

// Less tells whether a log ending at p is behind one ending at q (Raft §5.4.1).
func (p Pos) Less(q Pos) bool {
	return p.Term < q.Term || p.Term == q.Term && p.Index < q.Index
}

// Entry is one entry of the log. Hash chains it to all entries before it:
// h(i) = xxhash64(h(i-1), term(i), data(i)) with h(0) = 0, the integers as 8
// bytes little endian. An empty Data is a leader's no-op.
type Entry struct {
	Term, Index uint64
	Hash        uint64
	Data        []byte
}

// Message is what members say to each other. Everything but Entries and Data is
// in the fixed header of a frame, so that a tap needs nothing else.
type Message struct {
	Kind     Kind
	From, To ID
	Term     uint64 // the sender's term; for pre-votes the term asked for
	Reject   bool   // responses: the request was refused

	// Log: vote, prevote: the candidate's last position. append: the position
	// just before Entries. append-response: on success the last position known
	// to match the leader's log; on Reject the position to retry from (conflict
	// back-off, Raft §5.3). snapshot: the snapshot's position.
	Log Pos
	// Last: append: the position of the last of Entries (== Log when empty).
	// Every response: the responder's own last position.
	Last Pos
	// Commit: append, heartbeat: the leader's commit index (for heartbeats no
	// further than the receiver's known match).
	Commit uint64
	// Context: heartbeats: the read-index round, echoed in the response.
	// append-response with Reject: the index of the refused append's Log, so that
	// the leader can tell a late refusal from the one that it waits for.
	Context uint64

	Entries  []Entry   // append
	Snapshot *Snapshot // snapshot
}

// HardState must survive a restart.
type HardState struct {
	Term uint64
	Vote ID // 0: none in Term
}

// Snapshot is the state machine's state after the entry at Pos was applied, and
// what the log needs to go on from there.
type Snapshot struct {
	Pos    Pos
	Hash   uint64 // chain hash at Pos
	Digest uint64 // of the state
	Data   []byte
}
