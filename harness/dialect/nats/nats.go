// Package nats decodes what NATS servers say to each other on their routes, of which the
// Rafts of JetStream are a part: the meta group of all servers, and one for each
// replicated stream and consumer.
//
// A route carries a text protocol; Raft's messages are NATS messages whose subjects begin
// with $NRG. Two servers have several routes, dialled from both sides, and a group's
// messages may take any of them. An answer tells neither whom it is for nor of which group
// it is: its subject does, as the reply subject of an earlier message.
//
// The format is that of nats-server 2.10 to 2.15, as captured from 2.10.22, 2.12.15 and 2.15.2.
// Routes must be plain: no TLS, no compression.
package nats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/tap"
)

// meta is the group of all servers.
const meta = "_meta_"

// The classes of frames that are no message of Raft, or none that a tap concludes from.
const (
	classControl = "control"  // of the route itself: INFO, CONNECT, PING, subscriptions
	classMessage = "message"  // between clients, streams and servers
	classCatchup = "catch-up" // of a leader to a member that is behind
	classPropose = "propose"  // what a member passes on to its leader
	classUnknown = "unknown"  // a message of a Raft of which nobody knows what it means
)

// Dialect returns the dialect "nats-raft".
func Dialect() tap.Dialect {
	return tap.Dialect{
		Name:    "nats-raft",
		Plain:   "a cluster block without tls, and with compression off",
		Kinds:   []tap.Kind{tap.Append, tap.AppendResponse, tap.Heartbeat, tap.Vote, tap.VoteResponse},
		Classes: []string{classControl, classMessage, classCatchup, classPropose, classUnknown},
		Main:    meta,
		Begins:  begins,
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			s := newShared(c)
			return func(dialler, accepter string) (forward, backward tap.Decoder) {
				return &decoder{shared: s, from: dialler}, &decoder{shared: s, from: accepter}
			}
		},
	}
}

// begins knows the first words of both ends. Who accepts speaks first; a dialler says who
// it is only then, and not where it listens.
func begins(first []byte) bool {
	return bytes.HasPrefix(first, []byte(`INFO {"server_id":`)) || bytes.HasPrefix(first, []byte(`CONNECT {"echo":`))
}

// info is how a server introduces itself.
type info struct {
	ID          string `json:"server_id"`
	Name        string `json:"server_name"`
	TLSRequired bool   `json:"tls_required"`
}

func parseInfo(text []byte) (info, error) {
	var who info
	if err := json.Unmarshal(text, &who); err != nil {
		return info{}, fmt.Errorf("INFO: %w", err)
	}
	if who.ID == "" || who.Name == "" {
		return info{}, errors.New("INFO without server_id or server_name: no NATS server says so on a route")
	}
	return who, nil
}
