// Package vdso gives a single process another wall clock, without touching the machine's
// and without the process's help.
//
// Programs read the time through the vDSO, a few functions that the kernel maps into
// each of them. Here these functions are changed in the memory of one process: they ask
// the original for the time and add to it what a [Clock] says. Go, C and Java read their
// wall clocks so; monotonic clocks are left as they are, and as fast. Not reached is who makes the
// system call itself, who runs as 32-bit code, and what the kernel tells: timestamps of files, timers
// that are set to a wall clock's time. Who sleeps in a system call until such a time can
// be woken by [EndWaits] when his clock tells it.
//
// The process is held for some hundred microseconds by ptrace, not by SIGSTOP: whether
// somebody else has stopped it stays as it is, and if this program is killed the kernel lets
// the process go on. Children inherit the clock; another program that the process
// executes has the true one again.
package vdso

import (
	"errors"
	"fmt"
	"time"
)

// Clock is how a wall clock differs from the true one. The zero Clock is the true one.
type Clock struct {
	Start  time.Time     // from when on it drifts, or jumps
	Offset time.Duration // how far it is ahead; of one that jumps, by turns ahead and behind
	Drift  float64       // parts per million of what has passed since the start
	Every  time.Duration // how often it jumps, 0 for never
}

// At is what the clock shows at an instant.
func (c Clock) At(now time.Time) time.Time {
	passed := now.Sub(c.Start)
	off := c.Offset
	if c.Every > 0 && passed/c.Every%2 != 0 {
		off = -off
	}
	return now.Add(off + time.Duration(float64(passed)*c.Drift/1e6))
}

// State is what a process's vDSO was found to be.
type State struct {
	Shifted  bool  // its functions are the changed ones
	Readings int64 // how often it has read a wall clock that was changed; -1 if that is not counted
}

// What makes Set and Restore fail.
var (
	ErrGone        = errors.New("the process has ended")
	ErrUnsupported = errors.New("wall clocks of single processes cannot be changed here")
	// ErrSpoilt is that a thread of the process, which lives on, may not be what it was: what
	// the process does from now on is no doing of its own.
	ErrSpoilt = errors.New("a thread could not be put back to what it did")
)

const (
	mostOffset = 20 * 365 * 24 * time.Hour // beyond it, a clock may run backwards from its epoch
	mostDrift  = 500_000                   // parts per million
)

// check refuses what no clock can be.
func (c Clock) check() error {
	switch {
	case c.Offset.Abs() > mostOffset:
		return fmt.Errorf("a clock cannot be off by %v, only by up to 20 years", c.Offset)
	case c.Drift < -mostDrift || c.Drift > mostDrift:
		return fmt.Errorf("a clock cannot drift by %v ppm, only by up to %d", c.Drift, mostDrift)
	case c.Every < 0:
		return fmt.Errorf("a clock cannot jump every %v", c.Every)
	}
	return nil
}
