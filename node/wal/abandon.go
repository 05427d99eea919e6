package wal

import "errors"

// Abandon gives the directory back as the death of the process would: nothing
// more is written, and what was not synced is lost. After Close it does nothing.
func (l *Log) Abandon() {
	if errors.Is(l.err, ErrClosed) {
		return
	}
	l.release()
	l.err = ErrClosed
}
