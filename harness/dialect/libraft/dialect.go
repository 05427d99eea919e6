// Package libraft reads what members of C-raft, the library below dqlite (LXD, MicroK8s),
// say to each other over its stock transport (uv), without TLS, as dqlite opens it.
//
// All numbers are little endian, in words of eight bytes. A connection begins with a
// version and a request that says what it is for; CONNECT makes it one of members, and
// from there messages go from who dialled to who was dialled, never back: two members
// have two connections. All other requests are clients', of whom nothing is read.
// Read from the library's source, and held against what members of libraft 0.15 below
// libdqlite 1.11 sent (testdata); snapshots and a leader's word to stand were never captured.
package libraft

import (
	"github.com/usurper/usurper/harness/tap"
)

const (
	classHello        = "hello"
	classHeartbeat    = "heartbeat" // an append without entries
	classSnapshotData = "snapshot-data"
	classClient       = "client" // what dqlite's clients and servers say
)

// Dialect returns libraft's.
//
// An answer to an append does not say to which: it names the last entry of the follower's
// log, which need not be one of the leader's. It acknowledges, as the leader takes it, what
// of that the leader has sent there in its term. The first entry of a log, which says who
// the members are, counts as committed from the start.
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:  "libraft",
		Plain: "addresses of members without TLS (dqlite: no WithTLS)",
		Kinds: []tap.Kind{
			tap.Append, tap.AppendResponse, tap.Vote, tap.VoteResponse, tap.PreVote, tap.PreVoteResponse, tap.Snapshot, tap.TimeoutNow,
		},
		Classes: []string{classHello, classHeartbeat, classSnapshotData, classClient},
		Ordered: true, // one loop, one connection for each peer
		Begins:  begins,
		Hello:   hello,
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			all := new(progress)
			return func(dialler, accepter string) (forward, backward tap.Decoder) {
				shared := &conn{cluster: c, dialler: dialler, sent: all.of(dialler, accepter), answered: all.of(accepter, dialler)}
				return &sender{conn: shared}, &receiver{conn: shared}
			}
		},
	}
}

// conn is what the two directions of a connection share.
type conn struct {
	cluster *tap.Cluster
	dialler string
	renewed uint64 // how many members had the dialler's name before
	use     use

	sent     *sent // by the dialler, to whom it dialled
	answered *sent // by whom it dialled, to the dialler: what that acknowledges
}

// use is what a connection is for.
type use uint8

const (
	unknown use = iota // its version is not read yet
	greeted            // the version is
	peers
	clients
)
