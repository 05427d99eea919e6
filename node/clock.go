package node

import "time"

// Clock paces a member's timers. The trace does not use it: evidence is
// stamped with the machine's own clock whatever the timers are made to believe.
type Clock interface {
	// Ticks returns a channel on which a tick arrives every d until stop is
	// called. A tick that nobody takes is dropped: a process that was stopped for
	// a second finds one tick waiting, not a thousand, and so gives its leader
	// time to be heard before it stands for election.
	Ticks(d time.Duration) (ticks <-chan time.Time, stop func())
}

// realClock is the machine's.
type realClock struct{}

func (realClock) Ticks(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}
