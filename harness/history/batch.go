package history

import (
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
)

// batchSize is how many events a batch has: enough to make handing it over
// cheap, few enough to stay in the processor's cache.
const batchSize = 256

// slabSize is how many events that Next returns share memory: enough to make them
// cheap, few enough for callers that keep one of many.
const slabSize = 16

// Batch is some events of a history, one after the other. It is its receiver's,
// who may hand it to several goroutines as long as all of them only read, until it is
// released.
type Batch struct {
	Events []*Event

	// The same events by [Event.Kind], for who wants some of them only: "op",
	// "raft", and all others. Each is in the order of the history.
	Ops, Rafts, Others []*Event

	pool   *sync.Pool
	size   int // how many events share memory
	events []Event
	ops    []Op
	rafts  []Raft
	hashes []byte
	texts  []string
	micros []Micro
}

// Release gives the batch back. Its events and what they point to, but for
// strings, must not be used any more.
func (b *Batch) Release() { b.pool.Put(b) }

// Batches ranges over what is left of the history, many events at a time. After
// an error the sequence ends; the events before it have come in a batch before.
// What was read comes before more is read, so that nothing waits for a file to grow.
func (r *Reader) Batches() iter.Seq2[*Batch, error] {
	pool := &sync.Pool{New: func() any {
		return &Batch{size: batchSize}
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

// fill reads events until the batch is full, or the next one has yet to be read.
func (r *Reader) fill(b *Batch) error {
	for len(b.Events) == 0 || len(b.Events) < batchSize && r.lines.next < r.lines.whole {
		e, err := r.next(b)
		if err != nil {
			return err
		}
		b.Events = append(b.Events, e)
		switch e.Kind() {
		case "op":
			b.Ops = append(b.Ops, e)
		case "raft":
			b.Rafts = append(b.Rafts, e)
		default:
			b.Others = append(b.Others, e)
		}
	}
	return nil
}

func (b *Batch) reset(pool *sync.Pool) {
	clear(b.events)
	clear(b.ops)
	clear(b.rafts)
	b.pool = pool
	b.Events, b.Ops, b.Rafts, b.Others = b.Events[:0], b.Ops[:0], b.Rafts[:0], b.Others[:0]
	b.events, b.ops, b.rafts, b.hashes, b.texts = b.events[:0], b.ops[:0], b.rafts[:0], b.hashes[:0], b.texts[:0]
	b.micros = b.micros[:0]
}

// take returns a pointer to one more of s, which is zero. What others point to
// never moves: a full slice is left to them.
func take[T any](s *[]T, size int) *T {
	n := len(*s)
	if n == cap(*s) {
		*s, n = make([]T, 0, size), 0
	}
	*s = (*s)[:n+1]
	return &(*s)[n]
}

func (b *Batch) event() *Event { return take(&b.events, b.size) }

// op returns an event with an operation.
func (b *Batch) op() *Event {
	e := take(&b.events, b.size)
	e.Op = take(&b.ops, b.size)
	return e
}

// raft returns an event with a raft event.
func (b *Batch) raft() *Event {
	e := take(&b.events, b.size)
	e.Raft = take(&b.rafts, b.size)
	return e
}

// drop takes back the last event.
func (b *Batch) drop() {
	last := len(b.events) - 1
	b.events[last] = Event{}
	b.events = b.events[:last]
}

func (b *Batch) bytes(n int) []byte {
	b.hashes = room(b.hashes, n, b.size)
	from := len(b.hashes)
	b.hashes = b.hashes[:from+n]
	return b.hashes[from : from+n : from+n]
}

// list returns an empty list to append to, of what a batch has of such lists. It
// is then handed to listed.
func list[T any](all *[]T, size int) []T {
	*all = room(*all, 1, size)
	return (*all)[len(*all):]
}

// listed keeps a list apart from those after it.
func listed[T any](all *[]T, list []T) []T {
	if len(list) <= cap(*all)-len(*all) {
		*all = (*all)[:len(*all)+len(list)]
	} else { // it has moved to where there is more room
		*all = list
	}
	return slices.Clip(list)
}

// room returns s with room for n more, or else another one, larger each time, up
// to what all of a batch mostly needs.
func room[T any](s []T, n, size int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return make([]T, 0, max(n, size, min(2*cap(s), 64*size)))
}
