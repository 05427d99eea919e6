package object

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// The disciplines of queues, which are the names of their checkers.
const (
	// AnyOrder is a queue that gives each element once, in any order.
	AnyOrder = "queue"
	// FirstInFirstOut gives them in the order in which they came.
	FirstInFirstOut = "fifo-queue"
	// AtLeastOnce loses no element that was acknowledged, and may give one again.
	AtLeastOnce = "total-queue"
	// Guessed is AtLeastOnce if the queue is drained, else AnyOrder, of which it is
	// unknown what AtLeastOnce allows; its name is "queue".
	Guessed = "guessed"
)

// Queue judges queues: of any order and of first in, first out, whether the operations
// have an order that agrees with real time; of at least once, whether what went in
// came out.
//
// Each element by itself: one that was dequeued k times must have been asked for k
// times, each before the dequeue ended; an enqueue may as well happen as soon as it is
// asked for, and a dequeue as late as it is answered, as far as elements are alone. To
// drain a queue is to dequeue all that it gave.
//
// Empty answers, of elements that are enqueued once: an element is certainly there from
// the end of its enqueue to the beginning of its dequeue. An empty answer needs a
// moment outside of all these times; then the elements can keep out of its way, each
// enqueued just before the end, dequeued just after the beginning. An element that
// nobody dequeued is there for ever, unless a dequeue without an answer took it: by each
// such moment there must have begun as many of these as there are such elements.
//
// fifo.go has what the order adds, and total.go what is lost. What elements that repeat
// leave open is searched (search.go).
type Queue struct {
	gathered
	discipline string
	options    verdict.Options
}

// NewQueue returns a checker of queues of a discipline.
func NewQueue(discipline string, o verdict.Options) *Queue {
	name := discipline
	if name == Guessed {
		name = AnyOrder
	}
	return &Queue{gather(name, FEnqueue, FDequeue, FDrain), discipline, o.WithDefaults()}
}

// Finish gives the verdict.
func (c *Queue) Finish() verdict.Result {
	discipline := c.discipline
	if discipline == Guessed {
		discipline = AnyOrder
		if slices.ContainsFunc(c.order, (*thing).drained) {
			discipline = AtLeastOnce
		}
	}
	came, again := c.judge(discipline)
	if c.discipline == Guessed && discipline == AnyOrder && c.Violated() {
		discipline = c.doubt()
	}
	summary := fmt.Sprintf("%s on %s, %s dequeued", count.Many(c.asked, "operation"), count.Many(len(c.order), "queue"), count.Many(came, "element"))
	if again > 0 {
		summary += fmt.Sprintf("; %d of them again", again)
	}
	return c.result("no enqueue or dequeue", summary, func() (verdict.Checker, *gathered) {
		c := NewQueue(discipline, c.options)
		return c, &c.gathered
	})
}

// judge holds all queues to a discipline, and tells how many elements came out, and how
// many of these again.
func (c *Queue) judge(discipline string) (came, again int) {
	b := verdict.NewBudget(c.options)
	for _, t := range c.order {
		q := flowOf(t)
		came += len(q.out)
		if discipline == AtLeastOnce {
			again += c.total(q)
		} else if c.single(q) && c.decide(q, discipline, b) {
			c.search(q, discipline, b)
		}
	}
	return came, again
}

// doubt keeps of what a guess accuses what is wrong with every queue that it may be, and
// returns the discipline that says so.
func (c *Queue) doubt() string {
	loose := NewQueue(AtLeastOnce, c.options)
	loose.order = c.order
	loose.judge(AtLeastOnce)
	if !loose.Violated() {
		c.Doubt("a queue that may give an element again may do so, one that gives it once may not: --model total-queue or queue says which it is")
		return AnyOrder
	}
	c.Findings = loose.Findings
	return AtLeastOnce
}

func (t *thing) drained() bool {
	return slices.ContainsFunc(t.ops, func(o *operation) bool { return o.asked().F == FDrain })
}

// flow is what went into a queue and came out of it.
type flow struct {
	*thing
	elements []*element
	by       map[string]*element
	out      []taken
	empty    []*operation // dequeues that found nothing
	open     []*operation // dequeues without an answer
	drains   []*operation // among these; each may have taken any number
	repeats  bool         // an element was enqueued more than once
}

// element is one value.
type element struct {
	value string
	in    []*operation // that may have happened, by call
	tried []*operation // that failed
	out   []*operation // by end
}

// taken is one element that came out.
type taken struct {
	*operation
	value string
}

func flowOf(t *thing) *flow {
	q := &flow{thing: t, by: make(map[string]*element)}
	for _, o := range t.ops {
		switch {
		case o.asked().F == FEnqueue:
			e := q.element(o.asked().Arg)
			if o.failed() {
				e.tried = append(e.tried, o)
			} else if e.in = append(e.in, o); len(e.in) > 1 {
				q.repeats = true
			}
		case o.failed():
		case !o.ok():
			q.open = append(q.open, o)
			if o.asked().F == FDrain {
				q.drains = append(q.drains, o)
			}
		case o.asked().F == FDrain:
			for _, v := range o.got().List {
				q.out = append(q.out, taken{o, v})
			}
		case o.got().Got == "":
			q.empty = append(q.empty, o)
		default:
			q.out = append(q.out, taken{o, o.got().Got})
		}
	}
	for _, out := range q.out {
		e := q.element(out.value)
		e.out = append(e.out, out.operation)
	}
	for _, e := range q.elements {
		slices.SortStableFunc(e.out, func(a, b *operation) int { return cmp.Compare(a.ret, b.ret) })
	}
	return q
}

func (q *flow) element(v string) *element {
	e := q.by[v]
	if e == nil {
		e = &element{value: v}
		q.by[v] = e
		q.elements = append(q.elements, e)
	}
	return e
}

// in is when an element was certainly there, if it was dequeued: from its enqueue's end.
func (e *element) there() (from, to uint64) {
	to = never
	if len(e.out) > 0 {
		to = e.out[0].call
	}
	return e.in[0].ret, to
}

// single applies the rules of elements by themselves. It reports whether all is well.
func (c *Queue) single(q *flow) bool {
	for _, e := range q.elements {
		for k, out := range e.out {
			if k < len(e.in) && e.in[k].call < out.ret {
				continue
			}
			c.surplus(q, e, k)
			return false
		}
	}
	return true
}

// surplus reports the k-th dequeue of an element, for which there is no enqueue.
func (c *Queue) surplus(q *flow, e *element, k int) {
	who := fmt.Sprintf("%s: client %d took %s by %s", q.key, e.out[k].asked().Process, verdict.Value(e.value), e.out[k].ended())
	switch {
	case k < len(e.in):
		c.violate("an element out of the future", fmt.Sprintf("%s, but client %d asked to enqueue it at %s only",
			who, e.in[k].asked().Process, e.in[k].began()), slices.Concat(e.out[:k+1], e.in[:k+1])...)
	case k > 0:
		c.violate("an element twice", fmt.Sprintf("%s, the %s time, and it was enqueued %s",
			who, ordinal(k+1), count.Times(len(e.in))), slices.Concat(e.out[:k+1], e.in)...)
	case len(e.tried) > 0:
		c.violate("an element that was refused", fmt.Sprintf("%s, but to enqueue it had failed", who), e.out[k], e.tried[0])
	default:
		c.violate("an element that nobody enqueued", fmt.Sprintf("%s, and nobody had asked to enqueue it", who), e.out[k])
	}
}

func ordinal(n int) string {
	switch n {
	case 2:
		return "2nd"
	case 3:
		return "3rd"
	}
	return fmt.Sprintf("%dth", n)
}

// decide applies the rules of empty answers and of order. It reports whether only a
// search can tell the rest.
func (c *Queue) decide(q *flow, discipline string, b *verdict.Budget) (open bool) {
	ordered := discipline == FirstInFirstOut
	switch {
	case !ordered && len(q.empty) == 0:
		return false
	case q.repeats, ordered && len(q.empty) > 0 && len(q.open) > 0:
		return true
	case !c.empties(q):
		return false
	case ordered:
		c.ordered(q)
	}
	return false
}

// empties looks for a moment for each empty answer.
func (c *Queue) empties(q *flow) bool {
	var sure []*element // that were certainly there for a time
	var left []*element // and that nobody dequeued
	for _, e := range q.elements {
		if len(e.in) == 0 {
			continue
		}
		switch from, to := e.there(); {
		case from == never:
		case len(e.out) == 0:
			left = append(left, e)
		case from < to:
			sure = append(sure, e)
		}
	}
	slices.SortFunc(sure, func(a, b *element) int { return cmp.Compare(a.in[0].ret, b.in[0].ret) })
	slices.SortFunc(left, func(a, b *element) int { return cmp.Compare(a.in[0].ret, b.in[0].ret) })
	for _, o := range q.empty {
		if !c.empty(q, o, sure, left) {
			return false
		}
	}
	return true
}

// empty looks for a moment of an empty answer, from its call on. Moments are between
// places: m is the one behind the place m.
func (c *Queue) empty(q *flow, o *operation, sure, left []*element) bool {
	var cover []*operation
	m := o.call
	for _, e := range sure {
		from, to := e.there()
		if from > m {
			// Behind m nothing is there for certain until then: elements are sorted.
			break
		}
		if to > m {
			cover = append(cover, e.in[0], e.out[0])
			m = to
		}
	}
	// Later moments have no fewer elements left, but may have more open dequeues.
	for m < o.ret {
		if n := taker(q, m) - leftover(left, m); n >= 0 {
			return true
		}
		next := uint64(never)
		for _, d := range q.open {
			if d.call > m {
				next = min(next, d.call)
			}
		}
		m = c.clear(sure, next)
	}
	shown := append(cover, o)
	if n := taker(q, o.ret); n < len(left) {
		for _, e := range left[:min(len(left), n+1)] {
			if e.in[0].ret < o.ret {
				shown = append(shown, e.in[0])
			}
		}
	}
	for _, d := range q.open {
		if d.call < o.ret {
			shown = append(shown, d)
		}
	}
	c.violate(verdict.NotLinearizable, fmt.Sprintf("%s: client %d found it empty by %s, but at no moment since %s was it",
		q.key, o.asked().Process, o.ended(), o.began()), shown...)
	return false
}

// clear returns the first moment from m on at which no element is there for certain.
func (c *Queue) clear(sure []*element, m uint64) uint64 {
	for _, e := range sure {
		from, to := e.there()
		if from > m {
			break
		}
		m = max(m, to)
	}
	return m
}

// taker returns how many elements dequeues without an answer may have taken by m.
func taker(q *flow, m uint64) int {
	n := 0
	for _, d := range q.open {
		if d.call <= m {
			if n++; d.asked().F == FDrain {
				return 1 << 30
			}
		}
	}
	return n
}

// leftover returns how many elements that nobody dequeued were there by m.
func leftover(left []*element, m uint64) int {
	n, _ := slices.BinarySearchFunc(left, m, func(e *element, m uint64) int {
		if e.in[0].ret <= m {
			return -1
		}
		return 1
	})
	return n
}
