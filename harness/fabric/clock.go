package fabric

import (
	"container/heap"
	"sync"
	"time"
)

// clock wakes waiters at given times. One goroutine serves all, from the best
// timer that the system has.
type clock struct {
	base  time.Time
	timer timer
	done  chan struct{}

	mu     sync.Mutex
	queue  waiterHeap
	armed  time.Duration // when the timer goes off next; 0: it doesn't
	closed bool
}

// timer is one settable alarm.
type timer interface {
	set(in time.Duration) // goes off once, after in > 0; replaces an earlier setting
	wait() bool           // until it goes off (true) or is closed (false)
	close()
}

// waiter is woken by a token in its channel, which needs room for one.
type waiter struct {
	at    time.Duration
	index int // in the heap, -1 when not waiting
	wake  chan struct{}
}

func newClock() (*clock, error) {
	t, err := newTimer()
	if err != nil {
		return nil, err
	}
	c := &clock{base: time.Now(), timer: t, done: make(chan struct{})}
	go c.run()
	return c, nil
}

func (c *clock) now() time.Duration { return time.Since(c.base) + 1 }

// set wakes w at a time, instead of any set before.
func (c *clock) set(w *waiter, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.at = at
	if w.index >= 0 {
		heap.Fix(&c.queue, w.index)
	} else {
		heap.Push(&c.queue, w)
	}
	c.armLocked()
}

// stop forgets w. A token that came before stays in its channel.
func (c *clock) stop(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.index >= 0 {
		heap.Remove(&c.queue, w.index)
	}
}

// armLocked sets the timer if nothing sets it early enough already. An alarm
// for a waiter that has gone is not worth a system call to take back.
func (c *clock) armLocked() {
	if c.closed || len(c.queue) == 0 {
		return
	}
	next := c.queue[0].at
	if c.armed != 0 && c.armed <= next {
		return
	}
	c.armed = next
	c.timer.set(max(next-c.now(), 1))
}

func (c *clock) run() {
	defer close(c.done)
	for c.timer.wait() {
		c.mu.Lock()
		c.armed = 0
		now := c.now()
		for len(c.queue) > 0 && c.queue[0].at <= now {
			w := heap.Pop(&c.queue).(*waiter)
			nudge(w.wake)
		}
		c.armLocked()
		c.mu.Unlock()
	}
}

func (c *clock) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.timer.close()
	<-c.done
}

// nudge leaves a token; one that is already there will do.
func nudge(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// waiterHeap implements heap.Interface, earliest first.
type waiterHeap []*waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.index = len(*h)
	*h = append(*h, w)
}

func (h *waiterHeap) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.index = -1
	return w
}
