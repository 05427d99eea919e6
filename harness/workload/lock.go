package workload

import (
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

const (
	// lockTries is how many times a lock is asked for before its group goes on to
	// the next: somebody who got no answer may have it and not know.
	lockTries = 200
	// lockGivesUp is how many times in a row a release may come to nothing.
	lockGivesUp = 10
)

// Lock takes locks, writes to what they guard, and releases them. Clients compete
// for one lock at a time, five of them for each. Who has a lock keeps it for some
// four writes; who does not know whether it has one tries to release it; and who
// had one writes with its old token now and then, which the fence is there for.
type Lock struct {
	mu      sync.Mutex
	groups  []*contended
	holders map[int]*holder // by client
	values  map[int]uint64  // how many names and values each client has drawn
}

// contended is the lock that a group of clients competes for.
type contended struct {
	key    string
	number int
	tries  int
}

// holder is a client that has a lock, may have one, or had one.
type holder struct {
	key, name, token string
	stage            lockStage
	failures         int // releases in a row that came to nothing
}

type lockStage int

const (
	lockHeld   lockStage = iota
	lockDoubt            // an acquire or a release was not answered
	lockFormer           // it has been released
)

// NewLock returns the lock workload.
func NewLock() *Lock {
	return &Lock{holders: make(map[int]*holder), values: make(map[int]uint64)}
}

// Name returns "lock".
func (*Lock) Name() string { return "lock" }

// Next draws an acquire for a client without a lock; for one that has it, four
// writes to one release.
func (l *Lock) Next(client int, r *rand.Rand) history.Op {
	roll := r.IntN(5)
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holders[client]
	switch {
	case h == nil, h.stage == lockFormer && roll > 0:
		delete(l.holders, client)
		return history.Op{F: history.FAcquire, Key: l.contendedLocked(client).key, Arg: l.valueLocked(client)}
	case h.stage == lockDoubt, h.stage == lockHeld && roll == 0:
		return history.Op{F: history.FRelease, Key: h.key, Arg: h.name, Old: h.token}
	}
	return history.Op{F: history.FFenced, Key: h.key, Arg: l.valueLocked(client), Old: h.token}
}

// Done notes who has the lock now.
func (l *Lock) Done(client int, op history.Op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch op.F {
	case history.FAcquire:
		switch op.Type {
		case history.OK:
			l.holders[client] = &holder{key: op.Key, name: op.Arg, token: op.Got}
		case history.Info:
			l.holders[client] = &holder{key: op.Key, name: op.Arg, stage: lockDoubt}
		}
	case history.FRelease:
		l.released(client, &op)
	}
}

// released notes how a release ended. Once it was refused for good the client goes
// on; an acquire that was not answered may still come to hold the lock for ever.
func (l *Lock) released(client int, op *history.Op) {
	h := l.holders[client]
	if h == nil {
		return
	}
	h.failures++
	switch {
	case op.Type == history.OK:
		h.stage, h.token = lockFormer, op.Got
	case op.Type == history.Fail && op.Saw || h.failures >= lockGivesUp:
		delete(l.holders, client)
	case op.Type == history.Info:
		h.stage = lockDoubt
	}
}

// Final has nothing to read: what matters of a lock is who was given it.
func (*Lock) Final() []history.Op { return nil }

// contendedLocked returns the lock of the client's group, which it is about to ask
// for.
func (l *Lock) contendedLocked(client int) *contended {
	group := client / groupSize
	for len(l.groups) <= group {
		l.groups = append(l.groups, &contended{key: lockName(len(l.groups), 0)})
	}
	c := l.groups[group]
	if c.tries++; c.tries > lockTries {
		c.number++
		c.key, c.tries = lockName(group, c.number), 1
	}
	return c
}

func lockName(group, number int) string {
	return "l" + strconv.Itoa(group) + "-" + strconv.Itoa(number)
}

// valueLocked returns a name or value that no other call returns.
func (l *Lock) valueLocked(client int) string {
	l.values[client]++
	return "c" + strconv.Itoa(client) + "-" + strconv.FormatUint(l.values[client], 10)
}
