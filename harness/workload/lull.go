package workload

import (
	"sync"
	"time"
)

// Lull holds clients back from what they are about to ask. Its methods may be called
// concurrently; a nil one holds nobody back.
type Lull struct {
	mu      sync.Mutex
	asking  int           // operations under way
	holders int           // who holds clients back
	over    chan struct{} // closed once nobody does; nil while nobody does
	silent  chan struct{} // closed once nothing is under way; nil while nobody waits for that
}

// Hold lets nobody ask anything new until it is taken back, which may be done more than
// once, and waits until all that is under way has its answer, or for limit. It returns how
// many operations have none.
func (l *Lull) Hold(limit time.Duration) (left int, resume func()) {
	l.mu.Lock()
	if l.holders++; l.over == nil {
		l.over = make(chan struct{})
	}
	if l.silent == nil {
		l.silent = make(chan struct{})
	}
	if l.asking == 0 {
		l.hush()
	}
	silent := l.silent
	l.mu.Unlock()
	if silent != nil {
		wait := time.NewTimer(limit)
		defer wait.Stop()
		select {
		case <-silent:
		case <-wait.C:
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asking, sync.OnceFunc(l.resume)
}

func (l *Lull) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holders--; l.holders == 0 {
		close(l.over)
		l.over = nil
	}
}

// hush tells those who wait for it that nothing is under way.
func (l *Lull) hush() {
	close(l.silent)
	l.silent = nil
}

// begin waits until an operation may begin.
func (l *Lull) begin() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.over != nil {
		over := l.over
		l.mu.Unlock()
		<-over
		l.mu.Lock()
	}
	l.asking++
}

// end is when it has its answer, or is given up.
func (l *Lull) end() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asking--; l.asking == 0 && l.silent != nil {
		l.hush()
	}
}
