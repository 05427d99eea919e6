package block

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// medium is what is on the disk, and what of it can vanish. What is read is what was
// written last; what was there before is remembered for as long as it can come back.
type medium struct {
	mu      sync.RWMutex
	now     []byte
	used    bitmap // pages that may hold anything but zeros
	history history
	state   State
	dead    chan struct{} // closed when the power goes
	off     bool
}

// maxPart bounds what one record covers, so that any fits into the cache.
const maxPart = 1 << 20

func newMedium(size int64, opts Options) (*medium, error) {
	if size <= 0 || size%Page != 0 {
		return nil, fmt.Errorf("a disk of %d bytes: want a multiple of %d", size, Page)
	}
	if opts.Cache == 0 {
		opts.Cache = size / 4
	}
	m := &medium{used: newBitmap(size / Page), dead: make(chan struct{})}
	var err error
	if m.now, err = memory(size); err != nil {
		return nil, err
	}
	if m.history.ring, err = memory(max(opts.Cache/Page*Page, 2*maxPart)); err != nil {
		_ = unix.Munmap(m.now)
		return nil, err
	}
	return m, nil
}

func (m *medium) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = unix.Munmap(m.now)
	_ = unix.Munmap(m.history.ring)
	m.now, m.history = nil, history{}
}

// read returns what is at an offset, less at the end of the disk. The bytes are those of
// the disk itself, and change with it.
func (m *medium) read(at int64, size int) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.off {
		return nil, ErrDead
	}
	if at < 0 || at >= int64(len(m.now)) {
		return nil, nil
	}
	return m.now[at:min(at+int64(size), int64(len(m.now)))], nil
}

// write puts bytes into the cache.
func (m *medium) write(at int64, data []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayLocked(at, int64(len(data))); err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), int(maxPart-at%maxPart))
		m.rememberLocked(at, int64(n))
		copy(m.now[at:], data[:n])
		for p := at / Page; p*Page < at+int64(n); p++ {
			m.used.add(p)
		}
		at, data = at+int64(n), data[n:]
	}
	return nil
}

// zero does what a write of so many zeros does. Pages of them need no memory.
func (m *medium) zero(at, size int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayLocked(at, size); err != nil {
		return err
	}
	for end := at + size; at < end; {
		if !m.used.has(at / Page) {
			at = min(end, at/Page*Page+Page)
			continue
		}
		to := at // the end of a run of used pages
		for to < end && to-at < maxPart/2 && m.used.has(to/Page) {
			to = min(end, to/Page*Page+Page)
		}
		m.rememberLocked(at, to-at)
		m.clearLocked(at, to)
		at = to
	}
	return nil
}

func (m *medium) clearLocked(at, to int64) {
	from, until := (at+Page-1)/Page*Page, to/Page*Page
	if from >= until {
		clear(m.now[at:to])
		return
	}
	clear(m.now[at:from])
	clear(m.now[until:to])
	forget(m.now[from:until])
	for p := from / Page; p < until/Page; p++ {
		m.used.remove(p)
	}
}

func (m *medium) mayLocked(at, size int64) error {
	switch {
	case m.off:
		return ErrDead
	case at < 0 || size < 0 || at > int64(len(m.now))-size:
		return fmt.Errorf("%d bytes at %d of a disk of %d: %w", size, at, len(m.now), unix.ENOSPC)
	}
	return nil
}

// rememberLocked keeps what is at an offset, which is about to be overwritten.
func (m *medium) rememberLocked(at, size int64) {
	end := (at + size + Sector - 1) / Sector * Sector
	at = at / Sector * Sector
	size = end - at
	var was []byte
	for p := at / Page; p*Page < end; p++ {
		if m.used.has(p) {
			was = m.now[at:end]
			break
		}
	}
	for !m.history.fits(int64(len(was))) {
		m.state.Spilled += m.history.drop()
	}
	m.history.push(at, size, was)
}

// died returns what is closed when the power goes.
func (m *medium) died() <-chan struct{} {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.dead
}

// flush makes all that was written before it was called durable. It calls wait without
// holding anything, as often a disk takes its time: what is written meanwhile is not
// covered.
func (m *medium) flush(wait func() error) error {
	m.mu.RLock()
	until := m.history.next()
	m.mu.RUnlock()
	if err := wait(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return ErrDead
	}
	for m.history.len() > 0 && m.history.gone < until {
		m.history.drop()
	}
	m.state.Flushes++
	m.state.LastFlush = time.Now()
	return nil
}

// cut takes the power, and returns what the device had been asked for. From then on nothing
// changes what the choice left.
func (m *medium) cut(keep Choice) State {
	m.mu.Lock()
	defer m.mu.Unlock()
	state := m.stateLocked()
	if m.off {
		return state
	}
	m.off = true
	close(m.dead)
	m.state = state
	settled := newBitmap(int64(len(m.now)) / Sector)
	changes, before := m.history.changes(m.now)
	kept := keep(changes)
	for i := len(changes) - 1; i >= 0; i-- {
		switch at := changes[i].At; {
		case settled.has(at / Sector):
		case kept[i]:
			settled.add(at / Sector)
		default:
			m.bringBackLocked(at, before[i])
		}
	}
	h := &m.history
	for h.len() > 0 {
		h.drop()
	}
	return state
}

// end takes the power for good, from a disk that nobody looks at any more.
func (m *medium) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.off {
		m.off = true
		close(m.dead)
	}
}

func (m *medium) bringBackLocked(at int64, was []byte) {
	sector := m.now[at : at+Sector]
	if was == nil {
		clear(sector)
		return
	}
	copy(sector, was)
	m.used.add(at / Page)
}

// restore gives the power back.
func (m *medium) restore() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		m.off, m.dead, m.state = false, make(chan struct{}), State{}
	}
}

func (m *medium) stateNow() State {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.stateLocked()
}

func (m *medium) stateLocked() State {
	s := m.state
	if !m.off {
		s.Writes, s.Unflushed = m.history.len(), m.history.bytes
	}
	return s
}
