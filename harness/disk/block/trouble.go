package block

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// trouble is what is wrong with a disk that has power: it is slow, or says that it cannot.
type trouble struct {
	mu            sync.Mutex
	rng           *rand.Rand
	flush, jitter time.Duration
	flushes       int // that are still to fail; below zero all
	writes        int
	held          chan struct{} // flushes wait until it is closed; nil if they need not
}

func newTrouble() *trouble {
	return &trouble{rng: rand.New(rand.NewPCG(0x736c6f77, 0x6469736b))}
}

func (t *trouble) slow(flush, jitter time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush, t.jitter = flush, jitter
}

func (t *trouble) fail(which *int, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*which = n
}

// strike tells whether the next one of a kind is to fail.
func (t *trouble) strike(which *int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if *which == 0 {
		return nil
	}
	*which = max(*which-1, -1)
	return unix.EIO
}

func (t *trouble) delay() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jitter <= 0 {
		return t.flush
	}
	return max(0, t.flush-t.jitter+time.Duration(t.rng.Int64N(int64(2*t.jitter)+1)))
}

// hold lets no flush end from now on.
func (t *trouble) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held = make(chan struct{})
	}
}

// release lets those that are held go on.
func (t *trouble) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil {
		close(t.held)
		t.held = nil
	}
}

func (t *trouble) holds() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}

// wait takes the time of a flush, and for as long as flushes are held, or until the power
// goes.
func (t *trouble) wait(died <-chan struct{}) error {
	if err := t.letGo(died); err != nil {
		return err
	}
	if err := t.strike(&t.flushes); err != nil {
		return err
	}
	if d := t.delay(); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-died:
			return ErrDead
		}
	}
	return t.letGo(died)
}

// letGo waits for as long as flushes are held.
func (t *trouble) letGo(died <-chan struct{}) error {
	for held := t.holds(); held != nil; held = t.holds() {
		select {
		case <-held:
		case <-died:
			return ErrDead
		}
	}
	return nil
}
