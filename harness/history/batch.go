package history

import (
	"errors"
	"io"
	"iter"
	"sync"
)

// batchSize is how many events a batch has: enough to make handing it over
// cheap, few enough to stay in the processor's cache.
const batchSize = 256

// Batch is some events of a history, one after the other. It is its receiver's,
// who may hand it to several goroutines as long as all of them only read, until it is
// released.
type Batch struct {
	Events []*Event

	pool   *sync.Pool // nil for a batch that is used once
	events []Event
	ops    []Op
	rafts  []Raft
	hashes []byte
}

// Release gives the batch back. Its events and what they point to, but for
// strings, must not be used any more.
func (b *Batch) Release() { b.pool.Put(b) }

// Batches ranges over what is left of the history, many events at a time. After
// an error the sequence ends; the events before it have come in a batch before.
func (r *Reader) Batches() iter.Seq2[*Batch, error] {
	pool := &sync.Pool{New: func() any {
		return &Batch{events: make([]Event, 0, batchSize)}
	}}
	return func(yield func(*Batch, error) bool) {
		for {
			b := pool.Get().(*Batch)
			b.reset(pool)
			err := r.fill(b)
			if len(b.Events) > 0 && !yield(b, nil) {
				return
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// fill reads events until the batch is full.
func (r *Reader) fill(b *Batch) error {
	for len(b.Events) < batchSize {
		e, err := r.next(b)
		if err != nil {
			return err
		}
		b.Events = append(b.Events, e)
	}
	return nil
}

func (b *Batch) reset(pool *sync.Pool) {
	b.pool = pool
	b.Events, b.events, b.ops, b.rafts, b.hashes = b.Events[:0], b.events[:0], b.ops[:0], b.rafts[:0], b.hashes[:0]
}

// take returns a pointer to one more of s. What others point to never moves: a
// full slice is left to them.
func take[T any](s *[]T, size int) *T {
	if len(*s) == cap(*s) {
		*s = make([]T, 0, size)
	}
	var zero T
	*s = append(*s, zero)
	return &(*s)[len(*s)-1]
}

// A nil batch allocates every event by itself.

func (b *Batch) event() *Event {
	if b == nil {
		return new(Event)
	}
	return take(&b.events, batchSize)
}

// drop takes back the last event.
func (b *Batch) drop() {
	if b != nil {
		b.events = b.events[:len(b.events)-1]
	}
}

func (b *Batch) op() *Op {
	if b == nil {
		return new(Op)
	}
	return take(&b.ops, batchSize)
}

func (b *Batch) raft() *Raft {
	if b == nil {
		return new(Raft)
	}
	return take(&b.rafts, batchSize)
}

func (b *Batch) bytes(n int) []byte {
	if b == nil {
		return make([]byte, n)
	}
	if cap(b.hashes)-len(b.hashes) < n {
		b.hashes = make([]byte, 0, max(n, 32*batchSize))
	}
	from := len(b.hashes)
	b.hashes = b.hashes[:from+n]
	return b.hashes[from : from+n : from+n]
}
