// Package bug is the catalogue of the reference node's named deliberate bugs.
//
// Each bug is one branch at one place of the node, off by default. It changes
// what the node does, never what the node says about it: a bug's branch does
// not touch the trace. The catalogue is how the harness proves that it finds
// bugs.
//
// To add a bug: add its constant and its line in All, and its one branch.
package bug

import (
	"fmt"
	"strings"
)

// Name names a deliberate bug. The empty Name is a correct node.
type Name string

// The bugs. All explains them.
const (
	None             Name = ""
	DoubleVote       Name = "double-vote"
	ForgetVote       Name = "forget-vote"
	StaleLogVote     Name = "stale-log-vote"
	MinorityQuorum   Name = "minority-quorum"
	IgnoreHigherTerm Name = "ignore-higher-term"
	TermRegress      Name = "term-regress"
	NoTruncate       Name = "no-truncate"
	AlwaysTruncate   Name = "always-truncate"
	CommitOldTerm    Name = "commit-old-term"
	AckBeforeCommit  Name = "ack-before-commit"
	AckBeforeSync    Name = "ack-before-sync"
	StaleRead        Name = "stale-read"
	FollowerRead     Name = "follower-read"
	ApplyTwice       Name = "apply-twice"
	SnapshotDropsKey Name = "snapshot-drops-key"
	DeafTimer        Name = "deaf-timer"
	VoteBeforeSync   Name = "vote-before-sync"
	LastComeVote     Name = "last-come-vote"
	HeartbeatCommit  Name = "heartbeat-commit"
)

// Bug describes one deliberate bug.
type Bug struct {
	Name    Name
	Checker string // the checker that must catch it
	Short   string // what the node does wrong
}

// All returns the catalogue, in a fixed order.
func All() []Bug {
	return []Bug{
		{DoubleVote, "votes", "grants its vote to every candidate of a term whose log is good enough"},
		{ForgetVote, "votes", "does not write term and vote to disk, and restarts without them"},
		{StaleLogVote, "votes", "grants its vote without comparing logs"},
		{MinorityQuorum, "votes", "takes the throne with one vote less than a majority"},
		{IgnoreHigherTerm, "votes", "keeps its own term when a vote request carries a higher one"},
		{TermRegress, "logs", "comes back from a restart one term behind"},
		{NoTruncate, "logs", "keeps its own suffix where it conflicts with the leader's"},
		{AlwaysTruncate, "logs", "cuts its log after every append, also a late one that holds nothing new"},
		{CommitOldTerm, "logs", "as leader, commits entries of earlier terms by counting replicas (Raft figure 8)"},
		{AckBeforeCommit, "linearizable", "answers a write as soon as its own log holds it"},
		{AckBeforeSync, "logs", "acknowledges entries that are still in its buffer"},
		{StaleRead, "linearizable", "as leader, reads without asking a majority whether it still leads"},
		{FollowerRead, "linearizable", "as follower, answers reads from its own state"},
		{ApplyTwice, "set", "applies a write again when the client resends it"},
		{SnapshotDropsKey, "logs", "loses a key whenever it takes a snapshot"},
		{DeafTimer, "timers", "does not reset the election timer on a heartbeat"},
		{VoteBeforeSync, "votes", "answers a vote request before the vote is on disk"},
		{LastComeVote, "votes", "refuses the first eligible candidate of a term and takes the next"},
		{HeartbeatCommit, "logs", "as leader, tells its commit index in heartbeats also to followers whose logs differ"},
	}
}

// Parse returns the bug called name. The empty name is None.
func Parse(name string) (Name, error) {
	if name == "" {
		return None, nil
	}
	names := make([]string, 0, len(All()))
	for _, b := range All() {
		if string(b.Name) == name {
			return b.Name, nil
		}
		names = append(names, string(b.Name))
	}
	return None, fmt.Errorf("unknown bug %q: use one of %s", name, strings.Join(names, ", "))
}
