//go:build !linux

package clock

import (
	"sync"
	"time"
)

// goTimer is a plain timer, about a millisecond late.
type goTimer struct {
	timer  *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newTimer() (timer, error) {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &goTimer{timer: t, closed: make(chan struct{})}, nil
}

func (t *goTimer) set(in time.Duration) { t.timer.Reset(in) }

func (t *goTimer) wait() bool {
	select {
	case <-t.timer.C:
		return true
	case <-t.closed:
		t.timer.Stop()
		return false
	}
}

func (t *goTimer) close() { t.once.Do(func() { close(t.closed) }) }
