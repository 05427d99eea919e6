package node

import (
	"sync"

	"github.com/usurper/usurper/node/raft"
)

// Bounds of what waits in the inbox. A message beyond them is lost, as on a bad
// network; a request is refused.
const (
	maxMessages = 8192
	maxCalls    = 4096
)

// inbox is where other goroutines leave work for the loop. The loop takes all
// there is at once, so that under load one sync serves many requests.
type inbox struct {
	wake chan struct{} // holds a token while there is work

	mu     sync.Mutex
	work   work
	closed bool
}

// work is one load of the inbox.
type work struct {
	messages []raft.Message
	writes   []*call
	reads    []*call
	asks     []chan<- Status
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

// deliver leaves a peer's message. It keeps m.
func (in *inbox) deliver(m raft.Message) {
	in.mu.Lock()
	if !in.closed && len(in.work.messages) < maxMessages {
		in.work.messages = append(in.work.messages, m)
	}
	in.mu.Unlock()
	in.ring()
}

// submit leaves a request. An error, ErrOverloaded or errRefusedStop, means that
// the loop will never see it.
func (in *inbox) submit(c *call) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.closed:
		return errRefusedStop
	case len(in.work.writes)+len(in.work.reads) >= maxCalls:
		return ErrOverloaded
	}
	if c.write {
		in.work.writes = append(in.work.writes, c)
	} else {
		in.work.reads = append(in.work.reads, c)
	}
	in.ring()
	return nil
}

// ask leaves a question for the status. reply needs room for one answer, which
// does not come once the loop has ended.
func (in *inbox) ask(reply chan<- Status) {
	in.mu.Lock()
	if !in.closed && len(in.work.asks) < maxCalls {
		in.work.asks = append(in.work.asks, reply)
	}
	in.mu.Unlock()
	in.ring()
}

// take swaps what is there with empty, whose slices are used again.
func (in *inbox) take(empty work) work {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.work
	in.work = empty
	return got
}

// close returns what is left and lets nothing more in.
func (in *inbox) close() work {
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.work
	in.work, in.closed = work{}, true
	return got
}

func (in *inbox) ring() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// emptied returns w's slices with nothing in them.
func (w work) emptied() work {
	clear(w.messages)
	clear(w.writes)
	clear(w.reads)
	clear(w.asks)
	return work{messages: w.messages[:0], writes: w.writes[:0], reads: w.reads[:0], asks: w.asks[:0]}
}
