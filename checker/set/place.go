package set

import (
	"cmp"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
)

// placement decides which append of a list has which place, where values were
// appended more than once.
//
// Reads tell the list, so the order of all else is certain (order.go): place
// after place, the reads of each length between them, and last what no read shows.
// Wanted are moments in that order, one for each place and read: a read's between
// its call and its return, and a place's between those of an append of its value, which
// no other place has. An append without a place must return after all moments.
// One without an answer returns never, and so needs no place.
//
// Moments are taken as early as is certain: none before the one that precedes it,
// before its read was called or, for the k-th place of a value, before k appends of
// it were. Then let r and d be two times, and m the appends of a value that were
// called at r or later and returned by d, if d is not after the last moment. All m
// have places with moments from r to d. Let n places of the value have moments before d,
// at most. Then m of these do not have theirs before r: so the (n-m+1)-th has not.
// If m > n, or if a read returned before its moment, the history is not linearizable.
// If nothing moves any more, it is:
//
// Let the places of a value take appends in turn, of those called the one that
// returns first. None finds no append. Suppose that an append a returns at d before
// any place takes it, and let i be the next place, or the end; j the last place
// before i that took one which returns after d, and r the first call of a and of
// what the places between j and i took. At the moment of j none of these had
// been called, or it would have taken it. So r is after the moment of j. But these are
// one more than the places between j and i, and so r and d move j, or, if there is no j,
// are a contradiction.
//
// Since every moment is the earliest possible, this is exact. A round takes O(n log n)
// and moves a place to a later call, so that it ends, mostly after a few rounds.
type placement struct {
	list    []int32   // of each place, its value
	values  int       // these are numbered from 0 on
	appends []placing // by call
	reads   []placing // by length
	budget  *int      // how many operations may still be looked at
}

// placing is an append of a value, or a read that shows so many places.
type placing struct {
	call, ret int64
	value     int32
	length    int32
	index     int32 // as in span
}

// misfit is why appends and reads have no moments.
type misfit struct {
	value   int32 // too many appends of it returned by a time, or too few were called; -1: a read returned too early
	crowd   []placing
	places  int   // how many places they have by then
	by      int64 // the time
	blocker int64 // the call for which the next place, or the read, has to wait; -1: there is no next place
}

// placeBudget bounds what one list may cost, rounds and explanation together.
const placeBudget = 200_000_000

// place judges a list of which values were appended more than once.
func (s *Checker) place(c *collection) {
	budget := placeBudget
	p := &placement{list: c.longest, values: len(c.values), budget: &budget}
	for i := range c.reads {
		r := &c.reads[i]
		p.reads = append(p.reads, placing{call: int64(r.invoke.Seq), ret: int64(r.done.Seq), length: int32(len(r.list)), index: int32(i)})
	}
	for n := range int32(len(c.values) + len(c.again)) {
		a := c.addition(n)
		if c.values[a.id].asked == 0 || a.outcome == verdict.Failed {
			continue
		}
		x := placing{call: int64(a.invoke.Seq), ret: verdict.Forever, value: a.id, index: n}
		if a.outcome == verdict.OK {
			x.ret = int64(a.done.Seq)
		}
		p.appends = append(p.appends, x)
	}
	slices.SortFunc(p.appends, func(a, b placing) int { return cmp.Compare(a.call, b.call) })
	slices.SortFunc(p.reads, func(a, b placing) int {
		return cmp.Or(cmp.Compare(a.length, b.length), cmp.Compare(a.call, b.call))
	})
	switch v, _ := p.decide(); v {
	case verdict.Unknown:
		s.Unknown("key %s: values were appended more than once; all others are judged, but which append has which place is too much to find out", c.key)
	case verdict.Invalid:
		p = p.shrink()
		budget = placeBudget // what was decided once can be decided again
		_, why := p.decide()
		s.misplacing(c, p, why)
	}
}

// decide tells whether all appends and reads have moments, or why not.
func (p *placement) decide() (verdict.Verdict, *misfit) {
	crowds := make([]crowd, p.values)
	for _, a := range p.appends {
		c := &crowds[a.value]
		c.appends = append(c.appends, a)
	}
	moments := make([]int64, len(p.list))
	for i, v := range p.list {
		c := &crowds[v]
		k := len(c.places)
		if k == len(c.appends) {
			return verdict.Invalid, &misfit{value: v, crowd: c.appends, places: k + 1, blocker: -1}
		}
		c.places = append(c.places, int32(i))
		moments[i] = c.appends[k].call
	}
	for v := range crowds {
		crowds[v].sort()
	}
	for moved := true; moved; {
		if *p.budget -= len(p.list) + len(p.appends) + len(p.reads); *p.budget < 0 {
			return verdict.Unknown, nil
		}
		end, bad := p.settle(moments)
		if bad != nil {
			return verdict.Invalid, bad
		}
		moved = false
		for v := range crowds {
			m, bad := crowds[v].move(moments, end)
			if bad != nil {
				bad.value = int32(v)
				return verdict.Invalid, bad
			}
			moved = moved || m
		}
	}
	return verdict.Valid, nil
}

// settle moves places behind the moments of what comes before them, and returns the
// last moment of all.
func (p *placement) settle(moments []int64) (end int64, bad *misfit) {
	now, k := int64(-1), 0
	for i := 0; ; i++ {
		began := now
		for ; k < len(p.reads) && int(p.reads[k].length) == i; k++ {
			if r := p.reads[k]; r.ret <= began {
				return now, &misfit{value: -1, by: r.ret, blocker: began}
			}
			now = max(now, p.reads[k].call)
		}
		if i == len(p.list) {
			return now, nil
		}
		now = max(now, moments[i])
		moments[i] = now
	}
}

// crowd is the appends of one value and its places.
type crowd struct {
	appends []placing // by call
	latest  []int32   // those with an answer, the one that returned last first
	rank    []int32   // of each append, its place there
	places  []int32
}

func (c *crowd) sort() {
	c.rank = make([]int32, len(c.appends))
	for i, a := range c.appends {
		if a.ret != verdict.Forever {
			c.latest = append(c.latest, int32(i))
		}
	}
	slices.SortFunc(c.latest, func(i, j int32) int { return cmp.Compare(c.appends[j].ret, c.appends[i].ret) })
	for rank, i := range c.latest {
		c.rank[i] = int32(rank)
	}
}

// move applies the rule of r and d to all pairs of times, r from the last call
// to the first, since what it moves to r matters to times before r alone.
func (c *crowd) move(moments []int64, end int64) (moved bool, bad *misfit) {
	first := int32(0) // in latest, the first that must have a place
	for int(first) < len(c.latest) && c.appends[c.latest[first]].ret > end {
		first++
	}
	var room room
	before := len(c.places) // how many places can be before the time that is looked at
	for next, i := first, len(c.appends)-1; i >= 0; i-- {
		a := &c.appends[i]
		for ; int(next) < len(c.latest) && c.appends[c.latest[next]].ret > a.call; next++ {
			for d := c.appends[c.latest[next]].ret; before > 0 && moments[c.places[before-1]] >= d; {
				before--
			}
			room.add(int32(before))
		}
		if a.ret > end {
			continue
		}
		if room.take(c.rank[i] - first); room.least < 0 {
			return moved, c.misfit(moments, a.call, c.appends[c.latest[first+room.last]].ret)
		}
		for k := int(room.least); k < len(c.places) && moments[c.places[k]] < a.call; k++ {
			moments[c.places[k]], moved = a.call, true
		}
	}
	return moved, nil
}

// misfit tells of the appends called at r or later that returned by d.
func (c *crowd) misfit(moments []int64, r, d int64) *misfit {
	bad := &misfit{by: d, blocker: -1}
	for _, a := range c.appends {
		if a.call >= r && a.ret <= d {
			bad.crowd = append(bad.crowd, a)
		}
	}
	for _, i := range c.places {
		if moments[i] >= d {
			bad.blocker = moments[i]
			break
		}
		bad.places++
	}
	return bad
}

// room keeps the least of numbers, one for each time d from the last to the first:
// how many places are free by then. An append takes one by all d from its return
// on, which are the first ones. So a number that is not below one before it
// never will be and is left out; those that are kept fall.
type room struct {
	kept  []int32 // of each time, itself if it is kept, else one before it
	next  []int32 // of those kept, the next
	gap   []int32 // and how much less that one has
	last  int32   // the last one kept
	least int32   // what it has
}

func (r *room) add(n int32) {
	at := int32(len(r.kept))
	r.next, r.gap = append(r.next, 0), append(r.gap, 0)
	if at > 0 && n >= r.least {
		r.kept = append(r.kept, r.last)
		return
	}
	r.kept = append(r.kept, at)
	r.next[r.last], r.gap[r.last] = at, r.least-n
	r.last, r.least = at, n
}

// take lowers the numbers up to that of a time.
func (r *room) take(at int32) {
	for r.kept[at] != at {
		r.kept[at] = r.kept[r.kept[at]]
		at = r.kept[at]
	}
	if at == r.last {
		r.least--
		return
	}
	if r.gap[at]--; r.gap[at] > 0 {
		return
	}
	next := r.next[at]
	r.kept[next] = at
	if next == r.last {
		r.last = at
	} else {
		r.next[at], r.gap[at] = r.next[next], r.gap[next]
	}
}

// shrink returns the shortest beginning of the history that is wrong, without
// the reads that it is wrong without.
func (p *placement) shrink() *placement {
	wrong := func(p *placement) bool { v, _ := p.decide(); return v == verdict.Invalid }
	var ends []int64
	for _, x := range slices.Concat(p.appends, p.reads) {
		if x.ret != verdict.Forever {
			ends = append(ends, x.ret)
		}
	}
	slices.Sort(ends)
	n, _ := slices.BinarySearchFunc(ends, true, func(end int64, _ bool) int {
		if wrong(p.until(end)) {
			return 0
		}
		return -1
	})
	if n < len(ends) {
		p = p.until(ends[n])
	}
	for trial, i := 0, len(p.reads)-1; i >= 0 && trial < verdict.MaxTrials && *p.budget > 0; trial, i = trial+1, i-1 {
		if less := p.with(p.appends, slices.Delete(slices.Clone(p.reads), i, i+1)); wrong(less) {
			p = less
		}
	}
	return p
}

// until returns the placement as it was at a time.
func (p *placement) until(end int64) *placement {
	reads := slices.DeleteFunc(slices.Clone(p.reads), func(r placing) bool { return r.ret > end })
	appends := slices.DeleteFunc(slices.Clone(p.appends), func(a placing) bool { return a.call > end })
	for i := range appends {
		if appends[i].ret > end {
			appends[i].ret = verdict.Forever
		}
	}
	return p.with(appends, reads)
}

// with returns the placement of other operations on the same list.
func (p *placement) with(appends, reads []placing) *placement {
	shown := int32(0)
	if len(reads) > 0 {
		shown = reads[len(reads)-1].length
	}
	return &placement{p.list[:shown], p.values, appends, reads, p.budget}
}
