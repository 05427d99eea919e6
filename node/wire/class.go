package wire

import "github.com/usurper/usurper/node/raft"

// ClassOf returns the name by which rules and plans call messages of a kind,
// such as "append" or "vote-response", and "" for an unknown kind.
func ClassOf(k raft.Kind) string {
	switch k {
	case raft.KindAppend:
		return "append"
	case raft.KindAppendResponse:
		return "append-response"
	case raft.KindHeartbeat:
		return "heartbeat"
	case raft.KindHeartbeatResponse:
		return "heartbeat-response"
	case raft.KindVote:
		return "vote"
	case raft.KindVoteResponse:
		return "vote-response"
	case raft.KindPreVote:
		return "prevote"
	case raft.KindPreVoteResponse:
		return "prevote-response"
	case raft.KindSnapshot:
		return "snapshot"
	case raft.KindSnapshotResponse:
		return "snapshot-response"
	}
	return ""
}

// Classes returns the name of every class, in the order of their kinds.
func Classes() []string {
	var names []string
	for k := raft.KindAppend; ClassOf(k) != ""; k++ {
		names = append(names, ClassOf(k))
	}
	return names
}
