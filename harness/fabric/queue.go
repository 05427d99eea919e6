package fabric

import (
	"time"

	"github.com/usurper/usurper/harness/fabric/heap"
)

// kind is what an item of traffic is.
type kind uint8

const (
	data kind = iota // a frame, or a chunk of plain bytes
	dial             // the connection's beginning, towards the backend
	fin              // the sender closed its direction
	rst              // the sender is gone
)

// item is one piece of traffic on its way.
type item struct {
	kind  kind
	bytes []byte
	class string
	id    uint64 // of the frame
	means any    // Frame.Meaning
	frame bool   // bytes are one whole frame of class
	lossy bool   // the frame may vanish, double, or be overtaken
	sent  int    // how many of bytes are written

	arrived time.Duration
	delays  []delayed
	holds   []*effect // Hold rules that keep it
	reorder *effect   // set aside until after frames have passed, at most till due
	after   int

	slowed bool  // a throttle has made it wait
	kept   bool  // the Observer is to know that it is held
	turn   *turn // in a schedule; nil for none

	loose bool // not bound to the order of arrival
	due   time.Duration
	seq   uint64 // breaks ties between due times
	place int    // in the heap of loose items
}

type delayed struct {
	by   *effect
	wait time.Duration
}

// itemOverhead is what an item costs beside its bytes, roughly.
const itemOverhead = 192

func (it *item) size() int { return cap(it.bytes) + itemOverhead }

// earliest is when the item's own delays end, counting those of rules that are
// still in force.
func (it *item) earliest() time.Duration {
	at := it.arrived
	for _, d := range it.delays {
		at += d.wait
	}
	return at
}

// queue holds the traffic of one stream and knows what leaves next. It decides
// only: whoever owns it (see stream) locks it and does the writing.
//
// Items in line leave in order of arrival, each no earlier than the one before.
// Loose frames leave when they are due, whatever is in line. Held frames have
// no due time until their rules are gone and their turn has come.
type queue struct {
	line    []*item // from head on
	head    int
	lastDue time.Duration    // of the line
	loose   heap.Heap[*item] // first to leave first
	held    []*item
	aside   []*item // those of the loose that wait to be overtaken
	seq     uint64

	// picked items leave next, in this order, whatever comes: the first may be
	// partly written.
	picked []*item

	size    int // of all items, in bytes of memory
	dropped []*item
	kept    []Frame // held since the Observer was told last
}

func (q *queue) empty() bool {
	return len(q.picked) == 0 && q.head == len(q.line) && len(q.loose) == 0 && len(q.held) == 0
}

// append puts an item at the end of the line, or among the loose ones, due
// after its delays.
func (q *queue) append(it *item) {
	q.seq++
	it.seq = q.seq
	q.size += it.size()
	switch {
	case len(it.holds) > 0 || it.turn.waits():
		q.held = append(q.held, it)
	case it.loose:
		it.due = it.earliest()
		if it.reorder != nil {
			it.due = max(it.due, it.arrived+it.reorder.patience())
			q.aside = append(q.aside, it)
		}
		q.loose.Put(it)
	default:
		it.due = max(it.earliest(), q.lastDue)
		q.lastDue = it.due
		q.line = append(q.line, it)
	}
}

// overtaken tells the frames set aside that one more has entered, and lets go
// those that have waited for enough.
func (q *queue) overtaken(by *item) {
	waiting := q.aside[:0]
	for _, it := range q.aside {
		if it != by {
			it.after--
		}
		if it == by || it.after > 0 {
			waiting = append(waiting, it)
			continue
		}
		it.reorder = nil
		it.due = max(it.earliest(), by.due)
		q.seq++
		it.seq = q.seq
		q.loose.Put(it)
	}
	clear(q.aside[len(waiting):])
	q.aside = waiting
}

// pick moves the items that may leave at now, up to limit bytes, to picked.
// When there is none, it returns when the next is due; 0 means never, for now.
// Anything but data is picked only on its own.
func (q *queue) pick(now time.Duration, limit int) (next time.Duration) {
	total := 0
	for _, it := range q.picked {
		total += len(it.bytes) - it.sent
	}
	for total < limit {
		it := q.first()
		if it == nil {
			return 0
		}
		if it.due > now {
			return it.due
		}
		if it.kind != data && len(q.picked) > 0 {
			return 0
		}
		q.take(it)
		q.picked = append(q.picked, it)
		total += len(it.bytes)
		if it.kind != data {
			return 0
		}
	}
	return 0
}

// first is the item that leaves next. A close waits for everything else.
func (q *queue) first() *item {
	var line, loose *item
	if q.head < len(q.line) {
		line = q.line[q.head]
	}
	if len(q.loose) > 0 {
		loose = q.loose[0]
	}
	switch {
	case line == nil:
		return loose
	case line.kind == fin || line.kind == rst:
		if loose != nil || len(q.held) > 0 {
			return loose
		}
		return line
	case loose == nil || line.Before(loose):
		return line
	}
	return loose
}

func (q *queue) take(it *item) {
	if it.loose {
		q.loose.Take(it)
		if it.reorder != nil { // nobody came to overtake it
			q.aside = remove(q.aside, it)
		}
		return
	}
	q.line[q.head] = nil
	q.head++
	switch {
	case q.head == len(q.line):
		q.line, q.head = q.line[:0], 0
	case q.head >= 1024 && q.head > len(q.line)/2:
		n := copy(q.line, q.line[q.head:])
		clear(q.line[n:])
		q.line, q.head = q.line[:n], 0
	}
}

// written takes n written bytes off the picked items and appends those that are
// complete to done.
func (q *queue) written(n int, done []*item) []*item {
	i := 0
	for ; i < len(q.picked); i++ {
		it := q.picked[i]
		part := min(n, len(it.bytes)-it.sent)
		it.sent += part
		n -= part
		if it.sent < len(it.bytes) {
			break
		}
		q.size -= it.size()
		done = append(done, it)
	}
	rest := copy(q.picked, q.picked[i:])
	clear(q.picked[rest:])
	q.picked = q.picked[:rest]
	return done
}

// release forgets rules that are no longer in force: their delays and holds
// end, and what remains keeps its order.
func (q *queue) release(rs *ruleSet) {
	waiting := q.held[:0]
	for _, it := range q.held {
		it.holds = inForce(it.holds, rs)
		if len(it.holds) > 0 || it.turn.waits() {
			waiting = append(waiting, it)
			continue
		}
		it.loose = true
		it.due = it.earliest()
		q.loose = append(q.loose, it)
	}
	clear(q.held[len(waiting):])
	q.held = waiting

	q.lastDue = 0
	for _, it := range q.line[q.head:] {
		it.forget(rs)
		it.due = max(it.earliest(), q.lastDue)
		q.lastDue = it.due
	}
	q.aside = q.aside[:0]
	for _, it := range q.loose {
		it.forget(rs)
		if it.reorder == nil {
			it.due = it.earliest()
		}
	}
	q.loose.Order()
	for _, it := range q.loose {
		if it.reorder != nil {
			q.aside = append(q.aside, it)
		}
	}
}

// turned lets go of the held frames whose turn has come, and tells when to look
// again at those that wait for nothing else; 0 for not before something happens.
func (q *queue) turned(c *scheduler, now time.Duration) (until time.Duration) {
	if c == nil || c.follow == nil {
		return 0
	}
	waiting := q.held[:0]
	for _, it := range q.held {
		at := it.earliest()
		switch {
		case len(it.holds) > 0:
			at = 0
		case at <= now || !it.turn.waits():
			if at = c.check(it.turn, now); at == 0 {
				it.loose, it.due = true, it.earliest()
				q.loose.Put(it)
				continue
			}
		}
		waiting = append(waiting, it)
		until = sooner(until, at)
	}
	clear(q.held[len(waiting):])
	q.held = waiting
	return until
}

// sooner is the earlier of two times, of which 0 means never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// forget drops what rules not in rs did to the item.
func (it *item) forget(rs *ruleSet) {
	kept := it.delays[:0]
	for _, d := range it.delays {
		if rs.has(d.by) {
			kept = append(kept, d)
		}
	}
	it.delays = kept
	if it.reorder != nil && !rs.has(it.reorder) {
		it.reorder = nil
	}
}

// waiting calls f for every item that is neither gone nor picked.
func (q *queue) waiting(f func(*item)) {
	for _, items := range [][]*item{q.line[q.head:], q.loose, q.held} {
		for _, it := range items {
			f(it)
		}
	}
}

func inForce(effects []*effect, rs *ruleSet) []*effect {
	kept := effects[:0]
	for _, e := range effects {
		if rs.has(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

func remove(items []*item, it *item) []*item {
	for i, x := range items {
		if x == it {
			return append(items[:i], items[i+1:]...)
		}
	}
	return items
}

// Before tells whether the item leaves before another one.
func (it *item) Before(o *item) bool {
	return it.due < o.due || it.due == o.due && it.seq < o.seq
}

// Place is for the heap of loose items.
func (it *item) Place() *int { return &it.place }
