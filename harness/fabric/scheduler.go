package fabric

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// maxStrikes is how many times in a row frames may wait in vain before the run
// counts as another one than that of the schedule.
const maxStrikes = 3

// scheduler tells of moments as they happen and, with a schedule to follow, lets
// frames wait for their turn. A nil scheduler does nothing.
//
// Streams call it with their own lock held; it only ever nudges them.
type scheduler struct {
	identify func(class string, frame []byte) (ID, bool)
	lossy    func(class string) bool
	record   func(Moment)
	patience time.Duration
	follow   *follower // guarded by mu; nil when there is nothing to follow

	mu       sync.Mutex
	highest  map[series]uint64 // term seen so far
	waiting  map[*turn]struct{}
	strikes  int
	struckAt time.Duration
	ended    bool
}

// series is the frames of one class on one link, refusals apart.
type series struct {
	link   Link
	class  string
	reject bool
}

// turn is the place of one frame, and of its doubles, in the order of frames.
type turn struct {
	moment Moment // its delivery
	free   atomic.Bool
	wake   chan struct{} // of the stream that it waits in
	until  time.Duration // how long it waits at most; 0: it could not leave so far
	left   bool          // guarded by the scheduler
}

// waits tells whether the frame's turn has not come; t may be nil.
func (t *turn) waits() bool { return t != nil && !t.free.Load() }

func newScheduler(o *Options) (*scheduler, error) {
	if o.Record == nil && o.Follow == nil {
		return nil, nil
	}
	p, ok := o.Protocol.(Identifier)
	switch {
	case !ok:
		return nil, errors.New("a schedule needs a Protocol that is an Identifier")
	case o.Follow != nil && o.Patience <= 0:
		return nil, errors.New("following a schedule needs a Patience over 0")
	}
	c := &scheduler{
		identify: p.Identify, lossy: o.Protocol.Lossy, record: o.Record, patience: o.Patience,
		highest: make(map[series]uint64), waiting: make(map[*turn]struct{}),
	}
	if o.Follow != nil {
		c.follow = newFollower(o.Follow, p.Opens)
	}
	return c, nil
}

// enter takes note that a frame was sent and returns its turn, nil for one that
// schedules leave alone. wake is nudged once a turn that waits has come.
func (c *scheduler) enter(l Link, class string, frame []byte, wake chan struct{}) *turn {
	if c == nil || !c.lossy(class) {
		return nil
	}
	id, ok := c.identify(class, frame)
	if !ok {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := series{l, id.Class, id.Reject}
	if c.ended || id.Term <= c.highest[key] {
		return nil
	}
	c.highest[key] = id.Term
	c.happenedLocked(Moment{Sent, l, id})
	t := &turn{moment: Moment{Delivered, l, id}, wake: wake}
	if c.follow == nil || c.follow.progress.GaveUp || c.follow.may(t.moment) {
		t.free.Store(true)
	} else {
		c.waiting[t] = struct{}{}
	}
	return t
}

// leave takes note that the frame is about to be delivered.
func (c *scheduler) leave(t *turn) {
	if t == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.left && !c.ended {
		t.left = true
		c.happenedLocked(t.moment)
	}
}

// lose takes note that the frame will never be delivered.
func (c *scheduler) lose(t *turn) {
	if t == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, t)
	t.free.Store(true)
	if !t.left && c.follow != nil {
		c.follow.lost(t.moment)
		c.wakeLocked()
	}
}

// check tells when a frame that could leave at now, but for its turn, has to be
// looked at again; 0 when its turn has come or it has waited for long enough.
func (c *scheduler) check(t *turn, now time.Duration) (until time.Duration) {
	if !t.waits() {
		return 0
	}
	if t.until == 0 {
		t.until = now + c.patience
	}
	if now < t.until {
		return t.until
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.free.Load() { // at the last moment
		return 0
	}
	delete(c.waiting, t)
	t.free.Store(true)
	c.follow.overdue(t.moment)
	if now-c.struckAt > c.patience/2 {
		c.strikes, c.struckAt = c.strikes+1, now
	}
	if c.strikes >= maxStrikes {
		c.follow.progress.GaveUp = true
	}
	c.wakeLocked()
	return 0
}

// end lets go of everything, and takes note of nothing more.
func (c *scheduler) end() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.wakeLocked()
}

func (c *scheduler) followed() Followed {
	if c == nil {
		return Followed{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow == nil {
		return Followed{}
	}
	return c.follow.progress
}

func (c *scheduler) happenedLocked(m Moment) {
	if c.record != nil {
		c.record(m)
	}
	if c.follow == nil {
		return
	}
	if c.follow.happened(m) {
		c.strikes = 0
	}
	c.wakeLocked()
}

// wakeLocked lets go of the frames whose turn has come.
func (c *scheduler) wakeLocked() {
	for t := range c.waiting {
		if c.ended || c.follow.progress.GaveUp || c.follow.may(t.moment) {
			delete(c.waiting, t)
			t.free.Store(true)
			nudge(t.wake)
		}
	}
}
