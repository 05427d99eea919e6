// Package bug is the catalogue of the reference node's named deliberate bugs.
//
// Each bug is one branch at one place of the node, off by default. It changes
// what the node does, never what the node says about it: a bug's branch does
// not touch the trace. The catalogue is how the harness proves that it finds
// bugs.
//
// To add a bug: add its constant and its line in All, with the setting that it needs,
// and its one branch.
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
	OldSnapshot      Name = "old-snapshot"
	InstallDropsVote Name = "install-drops-vote"
	EarlyRead        Name = "early-read"
	AnswerLease      Name = "answer-lease"
	ForgetSessions   Name = "forget-sessions"
	ShortSessions    Name = "short-sessions"
	ResendIsDone     Name = "resend-is-done"
	EvenQuorum       Name = "even-quorum"
	DeposedPanics    Name = "deposed-panics"
	StandsOnce       Name = "stands-once"
	WriteWithoutSync Name = "write-without-sync"
	SyncDataNotName  Name = "sync-data-not-name"
	SyncLate         Name = "sync-late"
	TrustTornTail    Name = "trust-torn-tail"
	KeepTornTail     Name = "keep-torn-tail"
)

// Setting is what a cluster must be like for a bug to show in it.
type Setting struct {
	PreVote bool // its members ask for pre-votes
	Even    bool // the number of its members is even
	// Disk is the kind of file system that members have for themselves and that loses its
	// power, "" for none.
	Disk string
	// Block tells whether it must lie on a block device that keeps a part of what was not
	// flushed.
	Block bool
}

// Bug describes one deliberate bug.
type Bug struct {
	Name    Name
	Checker string // the checker that must catch it
	Short   string // what the node does wrong
	Setting
}

// Members is how many members a cluster has in which the bug shows, where n would
// do for others: n, or one less.
func (b Bug) Members(n int) int {
	if b.Even && n%2 == 1 {
		return n - 1
	}
	return n
}

// All returns the catalogue, in a fixed order.
func All() []Bug {
	anywhere, preVotes, even := Setting{}, Setting{PreVote: true}, Setting{Even: true}
	power, torn := Setting{Disk: "ext4"}, Setting{Disk: "ext4", Block: true}
	return []Bug{
		{DoubleVote, "votes", "grants its vote to every candidate of a term whose log is good enough", anywhere},
		{ForgetVote, "votes", "does not write term and vote to disk, and restarts without them", anywhere},
		{StaleLogVote, "votes", "grants its vote without comparing logs", anywhere},
		{MinorityQuorum, "votes", "takes the throne with one vote less than a majority", anywhere},
		{IgnoreHigherTerm, "votes", "keeps its own term when a vote request carries a higher one", anywhere},
		{TermRegress, "logs", "comes back from a restart one term behind", anywhere},
		{NoTruncate, "logs", "keeps its own suffix where it conflicts with the leader's", anywhere},
		{AlwaysTruncate, "logs", "cuts its log after every append, also a late one that holds nothing new", anywhere},
		{CommitOldTerm, "logs", "as leader, commits entries of earlier terms by counting replicas (Raft figure 8)", anywhere},
		{AckBeforeCommit, "linearizable", "answers a write as soon as its own log holds it", anywhere},
		{AckBeforeSync, "logs", "acknowledges entries that are still in its buffer", anywhere},
		{StaleRead, "linearizable", "as leader, reads without asking a majority whether it still leads", anywhere},
		{FollowerRead, "linearizable", "as follower, answers reads from its own state", anywhere},
		{ApplyTwice, "set", "applies a write again when the client resends it", anywhere},
		{SnapshotDropsKey, "logs", "loses a key whenever it takes a snapshot", anywhere},
		{DeafTimer, "timers", "does not reset the election timer on a heartbeat", anywhere},
		{VoteBeforeSync, "votes", "answers a vote request before the vote is on disk", anywhere},
		{LastComeVote, "votes", "refuses the first eligible candidate of a term and takes the next", anywhere},
		{HeartbeatCommit, "logs", "as leader, tells its commit index in heartbeats also to followers whose logs differ", anywhere},
		{DeafPreVote, "pre-votes", "grants pre-votes although it leads or hears a leader", preVotes},
		{SkipPreVote, "pre-votes", "stands without asking for pre-votes", preVotes},
		{OldSnapshot, "logs", "installs a snapshot that comes late, although it has committed more since", anywhere},
		{InstallDropsVote, "votes", "loses its vote on disk when it installs a snapshot", anywhere},
		{EarlyRead, "linearizable", "as leader, reads before an entry of its own term is committed", anywhere},
		{AnswerLease, "linearizable", "as leader, reads without asking while a majority has answered within T, however late", anywhere},
		{ForgetSessions, "set", "forgets which requests it has applied when a new leader begins", anywhere},
		{ShortSessions, "set", "forgets which request of a client it has applied after 200 more entries", anywhere},
		{ResendIsDone, "linearizable", "answers a resent write that it had refused as if it was done", anywhere},
		{EvenQuorum, "votes", "takes half of the members for a majority if their number is even", even},
		{DeposedPanics, "node-logs", "panics when it has led and another is elected, or a majority is out of reach", anywhere},
		{StandsOnce, "availability", "stands for election only while its log is empty", anywhere},
		{WriteWithoutSync, "logs", "writes to its disk at once, and never syncs what it acknowledges", power},
		{SyncDataNotName, "node-logs", "syncs what it writes, but not the directory in which it renames a snapshot or segment", power},
		{SyncLate, "logs", "syncs what it acknowledges 50 ms later", power},
		{TrustTornTail, "logs", "takes entries of a torn batch for whole when it comes back, whatever their data", torn},
		{KeepTornTail, "node-logs", "does not cut a torn batch off when it comes back, but appends behind it", torn},
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
