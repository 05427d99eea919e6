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
	DeafPreVote      Name = "deaf-pre-vote"
	SkipPreVote      Name = "skip-pre-vote"
)

// Bug describes one deliberate bug.
type Bug struct {
	Name    Name
	Checker string // the checker that must catch it
	Short   string // what the node does wrong
	PreVote bool   // it shows only in members that ask for pre-votes
}

// All returns the catalogue, in a fixed order.
func All() []Bug {
	return []Bug{
		{DoubleVote, "votes", "grants its vote to every candidate of a term whose log is good enough", false},
		{ForgetVote, "votes", "does not write term and vote to disk, and restarts without them", false},
		{StaleLogVote, "votes", "grants its vote without comparing logs", false},
		{MinorityQuorum, "votes", "takes the throne with one vote less than a majority", false},
		{IgnoreHigherTerm, "votes", "keeps its own term when a vote request carries a higher one", false},
		{TermRegress, "logs", "comes back from a restart one term behind", false},
		{NoTruncate, "logs", "keeps its own suffix where it conflicts with the leader's", false},
		{AlwaysTruncate, "logs", "cuts its log after every append, also a late one that holds nothing new", false},
		{CommitOldTerm, "logs", "as leader, commits entries of earlier terms by counting replicas (Raft figure 8)", false},
		{AckBeforeCommit, "linearizable", "answers a write as soon as its own log holds it", false},
		{AckBeforeSync, "logs", "acknowledges entries that are still in its buffer", false},
		{StaleRead, "linearizable", "as leader, reads without asking a majority whether it still leads", false},
		{FollowerRead, "linearizable", "as follower, answers reads from its own state", false},
		{ApplyTwice, "set", "applies a write again when the client resends it", false},
		{SnapshotDropsKey, "logs", "loses a key whenever it takes a snapshot", false},
		{DeafTimer, "timers", "does not reset the election timer on a heartbeat", false},
		{VoteBeforeSync, "votes", "answers a vote request before the vote is on disk", false},
		{LastComeVote, "votes", "refuses the first eligible candidate of a term and takes the next", false},
		{HeartbeatCommit, "logs", "as leader, tells its commit index in heartbeats also to followers whose logs differ", false},
		{DeafPreVote, "pre-votes", "grants pre-votes although it leads or hears a leader", true},
		{SkipPreVote, "pre-votes", "stands without asking for pre-votes", true},
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
