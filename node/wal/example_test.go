package wal_test

import (
	"fmt"
	"log"
	"os"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wal"
)

// A vote is on disk once Sync has returned, and only then may it be answered.
func Example() {
	dir, err := os.MkdirTemp("", "wal")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	l, _, err := wal.Open(dir, wal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	l.SetState(raft.HardState{Term: 7, Vote: 3}) // errors stick, so Sync tells of them
	if err := l.Sync(); err != nil {
		log.Fatal(err)
	}
	if err := l.Close(); err != nil {
		log.Fatal(err)
	}

	l, recovered, err := wal.Open(dir, wal.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	fmt.Printf("term %d, voted for %d\n", recovered.State.Term, recovered.State.Vote)
	// Output: term 7, voted for 3
}
