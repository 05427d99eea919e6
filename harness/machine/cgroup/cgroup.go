// Package cgroup changes a process's share of the machine: how much of a processor and of memory it
// may use, and whether it runs at all. That is done by control groups, of Linux's first version
// or its second, whichever has the controller: each member of a run has a group
// of its own in each, below one of the run.
//
// Children are born into their parent's group. Memory counts for the group in which it was first
// used: a member belongs into its group from its start on, not only once a fault is put in
// force. What uses up a group's memory is killed by the kernel, within the group; this program is
// in none of them.
package cgroup

import (
	"errors"

	"github.com/usurper/usurper/harness/guard"
)

// Controller is what groups may be limited in.
type Controller string

// The controllers.
const (
	CPU     Controller = "cpu"
	Memory  Controller = "memory"
	Freezer Controller = "freezer"
)

// Controllers are all of them.
func Controllers() []Controller { return []Controller{CPU, Memory, Freezer} }

// ErrUnsupported is that a controller cannot be had here.
var ErrUnsupported = errors.New("control groups cannot be had here")

// Promises are kept if this program cannot undo itself what it did, as those of
// guard.Guard are.
type Promises interface {
	// Promise returns once it is certain that this will be undone.
	Promise(guard.Undo) error
	// Fulfilled takes a promise back.
	Fulfilled(guard.Undo)
}

// Counts are what was counted of a group since it was made.
type Counts struct {
	Throttled  int64 // periods in which it used up its share of a processor
	MemoryHits int64 // how often it wanted more memory than it may use
	OOMKills   int64 // how often the kernel killed one of its processes for that
}

// Minus is what was counted since an earlier moment.
func (c Counts) Minus(earlier Counts) Counts {
	return Counts{c.Throttled - earlier.Throttled, c.MemoryHits - earlier.MemoryHits, c.OOMKills - earlier.OOMKills}
}
