package engine

import (
	"context"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// foresight tells when nothing that belongs to a leadership can still be on its way:
// once all traces have been read as far as they were written when it was told of, for
// what helped to make a leader was written before (persist, trace, send), and what
// passed on the wire is told of as it passes.
type foresight struct {
	// readUp reads the traces up to where they are now and returns how many events the
	// history has then.
	readUp func(ctx context.Context) (events uint64, err error)
	known  chan known
	ctx    context.Context
	cancel context.CancelFunc
	busy   sync.WaitGroup

	reading bool
	last    uint64 // the last leadership that was told of
	asked   uint64 // … when the reading began
	next    *known // what is known once the events have been taken
	taken   uint64 // the last event
}

// known says that with so many events everything is known up to the leadership.
type known struct{ leadership, events uint64 }

func newForesight(readUp func(context.Context) (uint64, error)) *foresight {
	f := &foresight{readUp: readUp, known: make(chan known, 1)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// end gives up reading.
func (f *foresight) end() {
	f.cancel()
	f.busy.Wait()
}

// take takes the next event.
func (f *foresight) take(e *history.Event) {
	f.taken = e.Seq
	if e.Raft != nil && e.Raft.What == history.RaftLeader {
		f.last = e.Seq
	}
	select {
	case k := <-f.known:
		f.reading = false
		if k.leadership > 0 {
			f.next = &k
		}
	default:
	}
	if !f.reading && f.next == nil && f.last > f.asked {
		f.reading, f.asked = true, f.last
		asked := f.asked
		f.busy.Go(func() {
			events, err := f.readUp(f.ctx)
			if err != nil {
				asked = 0
			}
			f.known <- known{asked, events}
		})
	}
}

// due returns, once, up to which leadership everything is known by now.
func (f *foresight) due() (upTo uint64, ok bool) {
	if f.next == nil || f.taken+1 < f.next.events {
		return 0, false
	}
	upTo, f.next = f.next.leadership, nil
	return upTo, true
}

// readUpWait bounds how long traces may take to be read as far as they are.
const readUpWait = 2 * time.Second

// wireWait is how long a tap may keep back what it has seen.
const wireWait = 100 * time.Millisecond

// readUp is what a foresight asks of a run.
func (r *run) readUp(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, readUpWait)
	defer cancel()
	sleep(ctx, wireWait)
	if err := r.cluster.ReadTraces(ctx); err != nil {
		return 0, err
	}
	return r.rec.Len(), nil
}
