package tap

import "github.com/usurper/usurper/harness/history"

// Kind is what a message is about: the class of its frame, as rules and plans
// call it.
type Kind string

// The kinds of messages of Raft, under whatever names a system knows them. The
// assembler ignores all others.
const (
	Append            Kind = "append"
	AppendResponse    Kind = "append-response"
	Heartbeat         Kind = "heartbeat"
	HeartbeatResponse Kind = "heartbeat-response"
	Vote              Kind = "vote"
	VoteResponse      Kind = "vote-response"
	PreVote           Kind = "prevote"
	PreVoteResponse   Kind = "prevote-response"
	Snapshot          Kind = "snapshot"
	SnapshotResponse  Kind = "snapshot-response"
	// TimeoutNow is a leader's word to a follower to stand at once.
	TimeoutNow Kind = "timeout-now"
)

// grants tells of a response to a vote or pre-vote whether it is one that counts.
func (m *Message) grants() bool { return !m.Reject && (m.Asked == 0 || m.Asked == m.Term) }

// Elects tells whether a message of the kind is about who leads: a request for votes or
// pre-votes, an answer to one, or a leader's word to stand.
func (k Kind) Elects() bool {
	switch k {
	case Vote, VoteResponse, PreVote, PreVoteResponse, TimeoutNow:
		return true
	}
	return false
}

// Message is the part of a peer message that the assembler reasons from. Fields
// that the wire does not show are left zero.
type Message struct {
	Kind     Kind
	From, To string
	// Group is, where one connection carries several Rafts, whose message it is: each
	// has terms and leaders of its own. "" is the main one: see Dialect.Main.
	Group string
	// FromNew and ToNew count how often the sender and the receiver were removed and
	// came back as new members under their old names; 0 for those of the start.
	FromNew, ToNew uint64
	// Loose tells, on a connection of a dialect that is Ordered, that several hands may have
	// queued it: nothing follows from its place.
	Loose bool
	// Term is the sender's term; for pre-votes the term asked for. A message of
	// term 0 is ignored.
	Term   uint64
	Reject bool // responses: the request was refused
	// Asked is, in a response to a vote or pre-vote, the term of the request that it
	// answers, if that is known: a grant in another term is none.
	Asked uint64

	// Log is, in a vote or pre-vote, the candidate's last position; in an append
	// the position just before its entries; in an append-response or
	// snapshot-response that is not a Reject the last position that matches the
	// leader's log (its term may be 0, unknown; an index of 0 says nothing); in a
	// snapshot the snapshot's position.
	Log history.Pos
	// Last is, in an append, the position of its last entry (== Log when it has
	// none); in a response the responder's own last position, if LastKnown.
	Last      history.Pos
	LastKnown bool
	// Commit is, in an append or heartbeat, the commit index that the leader
	// tells of.
	Commit uint64
}
