package etcd

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// Classes of frames. A frame of any class but the last two is exactly one raft
// message.
const (
	classAppend            = "append"
	classAppendResponse    = "append-response"
	classHeartbeat         = "heartbeat"
	classHeartbeatResponse = "heartbeat-response"
	classVote              = "vote"
	classVoteResponse      = "vote-response"
	classPreVote           = "prevote"
	classPreVoteResponse   = "prevote-response"
	classSnapshot          = "snapshot" // without the database that follows it
	classPropose           = "propose"  // a write on its way to the leader
	classReadIndex         = "read-index"
	classReadIndexResponse = "read-index-response"
	classTransfer          = "transfer" // leadership: asked for, and TimeoutNow
	classSnapshotData      = "snapshot-data"
	classOther             = "other" // heads, probes, link heartbeats, what nobody names
)

func classes() []string {
	return []string{
		classAppend, classAppendResponse, classHeartbeat, classHeartbeatResponse,
		classVote, classVoteResponse, classPreVote, classPreVoteResponse, classSnapshot,
		classPropose, classReadIndex, classReadIndexResponse, classTransfer,
		classSnapshotData, classOther,
	}
}

// answersVote tells of which classes it matters how far they come.
func answersVote(class string) bool {
	return class == classVoteResponse || class == classPreVoteResponse
}

// kindOf returns the class of a message and what it is to a tap, 0 for nothing.
func kindOf(m *raftpb.Message) (string, tap.Kind) {
	switch m.Type {
	case raftpb.MsgApp:
		return classAppend, tap.Append
	case raftpb.MsgAppResp:
		return classAppendResponse, tap.AppendResponse
	case raftpb.MsgHeartbeat:
		if m.From == 0 {
			return classOther, 0 // of the link: somebody is there
		}
		return classHeartbeat, tap.Heartbeat
	case raftpb.MsgHeartbeatResp:
		return classHeartbeatResponse, tap.HeartbeatResponse
	case raftpb.MsgVote:
		return classVote, tap.Vote
	case raftpb.MsgVoteResp:
		return classVoteResponse, tap.VoteResponse
	case raftpb.MsgPreVote:
		return classPreVote, tap.PreVote
	case raftpb.MsgPreVoteResp:
		return classPreVoteResponse, tap.PreVoteResponse
	case raftpb.MsgSnap:
		return classSnapshot, tap.Snapshot
	case raftpb.MsgProp:
		return classPropose, 0
	case raftpb.MsgReadIndex:
		return classReadIndex, 0
	case raftpb.MsgReadIndexResp:
		return classReadIndexResponse, 0
	case raftpb.MsgTransferLeader, raftpb.MsgTimeoutNow:
		return classTransfer, 0
	}
	return classOther, 0
}

// observed is what a tap makes of a message on a link. Who sent it is what the
// fabric knows.
func observed(link fabric.Link, kind tap.Kind, m *raftpb.Message) tap.Message {
	o := tap.Message{Kind: kind, From: link.From, To: link.To, Term: m.Term, Reject: m.Reject}
	switch kind {
	case tap.Append:
		o.Log = history.Pos{Term: m.LogTerm, Index: m.Index}
		o.Last, o.Commit = o.Log, m.Commit
		if n := len(m.Entries); n > 0 {
			o.Last = history.Pos{Term: m.Entries[n-1].Term, Index: m.Entries[n-1].Index}
		}
	case tap.AppendResponse:
		if !m.Reject {
			o.Log.Index = m.Index // its term is not on the wire
		}
	case tap.Heartbeat:
		o.Commit = m.Commit
	case tap.Vote, tap.PreVote:
		o.Log = history.Pos{Term: m.LogTerm, Index: m.Index}
	case tap.Snapshot:
		if m.Snapshot != nil {
			o.Log = history.Pos{Term: m.Snapshot.Metadata.Term, Index: m.Snapshot.Metadata.Index}
		}
	}
	return o
}

// reset makes m empty for the next message, and keeps room for its entries.
func reset(m *raftpb.Message) {
	entries := m.Entries
	clear(entries) // their data may be large
	*m = raftpb.Message{Entries: entries[:0]}
}
