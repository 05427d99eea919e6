package serve

import (
	"errors"
	"io"
	"os"
	"time"
)

// tail reads a file that grows. At its end it waits for more, until nothing more is to
// come or nobody wants it.
type tail struct {
	f      *os.File
	at     int64
	done   <-chan struct{}
	caught func() time.Duration // all that there is was read; returns how long to wait for more
	over   func() bool          // nothing more comes
	ending bool
}

// Read reads what there is, or waits for it.
func (t *tail) Read(b []byte) (int, error) {
	for {
		n, err := t.f.ReadAt(b, t.at)
		if n > 0 {
			t.at += int64(n)
			return n, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if t.ending {
			return 0, io.EOF
		}
		if info, err := t.f.Stat(); err != nil || info.Size() < t.at {
			return 0, errors.New("the history became shorter while it was read")
		}
		wait := t.caught()
		if t.over() { // what came between the last read and this is read too
			t.ending = true
			continue
		}
		select {
		case <-t.done:
			return 0, io.EOF
		case <-time.After(wait):
		}
	}
}
