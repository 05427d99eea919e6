package raft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/usurper/usurper/node/bug"
)

// What Config's zero values mean.
const (
	DefaultMaxBatchBytes = 256 << 10
	DefaultMaxInflight   = 64
)

// Config is what a [Raft] is made from: who it is, how it is timed, and what it
// recovered.
type Config struct {
	// ID is this member, Voters all members whose majority decides, ID among
	// them, without 0 and without repetition.
	ID     ID
	Voters []ID

	// ElectionTicks is T: no election timeout is shorter, and a leader that looks
	// back on T without a majority steps down. HeartbeatTicks is the interval between heartbeats, at
	// least 1 and below ElectionTicks.
	ElectionTicks, HeartbeatTicks int
	// Timeout draws the election timeout of one round, in [T, 2T) ticks. It is
	// called anew for each round, so that a split vote is not repeated (Raft
	// §5.2). A value out of range is moved into it.
	Timeout func() int
	// PreVote asks whether an election could be won before it raises the term
	// (Raft dissertation §9.6).
	PreVote bool

	// MaxBatchBytes bounds the entries of one append (a larger entry travels
	// alone), MaxInflight the appends sent to a follower and not yet
	// acknowledged. 0 means DefaultMaxBatchBytes and DefaultMaxInflight.
	MaxBatchBytes, MaxInflight int

	// Bug is a deliberate bug; none if empty.
	Bug bug.Name

	// What was recovered: all zero for a new member. Entries are in index order
	// and follow Snapshot (or index 0) without a gap; those that Snapshot covers
	// are skipped. A Hash of 0 is filled in, any other must be right.
	State    HardState
	Snapshot *Snapshot
	Entries  []Entry
}

// Validate returns everything that is wrong with c, or nil. It does not look at
// what was recovered: New does.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.ID == 0 {
		wrong("id is 0: number members from 1")
	}
	sorted := slices.Sorted(slices.Values(c.Voters))
	if !slices.Contains(sorted, c.ID) {
		wrong("voters %v lack id %d: list every member", c.Voters, c.ID)
	}
	if len(slices.Compact(slices.Clone(sorted))) != len(sorted) {
		wrong("voters %v repeat an id: list each member once", c.Voters)
	}
	if slices.Contains(sorted, 0) {
		wrong("voters %v contain 0: number members from 1", c.Voters)
	}
	if c.HeartbeatTicks < 1 {
		wrong("heartbeat of %d ticks: use at least 1", c.HeartbeatTicks)
	}
	if c.ElectionTicks <= c.HeartbeatTicks {
		wrong("election timeout of %d ticks: use more than the heartbeat's %d", c.ElectionTicks, c.HeartbeatTicks)
	}
	if c.Timeout == nil {
		wrong("no Timeout: give a function that draws from [ElectionTicks, 2*ElectionTicks)")
	}
	if c.MaxBatchBytes < 0 {
		wrong("max batch of %d bytes: use 0 for the default", c.MaxBatchBytes)
	}
	if c.MaxInflight < 0 {
		wrong("max inflight of %d appends: use 0 for the default", c.MaxInflight)
	}
	return errors.Join(errs...)
}

// withDefaults returns a copy of c that New may keep.
func (c Config) withDefaults() Config {
	c.Voters = slices.Sorted(slices.Values(c.Voters))
	if c.MaxBatchBytes == 0 {
		c.MaxBatchBytes = DefaultMaxBatchBytes
	}
	if c.MaxInflight == 0 {
		c.MaxInflight = DefaultMaxInflight
	}
	return c
}
