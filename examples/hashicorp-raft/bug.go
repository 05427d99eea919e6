package main

import (
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// The library asks of a stable store and a log store that what they have said is stored
// is there after a restart, and that what was deleted or replaced is not. Each bug breaks
// one of these promises; stale-read breaks one of the store's own, to its clients.
const (
	forgetTerm = "forget-term" // stable: the term and the vote are in memory alone
	forgetVote = "forget-vote" // stable: the vote is
	lateTerm   = "late-term"   // stable: both reach the disk a moment after it was said
	loseTail   = "lose-tail"   // log: its last entries are in memory alone
	keepTail   = "keep-tail"   // log: an entry that was stored once stays
	staleRead  = "stale-read"  // reads are answered from what this member knows
)

func bugs() []string {
	return []string{forgetTerm, forgetVote, lateTerm, loseTail, keepTail, staleRead}
}

// broken returns the stores of a member that has the bug, "" for none.
func broken(bug string, disk *raftboltdb.BoltStore) (raft.LogStore, raft.StableStore) {
	switch bug {
	case forgetTerm:
		return disk, &amnesiac{StableStore: disk, keys: []string{"CurrentTerm", "LastVoteTerm", "LastVoteCand"}}
	case forgetVote:
		return disk, &amnesiac{StableStore: disk, keys: []string{"LastVoteTerm", "LastVoteCand"}}
	case lateTerm:
		return disk, &amnesiac{StableStore: disk, keys: []string{"CurrentTerm", "LastVoteTerm", "LastVoteCand"}, late: 300 * time.Millisecond}
	case loseTail:
		return &forgetful{LogStore: disk}, disk
	case keepTail:
		return &stubborn{LogStore: disk}, disk
	}
	return disk, disk
}
