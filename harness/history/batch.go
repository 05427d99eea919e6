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

// Batch is some events of a history, one after the other. It is its receiver's,
// who may hand it to several goroutines as long as all of them only read, until it is
// released.
type Batch struct {
	Events []*Event

	// The same events by [Event.Kind], for who wants some of them only: "op",
	// "raft", and all others. Each is in the order of the history.
	Ops, Rafts, Others []*Event

	pool   *sync.Pool
	events []Event
	ops    []Op
	rafts  []Raft
	hashes []byte
	texts  []string
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
	b.pool = pool
	b.Events, b.Ops, b.Rafts, b.Others = b.Events[:0], b.Ops[:0], b.Rafts[:0], b.Others[:0]
	b.events, b.ops, b.rafts, b.hashes, b.texts = b.events[:0], b.ops[:0], b.rafts[:0], b.hashes[:0], b.texts[:0]
}

// take returns a pointer to one more of s. What others point to never moves: a
// full slice is left to them.
func take[T any](s *[]T) *T {
	n := len(*s)
	if n == cap(*s) {
		*s, n = make([]T, 0, batchSize), 0
	}
	*s = (*s)[:n+1]
	t := &(*s)[n]
	clear((*s)[n:])
	return t
}

// A nil batch allocates every event by itself.

func (b *Batch) event() *Event {
	if b == nil {
		return new(Event)
	}
	return take(&b.events)
}

// drop takes back the last event.
func (b *Batch) drop() {
	if b != nil {
		b.events = b.events[:len(b.events)-1]
	}
}

// op returns an event with an operation.
func (b *Batch) op() *Event {
	if b == nil {
		both := new(struct {
			Event
			op Op
		})
		both.Op = &both.op
		return &both.Event
	}
	e := take(&b.events)
	e.Op = take(&b.ops)
	return e
}

// raft returns an event with a raft event.
func (b *Batch) raft() *Event {
	if b == nil {
		both := new(struct {
			Event
			raft Raft
		})
		both.Raft = &both.raft
		return &both.Event
	}
	e := take(&b.events)
	e.Raft = take(&b.rafts)
	return e
}

func (b *Batch) bytes(n int) []byte {
	if b == nil {
		return make([]byte, n)
	}
	b.hashes = room(b.hashes, n)
	from := len(b.hashes)
	b.hashes = b.hashes[:from+n]
	return b.hashes[from : from+n : from+n]
}

// list returns an empty list to append to, which is then handed to listed.
func (b *Batch) list() []string {
	if b == nil {
		return nil
	}
	b.texts = room(b.texts, 1)
	return b.texts[len(b.texts):]
}

// listed keeps a list apart from those after it.
func (b *Batch) listed(list []string) []string {
	switch {
	case b == nil:
	case len(list) <= cap(b.texts)-len(b.texts):
		b.texts = b.texts[:len(b.texts)+len(list)]
	default: // it has moved to where there is more room
		b.texts = list
	}
	return slices.Clip(list)
}

// room returns s with room for n more, or else another one, twice as large: in the
// end one is enough for all of a batch.
func room[T any](s []T, n int) []T {
	if cap(s)-len(s) >= n {
		return s
	}
	return make([]T, 0, max(n, 2*cap(s), batchSize))
}
