package files

import (
	"context"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// rules are those in force in a directory.
type rules struct {
	seed  uint64
	some  atomic.Bool // whether there are any
	mu    sync.Mutex
	free  sync.Cond // tells Remove that somebody is done with a rule
	list  []*Applied
	count uint64 // of all that there have been
}

func newRules(seed uint64) *rules {
	r := &rules{seed: seed}
	r.free.L = &r.mu
	return r
}

// Applied is a rule in force.
type Applied struct {
	rule  Rule
	rules *rules
	users int           // operations that go by it just now; guarded by rules.mu
	over  chan struct{} // closed when the rule is taken out

	mu     sync.Mutex
	draw   *rand.Rand
	hit    map[ident]int // how often a file came by
	rooms  map[ident]int64
	counts map[string]int64
}

// ident is a file, whatever its name: its inode, and which of those that had this number.
type ident struct{ ino, gen uint64 }

// apply puts a rule in force.
func (r *rules) apply(rule Rule) (*Applied, error) {
	if err := rule.Validate(); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	a := &Applied{
		rule: rule, rules: r, over: make(chan struct{}),
		draw: rand.New(rand.NewPCG(r.seed, r.count)),
		hit:  make(map[ident]int), rooms: make(map[ident]int64), counts: make(map[string]int64),
	}
	r.list = append(r.list, a)
	r.some.Store(true)
	return a, nil
}

// Remove takes the rule out and reports what it did: named counts, none if it never bit.
// Operations that begin from then on are not touched by it; those under way have ended.
// Once removed it counts no more.
func (a *Applied) Remove() map[string]int64 {
	r := a.rules
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, b := range r.list {
		if a == b {
			r.list = append(r.list[:i:i], r.list[i+1:]...)
			close(a.over)
			break
		}
	}
	r.some.Store(len(r.list) > 0)
	for a.users > 0 {
		r.free.Wait()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.counts)
}

// held are the rules that one operation goes by: none of them is removed meanwhile.
type held []*Applied

// hold returns the rules for a file whose path name tells.
func (r *rules) hold(name func() string) held {
	if !r.some.Load() {
		return nil
	}
	path := name()
	r.mu.Lock()
	defer r.mu.Unlock()
	var h held
	for _, a := range r.list {
		if Matches(a.rule.Files, path) {
			a.users++
			h = append(h, a)
		}
	}
	return h
}

func (h held) release() {
	if len(h) == 0 {
		return
	}
	r := h[0].rules
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range h {
		a.users--
	}
	r.free.Broadcast()
}

// first returns the first rule of an action, nil if there is none.
func (h held) first(action Action) *Applied {
	for _, a := range h {
		if a.rule.Action == action {
			return a
		}
	}
	return nil
}

// room tells up to where a file can be written on a full disk: as far as it could when it came by
// first. The space that a file system counts is not of its data alone, so that of a file that
// grew by a block there would always be room for another.
func (a *Applied) room(id ident, now int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if first, ok := a.rooms[id]; ok {
		return first
	}
	a.rooms[id] = now
	return now
}

// refuse returns ENOSPC if the disk is full for what needs space.
func (h held) refuse() error {
	if a := h.first(Full); a != nil {
		a.add("writes-refused", 1)
		return syscall.ENOSPC
	}
	return nil
}

// delay waits as long as slow syncs take. It fails with EINTR when the process that waits
// for it is being killed: ctx is then done, and dying says so. A ctx that is done means
// nothing by itself, since a process takes any signal.
func (h held) delay(ctx context.Context, dying func() bool) error {
	for _, a := range h {
		if a.rule.Action != SlowSync {
			continue
		}
		a.add("syncs-delayed", 1)
		if err := a.wait(ctx, dying); err != nil {
			return err
		}
	}
	return nil
}

// pollDying is how often it is asked whether a process is being killed.
const pollDying = 10 * time.Millisecond

func (a *Applied) wait(ctx context.Context, dying func() bool) error {
	timer := time.NewTimer(a.drawDelay())
	defer timer.Stop()
	poll := time.NewTicker(pollDying)
	defer poll.Stop()
	for signalled := false; ; {
		select {
		case <-timer.C:
			return nil
		case <-a.over:
			return nil
		case <-poll.C:
			if signalled = signalled || ctx.Err() != nil; signalled && dying() {
				return syscall.EINTR
			}
		}
	}
}

func (a *Applied) drawDelay() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rule.Delay + time.Duration((2*a.draw.Float64()-1)*float64(a.rule.Jitter))
}

// drawPart returns a number of bytes, at least one, less than n.
func (a *Applied) drawPart(n int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return 1 + a.draw.IntN(n-1)
}

// times tells how often it was asked of this file before.
func (a *Applied) times(id ident) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hit[id]++
	return a.hit[id] - 1
}

func (a *Applied) add(name string, n int64) {
	if n == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[name] += n
}
