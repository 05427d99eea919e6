// Package zookeeper decodes what members of a ZooKeeper ensemble say to each other: at the
// election port (fast leader election) and at the quorum port (ZAB). Seen with 3.8.0.
//
// # In Raft's words
//
// A term is an epoch. The index of an entry is its zxid, whose upper half is the epoch in
// which it was made: so positions compare as ZooKeeper compares them.
//
//   - A vote request is LEADERINFO: whoever was elected proposes an epoch to those who
//     follow it. Its log is the one with which it stood: the last that it said in LOOKING.
//   - A vote is ACKEPOCH, before the first NEWLEADER of the epoch: a member promises no
//     epoch twice. One that has promised it before says so (its current epoch is -1), and
//     one whose log is ahead of the leader's is turned away by the leader: both are refusals
//     here. After NEWLEADER an ACKEPOCH is a promise still, and no vote.
//   - An append is NEWLEADER, which only comes once a majority has promised; UPTODATE, once
//     a majority has acknowledged that; and PROPOSAL and COMMIT of the epoch.
//
// What members say at the election port is no vote in this sense: they change it within a
// round, and the elected one may be believed by nobody. So whom they name there proves
// nothing, and no rule holds them to it.
//
// A majority is one of all members. Where some are observers, or votes have weights, whether
// a winner had one is not judged.
//
// Logs are compared as ZooKeeper does: by the epoch of the last leader that was followed,
// then by zxid. So "n1 is ahead" does not follow from a higher zxid alone.
//
// Read quorum.go first, then election.go; ensemble.go is what connections know in common,
// snapshot.go finds the end of a snapshot, packet.go of everything else.
package zookeeper

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/tap"
)

// Classes of frames that are no messages of Raft.
const (
	classHello        = "election-hello"
	classNotification = "notification"
	classFollower     = "follower-info"
	classPromise      = "promise" // an ACKEPOCH that is no vote
	classSync         = "sync"    // DIFF, TRUNC, and proposals of epochs that are over
	classRequest      = "request" // of clients, passed on; and what is asked of sessions
	classUnknown      = "unknown"
)

// redial is how long a follower dials its leader: five times, 100 ms apart. A proxy's
// listener has accepted at once, and a connection that then ends is not tried again.
const redial = 500 * time.Millisecond

// Dialect returns the protocol of ZooKeeper.
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:  "zookeeper",
		Term:  "an epoch",
		Plain: "sslQuorum=false",
		Kinds: []tap.Kind{
			tap.Append, tap.AppendResponse, tap.Heartbeat, tap.HeartbeatResponse, tap.Vote, tap.VoteResponse, tap.Snapshot,
		},
		Classes: []string{classHello, classNotification, classFollower, classPromise, classSync, classRequest, classUnknown},
		Ordered: true,
		Begins:  begins,
		Redial:  redial,
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			e := newEnsemble(c)
			return func(dialler, accepter string) (tap.Decoder, tap.Decoder) {
				conn := &conn{ensemble: e, follower: dialler, leader: accepter}
				return &forward{conn}, &backward{conn}
			}
		},
	}
}

// port is what a connection was made to.
type port uint8

const (
	unknown port = iota
	electionPort
	quorumPort
)

// conn is one connection.
type conn struct {
	*ensemble
	port             port
	follower, leader string // at the quorum port: who dials follows
	observer         bool   // the follower has no vote
	epoch            uint64 // of the leader, once LEADERINFO said it
	reigns           bool   // NEWLEADER came
	snapshot         scan
}

var (
	quorumHello   = []byte{0, 0, 0, followerInfo}
	observerHello = []byte{0, 0, 0, observerInfo}
	// electionHello begins one that tells addresses: a version, -65536 or -65535.
	electionHello = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}
	tls           = []byte{0x16, 3}
)

var errTLS = errors.New("TLS: what it says cannot be read; sslQuorum=false shows it")

// dialled finds out from a dialler's first bytes which port it dialled: unknown if there
// are too few of them.
func dialled(b []byte) (port, error) {
	switch {
	case len(b) >= len(tls) && bytes.HasPrefix(b, tls):
		return unknown, errTLS
	case len(b) < 8:
		return unknown, nil
	case bytes.HasPrefix(b, electionHello) && b[7] <= 1:
		return electionPort, nil
	case bytes.HasPrefix(b, quorumHello), bytes.HasPrefix(b, observerHello):
		return quorumPort, nil
	}
	return unknown, fmt.Errorf("% x is not how a member of ZooKeeper 3.5 or later begins", b[:8])
}

// begins tells whether first can hardly be but the beginning of such a connection.
func begins(first []byte) bool {
	const info = 20 // data of a FOLLOWERINFO
	switch {
	case len(first) >= 28 && (bytes.HasPrefix(first, quorumHello) || bytes.HasPrefix(first, observerHello)):
		return binary.BigEndian.Uint32(first[8:]) == 0 && binary.BigEndian.Uint32(first[12:]) == info
	case len(first) >= 24 && bytes.HasPrefix(first, []byte{0, 0, 0, leaderInfo}):
		return binary.BigEndian.Uint32(first[8:]) == 0 && bytes.Equal(first[12:24], []byte{0, 0, 0, 4, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff})
	case len(first) >= 20 && bytes.HasPrefix(first, electionHello) && first[7] <= 1:
		return binary.BigEndian.Uint32(first[16:]) <= maxHello
	}
	return false
}

// forward decodes what the dialler sends.
type forward struct{ *conn }

var _ tap.Rewriter = (*forward)(nil)

// Next implements tap.Decoder.
func (d *forward) Next(b []byte, m *tap.Message) (int, string, error) {
	switch d.port {
	case electionPort:
		return d.notification(b, d.follower, d.leader)
	case quorumPort:
		return d.followerSays(b, m)
	}
	to, err := dialled(b)
	if to == unknown || err != nil {
		return 0, "", err
	}
	var n int
	var class string
	if to == electionPort {
		n, class, err = d.hello(b)
	} else {
		n, class, err = d.followerSays(b, m)
		d.observer = b[3] == observerInfo
	}
	if n > 0 {
		d.port = to
	}
	return n, class, err
}

// Rewrite puts the address at which the receiver reaches the dialler into a hello: who has
// the larger number dials back there.
func (d *forward) Rewrite(frame []byte, reach func(backend string) (addr string, ok bool)) []byte {
	if d.port != electionPort || !bytes.HasPrefix(frame, electionHello) {
		return nil
	}
	return rewriteHello(frame, reach)
}

// backward decodes what the accepter sends.
type backward struct{ *conn }

// Next implements tap.Decoder.
func (d *backward) Next(b []byte, m *tap.Message) (int, string, error) {
	switch d.port {
	case electionPort:
		return d.notification(b, d.leader, d.follower)
	case quorumPort:
		return d.leaderSays(b, m)
	}
	return 0, "", errors.New("the accepter speaks first, which no member of ZooKeeper does")
}
