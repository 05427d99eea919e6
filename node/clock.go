package node

import "time"

// Clock paces a member's timers. The trace does not use it: evidence is
// stamped with the machine's own clock whatever the timers are made to believe.
type Clock interface {
	// Ticks begins to count ticks of length d, until Stop.
	Ticks(d time.Duration) Ticks
}

// Ticks count time for one member. A member that has nothing to do for some ticks
// is not woken for them: it is told later that they have passed. Only one goroutine
// calls the methods.
//
// A member that was stopped for a second is told of a few ticks, not of two hundred,
// and so gives its leader time to be heard before it stands for election.
type Ticks interface {
	// Rest says that the member has nothing to do before the n-th tick from the last
	// one that it was told of; n is at least 1.
	Rest(n int)
	// Due is received from when that tick has come.
	Due() <-chan time.Time
	// Passed tells of ticks that have passed, which are fewer than n. due says that Due
	// was received from: that tick is one more.
	Passed(due bool) int
	// Stop ends the counting.
	Stop()
}

// realClock is the machine's.
type realClock struct{}

func (realClock) Ticks(d time.Duration) Ticks {
	t := &realTicks{length: d, told: time.Now(), timer: time.NewTimer(d)}
	t.Rest(1)
	return t
}

// stoppedAfter is how many ticks too late a member comes that was stopped, rather
// than short of a processor.
const stoppedAfter = 6

type realTicks struct {
	length time.Duration
	timer  *time.Timer
	told   time.Time // when the last tick was that it was told of
	n      int       // the tick after it that is due
}

func (t *realTicks) Rest(n int) {
	t.n = n
	t.timer.Reset(time.Until(t.told.Add(time.Duration(n) * t.length)))
}

func (t *realTicks) Due() <-chan time.Time { return t.timer.C }

func (t *realTicks) Passed(due bool) int {
	now := time.Now()
	passed := int(now.Sub(t.told) / t.length)
	if passed > t.n+stoppedAfter { // nobody knows when it was stopped
		t.told = now
		return 0
	}
	before := min(passed, t.n-1)
	switch {
	case due && passed > t.n:
		t.told = now // ticks for which nobody was there are lost
	case due:
		t.told = t.told.Add(time.Duration(t.n) * t.length)
	default:
		t.told = t.told.Add(time.Duration(before) * t.length)
		t.n -= before
	}
	return before
}

func (t *realTicks) Stop() { t.timer.Stop() }
