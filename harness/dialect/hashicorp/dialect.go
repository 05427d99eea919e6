// Package hashicorp reads what members of hashicorp/raft say to each other through its
// stock transport (NetworkTransport, without TLS), which Consul, Nomad, Vault and many
// stores build on.
//
// A request is a byte for its type and a msgpack table, and the bytes of a snapshot
// behind one that installs it. An answer is a string, the error, and a table. It does not
// say what it answers: answers come in the order of the requests of their connection.
// Read from the library's source and held against what members of 1.7.3 and 1.8.0 sent
// (testdata); 1.6 has the same layouts and no pre-votes.
package hashicorp

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

const (
	classSnapshotData = "snapshot-data"
	classOther        = "other"
	// maxAsked bounds the requests on one connection without an answer. The library
	// has two at a time unless it is told otherwise.
	maxAsked = 1 << 12
)

// Dialect returns hashicorp/raft's.
//
// Requests go by connections from a pool, on which one that was made in an earlier term may
// follow one of a later, so Ordered is not declared.
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:  "hashicorp-raft",
		Plain: "a transport without TLS, such as raft.NewTCPTransport",
		Kinds: []tap.Kind{
			tap.Append, tap.AppendResponse, tap.Heartbeat, tap.HeartbeatResponse, tap.Vote, tap.VoteResponse,
			tap.PreVote, tap.PreVoteResponse, tap.Snapshot, tap.SnapshotResponse, tap.TimeoutNow,
		},
		Classes: []string{classSnapshotData, classOther},
		Begins:  begins,
		Hello:   hello,
		Rules:   []history.Rule{history.AsksFirst},
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			leading := new(leaders)
			return func(dialler, accepter string) (forward, backward tap.Decoder) {
				shared := &conn{cluster: c}
				f := &requests{conn: shared, led: leading.of(dialler), who: speaker{name: dialler}}
				f.walk.cluster = c
				b := &answers{conn: shared, who: speaker{name: accepter}}
				b.walk.cluster = c
				return f, b
			}
		},
	}
}

// leaders knows the last term in which each member was seen to lead: a word to stand
// (TimeoutNow) carries none, and only who leads says it.
type leaders struct {
	mu   sync.Mutex
	last map[string]*atomic.Uint64
}

func (l *leaders) of(member string) *atomic.Uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = make(map[string]*atomic.Uint64)
	}
	if l.last[member] == nil {
		l.last[member] = new(atomic.Uint64)
	}
	return l.last[member]
}

// conn is what the two directions of a connection share: the requests without an
// answer.
type conn struct {
	cluster *tap.Cluster
	asked   []request // from first on
	first   int
}

// request is what has to be known of a request when its answer comes.
type request struct {
	what byte
	beat bool // a heartbeat
	term uint64
	last history.Pos // where a log is that has taken it
}

func (c *conn) ask(r request) error {
	if c.first == len(c.asked) {
		c.asked, c.first = c.asked[:0], 0
	}
	if len(c.asked)-c.first >= maxAsked {
		return fmt.Errorf("%d requests without an answer", maxAsked)
	}
	if c.first > maxAsked {
		c.asked = append(c.asked[:0], c.asked[c.first:]...)
		c.first = 0
	}
	c.asked = append(c.asked, r)
	return nil
}

func (c *conn) answered() (request, bool) {
	if c.first == len(c.asked) {
		return request{}, false
	}
	c.first++
	return c.asked[c.first-1], true
}

// speaker is who speaks in one direction, by what it calls itself.
type speaker struct {
	name    string
	id      string
	renewed uint64
}

// met takes the id of a message.
func (s *speaker) met(c *tap.Cluster, id []byte) error {
	if string(id) == s.id {
		return nil
	}
	s.id = string(id)
	if err := c.Meet(s.id, s.name); err != nil {
		return err
	}
	_, s.renewed, _ = c.Member(s.id)
	return nil
}
