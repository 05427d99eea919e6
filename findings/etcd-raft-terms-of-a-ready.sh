#!/usr/bin/env bash
# etcd's raft: the messages of one Ready to one peer go back in term
#
# Version:     go.etcd.io/raft/v3 v3.6.0 (that of etcd 3.6); go.etcd.io/etcd/raft/v3
#              v3.5.21 (that of etcd 3.5) does not
# Expectation: a member's term never falls, so what it sends to one peer, on one
#              connection and in the order of Ready.Messages, never falls in term
#              either. In 3.5 Messages has the order in which they were made.
# Behaviour:   since 3.6, also without AsyncStorageWrites, what must wait for the disk
#              (answers to appends, votes and pre-votes) is put behind everything else of
#              the same Ready. A member that was slow to take a Ready, paused or waiting
#              for its disk, answers a heartbeat of term 6 first, and the vote of term 5
#              then. Raft allows it, since messages may overtake each other; but who watches the
#              wire for a term that is given back, or counts on the order, sees a
#              correct member break it.
# Seen:        v3.5.21: MsgVoteResp 5, MsgHeartbeatResp 6
#              v3.6.0: MsgHeartbeatResp 6, MsgVoteResp 5
# Date:        2026-11-30
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
program() {
	cat >main.go <<GO
package main

import (
	"fmt"
	"strings"

	"$1"
	pb "$1/raftpb"
)

func main() {
	storage := raft.NewMemoryStorage()
	storage.ApplySnapshot(pb.Snapshot{Metadata: pb.SnapshotMetadata{Index: 1, Term: 1, ConfState: pb.ConfState{Voters: []uint64{1, 2}}}})
	node, err := raft.NewRawNode(&raft.Config{
		ID: 1, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16,
		Logger: &raft.DefaultLogger{Logger: quiet},
	})
	if err != nil {
		panic(err)
	}
	for _, m := range []pb.Message{
		{Type: pb.MsgVote, From: 2, To: 1, Term: 5, Index: 1, LogTerm: 1},
		{Type: pb.MsgHeartbeat, From: 2, To: 1, Term: 6, Commit: 1},
	} {
		if err := node.Step(m); err != nil {
			panic(err)
		}
	}
	var sent []string
	for _, m := range node.Ready().Messages {
		sent = append(sent, fmt.Sprintf("%v %d", m.Type, m.Term))
	}
	fmt.Println(strings.Join(sent, ", "))
}
GO
	cat >quiet.go <<'GO'
package main

import (
	"io"
	"log"
)

var quiet = log.New(io.Discard, "", 0)
GO
}
saw() {
	program "$1"
	rm -f go.mod go.sum
	go mod init finding >/dev/null 2>&1
	go get "$1@$2" >/dev/null 2>&1
	go mod tidy >/dev/null 2>&1
	local out
	out=$(go run .)
	echo "$2: $out"
	[ "$out" = "$3" ] || { echo "$2: expected to see: $3" >&2; exit 1; }
}
saw go.etcd.io/etcd/raft/v3 v3.5.21 'MsgVoteResp 5, MsgHeartbeatResp 6'
saw go.etcd.io/raft/v3 v3.6.0 'MsgHeartbeatResp 6, MsgVoteResp 5'
