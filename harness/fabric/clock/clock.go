// Package clock rings alarms at given times, as exactly as the system lets it: how
// late a delayed byte leaves is for the most part how late its alarm is.
package clock

import (
	"sync"
	"time"

	"github.com/usurper/usurper/harness/fabric/heap"
)

// Clock rings alarms. One goroutine serves all, from the best timer that the
// system has. Its methods may be called concurrently.
type Clock struct {
	base  time.Time
	timer timer
	done  chan struct{}

	mu     sync.Mutex
	queue  heap.Heap[*Alarm]
	armed  time.Duration // when the timer goes off next; 0: it doesn't
	closed bool
}

// timer is one settable alarm.
type timer interface {
	set(in time.Duration) // goes off once, after in > 0; replaces an earlier setting
	wait() bool           // until it goes off (true) or is closed (false)
	close()
}

// Alarm is set on one Clock, as often as one likes. Make it with NewAlarm.
type Alarm struct {
	ring  func()
	at    time.Duration
	place int
}

// NewAlarm returns an alarm that calls ring when it goes off. ring must be quick
// and must not call the Clock.
func NewAlarm(ring func()) *Alarm { return &Alarm{ring: ring} }

// Before orders the alarms of a clock, earliest first.
func (a *Alarm) Before(b *Alarm) bool { return a.at < b.at }

// Place is for the clock's heap.
func (a *Alarm) Place() *int { return &a.place }

// New starts a clock. Close ends it.
func New() (*Clock, error) {
	t, err := newTimer()
	if err != nil {
		return nil, err
	}
	c := &Clock{base: time.Now(), timer: t, done: make(chan struct{})}
	go c.run()
	return c, nil
}

// Now is nanoseconds since the clock was made, never 0.
func (c *Clock) Now() time.Duration { return time.Since(c.base) + 1 }

// Set makes an alarm go off once, at a time, instead of any set before.
func (c *Clock) Set(a *Alarm, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.at = at
	c.queue.Put(a)
	c.armLocked()
}

// Stop makes an alarm not go off, unless it has.
func (c *Clock) Stop(a *Alarm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue.Take(a)
}

// armLocked sets the timer if nothing sets it early enough already. A setting
// for an alarm that was stopped is not worth a system call to take back.
func (c *Clock) armLocked() {
	if c.closed || len(c.queue) == 0 {
		return
	}
	next := c.queue[0].at
	if c.armed != 0 && c.armed <= next {
		return
	}
	c.armed = next
	c.timer.set(max(next-c.Now(), 1))
}

func (c *Clock) run() {
	defer close(c.done)
	for c.timer.wait() {
		c.mu.Lock()
		c.armed = 0
		now := c.Now()
		for len(c.queue) > 0 && c.queue[0].at <= now {
			a := c.queue[0]
			c.queue.Take(a)
			a.ring()
		}
		c.armLocked()
		c.mu.Unlock()
	}
}

// Close ends the clock. No alarm goes off any more.
func (c *Clock) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.timer.close()
	<-c.done
}
