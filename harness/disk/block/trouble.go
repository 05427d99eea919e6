package block

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Trouble is something that is wrong with a disk that has power.
type Trouble struct {
	// Delay is how much longer each flush takes, give or take Jitter.
	Delay, Jitter time.Duration
	// FailFlush fails every flush with EIO: what it was to flush stays in the cache, until a
	// later one succeeds.
	FailFlush bool
	// FailWrite fails every write, of zeros too, with EIO: nothing of it is written.
	FailWrite bool
}

// Harm is what trouble did.
type Harm struct {
	FlushesSlowed, FlushesFailed, WritesFailed int64
	Added                                      time.Duration // to flushes, all together
}

// Ongoing is trouble that a disk has.
type Ongoing struct {
	trouble Trouble
	of      *troubles
	users   sync.WaitGroup // operations that meet it just now

	over  chan struct{} // closed while it has no effect; it and the rest are guarded by of.mu
	ended bool
	harm  Harm
}

// troubles are all that a disk has.
type troubles struct {
	mu    sync.Mutex
	rng   *rand.Rand
	list  []*Ongoing
	calms int           // who wants none to have an effect
	held  chan struct{} // flushes wait until it is closed; nil if they need not
}

func newTroubles() *troubles {
	return &troubles{rng: rand.New(rand.NewPCG(0x736c6f77, 0x6469736b))}
}

func (t *troubles) begin(what Trouble) *Ongoing {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := &Ongoing{trouble: what, of: t, over: make(chan struct{})}
	if t.calms > 0 {
		close(o.over)
	}
	t.list = append(t.list, o)
	return o
}

// End ends it, also for operations that are under way, and tells what it did. It may be
// called twice.
func (o *Ongoing) End() Harm {
	t := o.of
	t.mu.Lock()
	if !o.ended {
		o.ended = true
		t.list = slices.DeleteFunc(t.list, func(other *Ongoing) bool { return other == o })
		if t.calms == 0 {
			close(o.over)
		}
	}
	t.mu.Unlock()
	o.users.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return o.harm
}

// calm has none of them any effect until again is called.
func (t *troubles) calm() (again func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.calms++; t.calms == 1 {
		for _, o := range t.list {
			close(o.over)
		}
	}
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.calms--; t.calms == 0 {
			for _, o := range t.list {
				o.over = make(chan struct{})
			}
		}
	})
}

// write tells whether a write is to fail.
func (t *troubles) write() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failLocked(func(o *Ongoing) *int64 {
		if !o.trouble.FailWrite {
			return nil
		}
		return &o.harm.WritesFailed
	})
}

func (t *troubles) failFlush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failLocked(func(o *Ongoing) *int64 {
		if !o.trouble.FailFlush {
			return nil
		}
		return &o.harm.FlushesFailed
	})
}

// failLocked fails by the first of them that counts such an operation.
func (t *troubles) failLocked(count func(*Ongoing) *int64) error {
	if t.calms > 0 {
		return nil
	}
	for _, o := range t.list {
		if n := count(o); n != nil {
			*n++
			return unix.EIO
		}
	}
	return nil
}

// hold lets no flush end from now on.
func (t *troubles) hold() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held == nil {
		t.held = make(chan struct{})
	}
}

// release lets those that are held go on.
func (t *troubles) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != nil {
		close(t.held)
		t.held = nil
	}
}

func (t *troubles) holds() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held
}

// wait takes the time of a flush, and for as long as flushes are held, or until the power
// goes, and tells whether it is to fail.
func (t *troubles) wait(died <-chan struct{}) error {
	if err := t.letGo(died); err != nil {
		return err
	}
	var gone error
	for _, d := range t.delays() { // each is waited for, which is what its end waits for
		if err := d.wait(died); err != nil {
			gone = err
		}
	}
	if gone != nil {
		return gone
	}
	if err := t.failFlush(); err != nil {
		return err
	}
	return t.letGo(died)
}

// letGo waits for as long as flushes are held.
func (t *troubles) letGo(died <-chan struct{}) error {
	for held := t.holds(); held != nil; held = t.holds() {
		select {
		case <-held:
		case <-died:
			return ErrDead
		}
	}
	return nil
}

// delay is what one of them adds to a flush.
type delay struct {
	*Ongoing
	time time.Duration
	over <-chan struct{}
}

// delays draws them. Each has to be waited for, since nothing ends before.
func (t *troubles) delays() (all []delay) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.list {
		d := o.trouble.Delay
		if d <= 0 || t.calms > 0 {
			continue
		}
		if j := o.trouble.Jitter; j > 0 {
			d = max(0, d-j+time.Duration(t.rng.Int64N(int64(2*j)+1)))
		}
		o.users.Add(1)
		o.harm.FlushesSlowed++
		all = append(all, delay{o, d, o.over})
	}
	return all
}

func (d delay) wait(died <-chan struct{}) (err error) {
	defer d.users.Done()
	begun := time.Now()
	timer := time.NewTimer(d.time)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.over:
	case <-died:
		err = ErrDead
	}
	d.of.mu.Lock()
	defer d.of.mu.Unlock()
	d.harm.Added += time.Since(begun)
	return err
}
