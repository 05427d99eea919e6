#!/usr/bin/env bash
# etcd's raft: a pre-vote that comes late counts for the next term
#
# Version:     go.etcd.io/raft/v3 v3.6.0 (that of etcd 3.6), and go.etcd.io/etcd/raft/v3
#              v3.5.21 (that of etcd 3.5)
# Expectation: nobody stands in a term before a majority has granted it pre-votes for
#              that term (Raft thesis 9.6): a grant names the term that was asked for.
# Behaviour:   a pre-candidate counts each grant whose term is not below its own. Member 3
#              asks for term 6, hears that another leads it, asks for term 7, and is then
#              given a grant for term 6, which was held up: it stands in term 7, for which
#              nobody has granted it anything. No harm to safety, since votes decide; but a
#              leader may be deposed that a majority hears.
# Seen:        MsgVote 7 in both
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
	"io"
	"log"

	"$1"
	pb "$1/raftpb"
)

func main() {
	storage := raft.NewMemoryStorage()
	storage.ApplySnapshot(pb.Snapshot{Metadata: pb.SnapshotMetadata{Index: 1, Term: 5, ConfState: pb.ConfState{Voters: []uint64{1, 2, 3}}}})
	storage.SetHardState(pb.HardState{Term: 5, Commit: 1})
	node, err := raft.NewRawNode(&raft.Config{
		ID: 3, ElectionTick: 10, HeartbeatTick: 1, Storage: storage, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 16,
		PreVote: true, CheckQuorum: true, Logger: &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
	})
	if err != nil {
		panic(err)
	}
	var last pb.Message
	carryOut := func() {
		for node.HasReady() {
			ready := node.Ready()
			for _, m := range ready.Messages {
				last = m
			}
			node.Advance(ready)
		}
	}
	ask := func() {
		for node.BasicStatus().RaftState != raft.StatePreCandidate {
			node.Tick()
		}
		carryOut()
	}
	hear := func(m pb.Message) {
		if err := node.Step(m); err != nil {
			panic(err)
		}
		carryOut()
	}
	ask()
	hear(pb.Message{Type: pb.MsgPreVoteResp, From: 2, To: 3, Term: 6, Reject: true})
	ask()
	hear(pb.Message{Type: pb.MsgPreVoteResp, From: 1, To: 3, Term: 6})
	fmt.Printf("%v %d\n", last.Type, last.Term)
}
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
saw go.etcd.io/etcd/raft/v3 v3.5.21 'MsgVote 7'
saw go.etcd.io/raft/v3 v3.6.0 'MsgVote 7'
