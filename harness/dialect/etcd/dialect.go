// Package etcd reads what members of etcd say to each other (rafthttp, 3.4 to 3.7): Raft's
// messages as protocol buffers, in bodies and endless streams of HTTP/1.
//
// splitter.go is the connection and what its bodies hold, http.go and transfer.go are
// HTTP, appends.go is the stream that leaves out what the frame before has said,
// message.go is what a tap makes of a message.
package etcd

import (
	"bytes"
	"fmt"
	"strconv"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/tap"
)

// Dialect returns the protocol of etcd's members.
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:   "etcd",
		Plain:  "http:// URLs for peers",
		Begins: begins,
		Kinds: []tap.Kind{
			tap.Append, tap.AppendResponse, tap.Heartbeat, tap.HeartbeatResponse,
			tap.Vote, tap.VoteResponse, tap.PreVote, tap.PreVoteResponse, tap.Snapshot,
		},
		Classes: []string{
			classPropose, classReadIndex, classReadIndexResponse, classTransfer, classSnapshotData, classOther,
		},
		Ordered: true, // but for the pipeline, whose messages several hands queue
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			return func(dialler, accepter string) (forward, backward tap.Decoder) {
				shared := &conn{cluster: c}
				return &direction{conn: shared, from: end{name: dialler}, to: end{name: accepter}},
					&direction{conn: shared, from: end{name: accepter}, to: end{name: dialler}, answer: true}
			}
		},
	}
}

// begins tells the requests that only etcd's members make.
func begins(first []byte) bool {
	return bytes.HasPrefix(first, []byte("GET /raft/")) || bytes.HasPrefix(first, []byte("POST /raft"))
}

// end is one end of a direction, and under which id the member there was met last. etcd
// gives a member that is removed and added again a new id: it is another one, which has
// promised nothing.
type end struct {
	name    string
	id      uint64
	renewed uint64 // how many had its name before
}

// meet takes the id under which a member introduces itself. That it is another's means
// that the fabric is wrong about who dialled: nothing that this connection shows can be
// put down to anybody.
func (e *end) meet(c *tap.Cluster, id uint64) error {
	if id == 0 || id == e.id {
		return nil
	}
	text := strconv.FormatUint(id, 16)
	if err := c.Meet(text, e.name); err != nil {
		return err
	}
	_, e.renewed, _ = c.Member(text)
	e.id = id
	return nil
}

// recognize checks that a message goes from and to whom its link says. What a follower
// passes on to its leader (proposals, reads, wishes for another leader) keeps its first
// sender: a member that has lost the lead passes on what others sent it as their leader.
func (d *direction) recognize(m *raftpb.Message) error {
	err := d.to.meet(d.conn.cluster, m.To)
	if err == nil && !passedOn(m.Type) {
		err = d.from.meet(d.conn.cluster, m.From)
	}
	if err != nil {
		return fmt.Errorf("a message from member %x to %x, from %s to %s: %w", m.From, m.To, d.from.name, d.to.name, err)
	}
	return nil
}

func passedOn(t raftpb.MessageType) bool {
	return t == raftpb.MsgProp || t == raftpb.MsgReadIndex || t == raftpb.MsgTransferLeader
}

func changesMembers(entries []raftpb.Entry) bool {
	for i := range entries {
		if entries[i].Type != raftpb.EntryNormal {
			return true
		}
	}
	return false
}
