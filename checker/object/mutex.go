package object

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strconv"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// Mutex judges locks of which nobody says who has them: each successful lock finds it
// free, each successful unlock finds it taken, by whomever. Tokens, if there are any,
// grow.
//
// A history is right if locks and unlocks take turns, each at a moment between its two
// ends; those without an answer may be given one.
//
//  1. Tokens say in which order the lock was taken. So a lock is taken no later than the
//     last moment of any with a larger token, and no earlier than the first of any with
//     a smaller one: that narrows its time, and is all that tokens mean.
//  2. Nothing need happen before somebody must be done. When one must, at its end, and
//     the lock is as it wants it, that is its moment. If it is not, one of the other kind
//     must go first. Which one makes no difference to the lock, and the one that has the
//     least time left leaves most room to the rest; one without an answer has for ever.
//  3. To do more, a lock and an unlock, is never better: at the first of their ends they
//     can follow each other, whatever the lock is then, and leave it as it was.
//
// So one walk over the ends decides, in O(n log n).
type Mutex struct {
	gathered
	guessed bool
}

// NewMutex returns the checker "mutex". If that it is one is guessed, it is unknown what
// a lock that one client may take again while it has it would allow.
func NewMutex(guessed bool) *Mutex { return &Mutex{gather("mutex", FLock, FUnlock), guessed} }

// Finish gives the verdict.
func (c *Mutex) Finish() verdict.Result {
	again := c.guessed && c.mayBeTakenAgain()
	c.guessed = c.guessed && !again
	var locked int64
	for _, t := range c.order {
		locked += c.judge(t)
	}
	if again {
		c.Doubt("a lock that its holder may take again may do so, a mutex may not: --model mutex, or fenced-lock, says that it is one")
	}
	return c.result("no lock was asked for",
		fmt.Sprintf("%s taken %s, never by two at a time", count.Many(len(c.order), "lock"), count.Times(locked)),
		func() (verdict.Checker, *gathered) { c := NewMutex(false); return c, &c.gathered })
}

const (
	twoHolders = "two holders at once"
	freeUnlock = "an unlock of a free lock"
)

// mayBeTakenAgain tells whether all may be well if a lock counts how often its holder took
// it. Who got no answer goes on as another process, with what he had: then nobody knows
// whose it is that is taken again, or given back once more.
func (c *Mutex) mayBeTakenAgain() bool {
	for _, t := range c.order {
		again := NewMutex(false)
		outer, nested, lost := t.outermost()
		again.judge(outer)
		if again.Violated() && !(lost && (nested || again.Breached(freeUnlock))) {
			return false
		}
	}
	return true
}

// outermost leaves out what a client does with a lock that it has, but to give it back for
// the last time. It tells whether there was such, and whether somebody who had the lock, or
// may have had it, was lost sight of.
func (t *thing) outermost() (out *thing, nested, lost bool) {
	out = &thing{key: t.key}
	depth := make(map[int]int) // of each process
	for _, o := range t.ops {
		process, locks := o.asked().Process, o.asked().F == FLock
		if locks && depth[process] > 0 || !locks && depth[process] > 1 {
			nested = true
		} else {
			out.ops = append(out.ops, o)
		}
		switch {
		case o.failed():
		case !o.ok():
			lost = lost || locks || depth[process] > 0
		case locks:
			depth[process]++
		default:
			depth[process] = max(depth[process]-1, 0)
		}
	}
	return out, nested, lost
}

// turn is a lock or an unlock that happened, or may have.
type turn struct {
	*operation
	from, to uint64 // between which places; to is never without an answer
	token    uint64 // 0: none
	done     bool
}

func (t *turn) locks() bool { return t.asked().F == FLock }

// turns are those that may go next, the one with the least time first.
type turns []*turn

func (q turns) Len() int { return len(q) }
func (q turns) Less(i, j int) bool {
	return q[i].to < q[j].to || q[i].to == q[j].to && q[i].token < q[j].token
}
func (q turns) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *turns) Push(x any)   { *q = append(*q, x.(*turn)) }
func (q *turns) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	*q = (*q)[:last]
	return t
}

// next takes the one with the least time.
func (q *turns) next() *turn {
	for q.Len() > 0 {
		if t := heap.Pop(q).(*turn); !t.done {
			return t
		}
	}
	return nil
}

// judge decides one lock, and tells how often it was taken for certain.
func (c *Mutex) judge(t *thing) (locked int64) {
	all, ok := c.turns(t)
	if !ok {
		return 0
	}
	for _, o := range all {
		if o.locks() && o.ok() {
			locked++
		}
	}
	begin, end := slices.Clone(all), slices.DeleteFunc(slices.Clone(all), func(t *turn) bool { return t.to == never })
	slices.SortStableFunc(begin, func(a, b *turn) int { return cmp.Compare(a.from, b.from) })
	slices.SortStableFunc(end, func(a, b *turn) int { return cmp.Or(cmp.Compare(a.to, b.to), cmp.Compare(a.token, b.token)) })
	var ready [2]turns // unlocks, locks
	held := false
	for _, due := range end {
		for len(begin) > 0 && begin[0].from < due.to {
			heap.Push(&ready[kind(begin[0].locks())], begin[0])
			begin = begin[1:]
		}
		if due.done {
			continue
		}
		if due.locks() == held {
			other := ready[kind(!due.locks())].next()
			if other == nil {
				c.stuck(t, all, due)
				return locked
			}
			other.done, held = true, !held
		}
		due.done, held = true, !held
	}
	return locked
}

func kind(locks bool) int {
	if locks {
		return 1
	}
	return 0
}

// turns returns what may have happened to a lock, with the times that tokens leave.
func (c *Mutex) turns(t *thing) (all []*turn, ok bool) {
	var tokens []*turn
	for _, o := range t.ops {
		if o.failed() {
			continue
		}
		next := &turn{operation: o, from: o.call, to: o.ret}
		all = append(all, next)
		if !o.ok() || o.asked().F != FLock || o.got().Got == "" {
			continue
		}
		n, err := strconv.ParseUint(o.got().Got, 10, 64)
		if err != nil || n == 0 {
			c.Unknown("%s: client %d has a token at %s that is no positive number: %q", t.key, o.asked().Process, o.ended(), o.got().Got)
			return nil, false
		}
		next.token = n
		tokens = append(tokens, next)
	}
	slices.SortStableFunc(tokens, func(a, b *turn) int { return cmp.Compare(a.token, b.token) })
	for i := 1; i < len(tokens); i++ {
		a, b := tokens[i-1], tokens[i]
		if a.token == b.token {
			c.violate("one token twice", fmt.Sprintf("%s: clients %d and %d both got token %d", t.key, a.asked().Process, b.asked().Process, a.token), a.operation, b.operation)
			return nil, false
		}
		b.from = max(b.from, a.from)
	}
	for i := len(tokens) - 1; i > 0; i-- {
		tokens[i-1].to = min(tokens[i-1].to, tokens[i].to)
	}
	for _, late := range tokens {
		if late.from < late.to {
			continue
		}
		before := tokens[slices.IndexFunc(tokens, func(t *turn) bool { return t.call == late.from })]
		after := tokens[slices.IndexFunc(tokens, func(t *turn) bool { return t.ret == late.to })]
		c.violate("a token against time", fmt.Sprintf("%s: client %d had token %d by %s, but client %d, with the smaller token %d, asked for it at %s only",
			t.key, after.asked().Process, after.token, after.ended(), before.asked().Process, before.token, before.began()), before.operation, after.operation)
		return nil, false
	}
	return all, true
}

// stuck reports that due cannot have its moment: between some place and its end, or
// since the beginning, too few of the other kind were under way.
func (c *Mutex) stuck(t *thing, all []*turn, due *turn) {
	since, count := c.since(all, due)
	var shown []*operation
	var sure, other int
	for _, o := range all {
		switch {
		case o.locks() == due.locks() && o.to <= due.to && o.from >= since:
			sure++
		case o.locks() != due.locks() && o.from < due.to && o.to > since:
			other++
		default:
			continue
		}
		shown = append(shown, o.operation)
	}
	if since == 0 {
		count = 1
	}
	text := fmt.Sprintf("%s: client %d took it by %s, the last of %d who did so since %s, and meanwhile %s began to give it back",
		t.key, due.asked().Process, due.ended(), sure, place(all, since), people(other))
	rule := twoHolders
	if !due.locks() {
		rule = freeUnlock
		text = fmt.Sprintf("%s: client %d gave it back by %s, the last of %d who did so since %s, and meanwhile %s took it",
			t.key, due.asked().Process, due.ended(), sure, place(all, since), people(other))
		if count > 1 {
			shown = append(shown, lastLock(all, since)...)
		}
	}
	if c.guessed {
		text += "; that it is a mutex, and no semaphore, is a guess (--model)"
	}
	c.violate(rule, text, shown...)
}

func people(n int) string {
	if n == 0 {
		return "nobody"
	}
	return fmt.Sprintf("only %d", n)
}

// place tells when the history was at a place where an operation began.
func place(all []*turn, at uint64) string {
	for _, o := range all {
		if o.call == at {
			return o.began()
		}
	}
	return "the beginning"
}

// lastLock returns a lock that was over at a place.
func lastLock(all []*turn, at uint64) []*operation {
	var last *operation
	for _, o := range all {
		if o.locks() && o.ok() && o.ret < at {
			last = o.operation
		}
	}
	if last == nil {
		return nil
	}
	return []*operation{last}
}

// since returns the latest place such that, from there to the end of due, those of its
// kind that lie within are too many for those of the other kind that touch it; 0 is the
// beginning of the history, where the lock is free.
func (c *Mutex) since(all []*turn, due *turn) (at uint64, most int) {
	var within, others []*turn // by beginning; by end
	for _, o := range all {
		switch {
		case o.locks() == due.locks() && o.to <= due.to:
			within = append(within, o)
		case o.locks() != due.locks() && o.from < due.to:
			others = append(others, o)
		}
	}
	slices.SortFunc(within, func(a, b *turn) int { return cmp.Compare(b.from, a.from) })
	slices.SortFunc(others, func(a, b *turn) int { return cmp.Compare(b.to, a.to) })
	touching := 0
	for i, o := range within {
		for touching < len(others) && others[touching].to > o.from {
			touching++
		}
		if i+1 > touching+1 {
			return o.from, 2
		}
	}
	return 0, 1
}
