// Package ovsdb is how members of a clustered OVSDB (Open vSwitch's ovsdb-server) say
// Raft's messages to each other: JSON objects back to back, each a notification of
// JSON-RPC with one object of parameters.
//
// Read message.go for what they mean, value.go for where one ends; conn.go knows who
// speaks, and to which request for votes an answer belongs. What it is about is
// documented in ovsdb(5) and ovsdb(7); the messages were captured from ovsdb-server 3.1.
package ovsdb

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/tap"
)

// The classes of frames that are no kind of Raft's own. A heartbeat is an append without
// entries, which tells where the logs match all the same.
const (
	classHello   = "hello"
	classEcho    = "echo"
	classCommand = "execute-command" // a follower passes a client's write on
	classReply   = "execute-command-response"
	classMembers = "membership" // to join, and to leave
	classOther   = "other"
)

// Dialect returns the dialect. Its name is ovsdb.
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:  "ovsdb",
		Plain: "tcp: addresses in the place of ssl:",
		Kinds: []tap.Kind{
			tap.Append, tap.AppendResponse, tap.Vote, tap.VoteResponse, tap.Snapshot, tap.SnapshotResponse, tap.TimeoutNow,
		},
		Classes: []string{
			string(tap.Heartbeat), string(tap.HeartbeatResponse),
			classCommand, classReply, classHello, classEcho, classMembers, classOther,
		},
		Ordered: true, // one thread sends, and drops what waited for the disk into a later term
		Begins:  begins,
		Hello:   hello,
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			s := &shared{cluster: c, asked: make(map[pair]*terms)}
			return func(dialler, accepter string) (forward, backward tap.Decoder) {
				return &decoder{shared: s, from: party{name: dialler}, to: party{name: accepter}},
					&decoder{shared: s, from: party{name: accepter}, to: party{name: dialler}}
			}
		},
	}
}

// begins looks for a method that only members of a cluster know.
func begins(first []byte) bool {
	var f finder
	n, err := f.end(first)
	if err != nil {
		return false
	}
	if n > 0 {
		first = first[:n]
	}
	for _, method := range []string{"hello_request", "add_server_request", "append_request", "append_reply", "vote_request", "vote_reply", "execute_command_request"} {
		if bytes.Contains(first, []byte(`"method":"`+method+`"`)) {
			return true
		}
	}
	return false
}

// hello returns the address in the first message of a dialler.
func hello(first []byte) (addr string, more bool, err error) {
	var f finder
	n, err := f.end(first)
	if n == 0 {
		return "", err == nil && len(first) < maxHello, err
	}
	v := view(first[:n])
	if string(v.method) != "hello_request" && !joins(v.method) {
		return "", false, errors.New("it does not begin with a hello_request or an add_server_request")
	}
	way, at, ok := strings.Cut(string(text(v.params.address)), ":")
	if !ok || way != "tcp" {
		return "", false, fmt.Errorf("it says hello from %.60q, which is no tcp:HOST:PORT", text(v.params.address))
	}
	return at, false, nil
}

// maxHello bounds a dialler's first message.
const maxHello = 4 << 10
