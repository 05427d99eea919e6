package lock

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// How locks are judged.
//
// A lock is free or had by one name; it remembers the last token. Acquire needs a
// free lock and gives it a larger token; release needs the name that has it. An
// acquire and the release that ended it are a tenure. A history is right if there is
// a moment for each successful operation, between its two ends, such that the lock
// allows them in that order; operations without an answer may be given one.
//
//  1. Which tenures there were is certain: those of which the acquire or the release
//     succeeded. Leaving out all other acquires without an answer allows no less,
//     since what follows a tenure only needs it to end.
//  2. Their order is certain: tokens grow, so it is that of the tokens, and equal
//     tokens are wrong.
//  3. When a tenure ended is bounded: by the successful release, which found the name
//     to have the lock, so that no other can have ended it; or else it is not before
//     the first release without an answer began, and if there is none it is never.
//  4. So each moment in that order has a lower bound, the beginning of its operation,
//     and an upper one, its end. Choosing the earliest possible, the greatest lower
//     bound so far, leaves most room to those that follow. If it is not below an upper
//     bound, the operation that raised it and the one that it is too late for have no
//     moments, whatever the others do: these two are the violation.
//
// Sorting is all that it costs: O(n log n). What is wrong in a part of a history is
// wrong in the whole, since an operation that is open becomes narrower or fails.
//
// Fenced writes are simpler. Each has a moment, at which no larger token may have been
// accepted before; so a write is wrong if and only if it ended before one with a
// smaller token began that was accepted as well.

// tenure is one holder's time with a lock.
type tenure struct {
	token   uint64
	acquire *operation
	release *operation // the successful one, or else the first without an answer; nil: none
}

// taken is what shows that there was the tenure, and its token: the answer to the
// acquire, or else that to the release.
func (t *tenure) taken() []*operation {
	if t.acquire.outcome == verdict.OK && t.acquire.token != 0 || t.release == nil {
		return []*operation{t.acquire}
	}
	return []*operation{t.acquire, t.release}
}

// never is later than every event.
const never = math.MaxUint64

// judgeTenures applies the rules of having the lock. Beyond the first violation of a
// lock nothing more is said of it, as most of it would follow.
func (c *Checker) judgeTenures(l *lock) {
	tenures, ok := c.tenures(l)
	if !ok {
		return
	}
	slices.SortFunc(tenures, func(a, b tenure) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.acquire.ask.Seq, b.acquire.ask.Seq))
	})
	var earliest uint64
	var from int           // the tenure that earliest is of
	var because *operation // and its operation; nil if the tenure never ended
	raise := func(to uint64, i int, o *operation) {
		if to > earliest {
			earliest, from, because = to, i, o
		}
	}
	for i := range tenures {
		t := &tenures[i]
		if i > 0 && t.token == tenures[i-1].token {
			c.Violate("one token twice", fmt.Sprintf("%s: %s and %s both got token %d",
				l.key, l.who(tenures[i-1].acquire), l.who(t.acquire), t.token), l.events(slices.Concat(tenures[i-1].taken(), t.taken())...)...)
			return
		}
		raise(t.acquire.ask.Seq, i, t.acquire)
		if t.acquire.outcome == verdict.OK && earliest > t.acquire.done.Seq {
			c.overtaken(l, &tenures[from], because, t, t.acquire)
			return
		}
		if t.release == nil {
			raise(never, i, nil)
			continue
		}
		raise(t.release.ask.Seq, i, t.release)
		if t.release.outcome == verdict.OK && earliest > t.release.done.Seq {
			c.overtaken(l, &tenures[from], because, t, t.release)
			return
		}
	}
}

// tenures pairs the acquires of a lock with the releases. It reports what no order
// could mend, and then false.
func (c *Checker) tenures(l *lock) ([]tenure, bool) {
	var all []tenure
	names := make([]int32, l.names.Len()) // of each, its tenure, counted from 1
	for i := range l.ops.Len() {
		o := l.ops.At(i)
		if o.kind != acquires || o.outcome == verdict.Failed {
			continue
		}
		if names[o.arg] > 0 {
			c.Unknown("lock %s: the name %q asks for it twice: it is not judged", l.key, l.names.Get(o.arg))
			return nil, false
		}
		all = append(verdict.Spare(all, 1), tenure{token: o.token, acquire: o})
		names[o.arg] = int32(len(all))
	}
	for i := range l.ops.Len() {
		o := l.ops.At(i)
		if o.kind != releases || o.outcome == verdict.Failed {
			continue
		}
		at, ok := names[o.arg]-1, names[o.arg] > 0
		switch {
		case ok && o.outcome != verdict.OK:
			if t := &all[at]; t.release == nil {
				t.release = o
			}
		case ok:
			if !c.released(l, &all[at], o) {
				return nil, false
			}
		case o.outcome == verdict.OK:
			c.Violate("a release without the lock", fmt.Sprintf("%s: %s released it, but never got it", l.key, l.who(o)), l.events(o)...)
			return nil, false
		}
	}
	sure := all[:0]
	for _, t := range all {
		if t.acquire.outcome != verdict.OK && (t.release == nil || t.release.outcome != verdict.OK) {
			continue
		}
		if t.token == 0 {
			c.Unknown("lock %s: the token of %s is not known: it is not judged", l.key, l.who(t.acquire))
			return nil, false
		}
		sure = append(sure, t)
	}
	return sure, true
}

// released notes the successful release of a tenure.
func (c *Checker) released(l *lock, t *tenure, o *operation) bool {
	switch {
	case t.release != nil && t.release.outcome == verdict.OK:
		c.Violate("released twice", fmt.Sprintf("%s: %s released it, and once more", l.key, l.who(o)), l.events(t.acquire, t.release, o)...)
		return false
	case t.token == 0:
		t.token = o.token
	case o.token != 0 && o.token != t.token:
		c.Violate("another token at the release", fmt.Sprintf("%s: %s got it with token %d and released it with token %d",
			l.key, l.who(o), t.token, o.token), l.events(t.acquire, o)...)
		return false
	}
	t.release = o
	return true
}

// overtaken reports that t's operation late ended before the operation because, of
// the tenure before, began; nil stands for a release that never came.
func (c *Checker) overtaken(l *lock, before *tenure, because *operation, t *tenure, late *operation) {
	taken := append(t.taken(), late)
	evidence := slices.Concat(before.taken(), []*operation{because}, taken)
	had := fmt.Sprintf("%s had it with token %d by %s", l.who(t.acquire), t.token, verdict.Seconds(late.done.At))
	switch {
	case before.acquire == t.acquire:
		c.Violate("a release without the lock", fmt.Sprintf("%s: %s released it before asking for it", l.key, l.who(t.acquire)), l.events(taken...)...)
	case before.acquire.ask.Seq > late.done.Seq:
		c.Violate("a token against time", fmt.Sprintf("%s: %s, but %s, with the smaller token %d, asked for it at %s only",
			l.key, had, l.who(before.acquire), before.token, verdict.Seconds(before.acquire.ask.At)), l.events(slices.Concat(before.taken(), taken)...)...)
	case because == nil:
		c.Violate("two holders at once", fmt.Sprintf("%s: %s, but %s, with token %d, never released it",
			l.key, had, l.who(before.acquire), before.token), l.events(evidence...)...)
	default:
		c.Violate("two holders at once", fmt.Sprintf("%s: %s, but %s, with token %d, began to release it at %s only",
			l.key, had, l.who(before.acquire), before.token, verdict.Seconds(because.ask.At)), l.events(evidence...)...)
	}
}

// judgeFence looks for a write that was accepted after one with a larger token.
func (c *Checker) judgeFence(l *lock) {
	var writes []*operation
	for i := range l.ops.Len() {
		if o := l.ops.At(i); o.kind == fenced && o.outcome == verdict.OK && o.token > 0 {
			writes = append(verdict.Spare(writes, 1), o)
		}
	}
	slices.SortFunc(writes, func(a, b *operation) int {
		return cmp.Or(cmp.Compare(a.token, b.token), cmp.Compare(a.ask.Seq, b.ask.Seq))
	})
	var latest, group *operation // of smaller tokens, of this one: which was asked for last
	for _, o := range writes {
		if group != nil && group.token != o.token {
			if latest == nil || group.ask.Seq > latest.ask.Seq {
				latest = group
			}
		}
		group = o
		if latest != nil && o.done.Seq < latest.ask.Seq {
			c.Violate("an old token passed the fence", fmt.Sprintf("%s: the write of client %d with token %d was accepted by %s, and that of client %d with token %d, asked for at %s, as well",
				l.key, o.process, o.token, verdict.Seconds(o.done.At), latest.process, latest.token, verdict.Seconds(latest.ask.At)), l.events(o, latest)...)
			return
		}
	}
}

// who names whoever acquires or releases.
func (l *lock) who(o *operation) string {
	return fmt.Sprintf("%s (client %d)", l.names.Get(o.arg), o.process)
}
