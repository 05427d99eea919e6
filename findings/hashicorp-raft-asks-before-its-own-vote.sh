#!/usr/bin/env bash
# hashicorp/raft: whether a candidate's vote for itself is on its disk before it asks
# others depends on its place in the configuration
#
# Version:     github.com/hashicorp/raft v1.7.3 and v1.8.0
# Expectation: a candidate votes for itself, which is a vote like any other (Raft §5.2), so
#              that a request for votes says that the vote of its sender is given, and is
#              kept through a crash.
# Behaviour:   the servers of the configuration are gone through in order: the others are asked
#              as it comes to them, and the own vote is written as it comes to itself. A
#              candidate that is first in the list has written before anybody is asked; one
#              behind others has not. Killed in between, it comes up in that term without
#              a vote, and may give it to somebody else. Raft's safety holds, since it has
#              forgotten its candidacy; but who watches the wire, and takes a request for a
#              vote of its sender, sees a correct member vote twice in one term.
# Seen:        v1.7.3: first in the configuration: vote written, others asked
#              v1.7.3: last in the configuration: others asked, vote written
#              v1.8.0: the same two lines
# Date:        2026-12-01
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// events are the two that matter, in the order in which they ended.
type events struct {
	mu   sync.Mutex
	list []string
	both chan struct{}
}

func (e *events) add(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, had := range e.list {
		if had == what {
			return
		}
	}
	e.list = append(e.list, what)
	if len(e.list) == 2 {
		close(e.both)
	}
}

// slow is a stable store that needs a while for the vote, as a disk may.
type slow struct {
	*raft.InmemStore
	seen *events
}

func (s slow) SetUint64(key []byte, v uint64) error {
	if string(key) == "LastVoteTerm" {
		time.Sleep(time.Second)
		s.seen.add("vote written")
	}
	return s.InmemStore.SetUint64(key, v)
}

func main() {
	seen := &events{both: make(chan struct{})}
	addr, own := raft.NewInmemTransport("n1")
	var others []raft.Server
	for _, name := range []raft.ServerAddress{"n2", "n3"} {
		_, peer := raft.NewInmemTransport(name)
		own.Connect(name, peer)
		go func() {
			for rpc := range peer.Consumer() {
				if _, ok := rpc.Command.(*raft.RequestVoteRequest); ok {
					seen.add("others asked")
				}
				rpc.Respond(nil, fmt.Errorf("nobody is here"))
			}
		}()
		others = append(others, raft.Server{ID: raft.ServerID(name), Address: name})
	}
	self := raft.Server{ID: "n1", Address: addr}
	servers := append([]raft.Server{self}, others...)
	if os.Args[1] == "last" {
		servers = append(others, self)
	}
	c := raft.DefaultConfig()
	c.LocalID, c.PreVoteDisabled, c.LogOutput = "n1", true, io.Discard
	store := slow{raft.NewInmemStore(), seen}
	snapshots := raft.NewInmemSnapshotStore()
	if err := raft.BootstrapCluster(c, store, store, snapshots, own, raft.Configuration{Servers: servers}); err != nil {
		panic(err)
	}
	if _, err := raft.NewRaft(c, &raft.MockFSM{}, store, store, snapshots, own); err != nil {
		panic(err)
	}
	<-seen.both
	fmt.Println(strings.Join(seen.list, ", "))
}
GO
saw() {
	local version=$1 place=$2 want=$3 out
	out=$(timeout 60 ./stand "$place")
	echo "$version: $place in the configuration: $out"
	[ "$out" = "$want" ] || { echo "expected to see: $want" >&2; exit 1; }
}
for version in v1.7.3 v1.8.0; do
	rm -f go.mod go.sum
	go mod init finding >/dev/null 2>&1
	go get "github.com/hashicorp/raft@$version" >/dev/null 2>&1
	go mod tidy >/dev/null 2>&1
	go build -o stand .
	saw "$version" first 'vote written, others asked'
	saw "$version" last 'others asked, vote written'
done
