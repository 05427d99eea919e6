package etcd

import (
	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// Classes of frames. A frame of any class but the last two is exactly one raft
// message.
const (
	classAppend            = string(tap.Append)
	classAppendResponse    = string(tap.AppendResponse)
	classHeartbeat         = string(tap.Heartbeat)
	classHeartbeatResponse = string(tap.HeartbeatResponse)
	classVote              = string(tap.Vote)
	classVoteResponse      = string(tap.VoteResponse)
	classPreVote           = string(tap.PreVote)
	classPreVoteResponse   = string(tap.PreVoteResponse)
	classSnapshot          = string(tap.Snapshot) // without the database that follows it
	classPropose           = "propose"            // a write on its way to the leader
	classReadIndex         = "read-index"
	classReadIndexResponse = "read-index-response"
	classTransfer          = "transfer" // leadership: asked for, and TimeoutNow
	classSnapshotData      = "snapshot-data"
	classOther             = "other" // heads, probes, link heartbeats, what nobody names
)

// classOf returns the class of the frame of a message.
func classOf(m *raftpb.Message) string {
	switch m.Type {
	case raftpb.MsgApp:
		return classAppend
	case raftpb.MsgAppResp:
		return classAppendResponse
	case raftpb.MsgHeartbeat:
		if m.From == 0 {
			return classOther // of the link: somebody is there
		}
		return classHeartbeat
	case raftpb.MsgHeartbeatResp:
		return classHeartbeatResponse
	case raftpb.MsgVote:
		return classVote
	case raftpb.MsgVoteResp:
		return classVoteResponse
	case raftpb.MsgPreVote:
		return classPreVote
	case raftpb.MsgPreVoteResp:
		return classPreVoteResponse
	case raftpb.MsgSnap:
		return classSnapshot
	case raftpb.MsgProp:
		return classPropose
	case raftpb.MsgReadIndex:
		return classReadIndex
	case raftpb.MsgReadIndexResp:
		return classReadIndexResponse
	case raftpb.MsgTransferLeader, raftpb.MsgTimeoutNow:
		return classTransfer
	}
	return classOther
}

// observed says what a tap makes of a message on the direction.
func (d *direction) observed(class string, m *raftpb.Message) {
	o := d.told
	o.Kind = tap.Kind(class)
	switch class {
	case classPropose, classReadIndex, classReadIndexResponse:
		o.Kind = "" // they mean nothing to a tap
	case classTransfer:
		o.Kind = ""
		if m.Type == raftpb.MsgTimeoutNow { // the other is a wish, not a word
			o.Kind = tap.TimeoutNow
		}
	}
	if o.Kind == "" {
		return
	}
	o.FromNew, o.ToNew, o.Term, o.Reject = d.from.renewed, d.to.renewed, m.Term, m.Reject
	o.Loose = d.content != messageStream && d.content != appendStream
	switch o.Kind {
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
}

// reset makes m empty for the next message, and keeps room for its entries.
func reset(m *raftpb.Message) {
	entries := m.Entries
	clear(entries) // their data may be large
	*m = raftpb.Message{Entries: entries[:0]}
}
