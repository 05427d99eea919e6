package object

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strconv"

	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
)

// Counter judges counters: whether increments and reads have an order that agrees with
// real time and in which each read returns the sum of what came before.
//
// Each read has bounds: what was certainly added before it began, and what may have been
// added before it ended. A read outside of them is wrong by itself, or with the
// increments that it lacks.
//
// If all increments are the same, d, a read of n·d says that n of them came before it,
// and at any place of the history the number so far lies between those n whose reads
// have ended and those whose reads have not begun. Increments differ in nothing but
// their time, so that nothing is gained by letting one happen before it must, because it
// ends or because a read needs it; and the one that has the least time left goes first.
// One walk decides. Of increments that differ the order is searched.
type Counter struct {
	gathered
	options  verdict.Options
	relative bool // an explanation does not begin at nothing, so that it proves more than it says
}

// NewCounter returns the checker "counter".
func NewCounter(o verdict.Options) *Counter {
	return &Counter{gathered: gather("counter", FIncrement, FCount), options: o.WithDefaults()}
}

// Finish gives the verdict.
func (c *Counter) Finish() verdict.Result {
	b := verdict.NewBudget(c.options)
	var reads int
	for _, t := range c.order {
		s, ok := c.sums(t)
		if !ok {
			continue
		}
		reads += len(s.reads)
		switch d, same := s.same(); {
		case !c.bounds(s):
		case same:
			c.walk(s, d)
		default:
			c.search(s, b)
		}
	}
	if c.oks > 0 && reads == 0 {
		c.Unknown("no counter was read: whether increments were lost is not known")
	}
	if c.relative {
		c.Trial() // what is shown is what is meant
	}
	return c.result("no increment and no read", fmt.Sprintf("%s on %s, %s", count.Many(c.asked, "operation"), count.Many(len(c.order), "counter"), count.Many(reads, "read")),
		func() (verdict.Checker, *gathered) { c := NewCounter(c.options); return c, &c.gathered })
}

// sums is what was added to a counter and what was read.
type sums struct {
	*thing
	adds  []amount // that may have happened, by call
	reads []amount // that succeeded, by call
}

// amount is an operation and its number.
type amount struct {
	*operation
	n int64
}

// sums reads the numbers of a counter.
func (c *Counter) sums(t *thing) (sums, bool) {
	s := sums{thing: t}
	for _, o := range t.ops {
		text := o.asked().Arg
		if o.asked().F == FCount {
			if !o.ok() {
				continue
			}
			text = o.got().Got
		}
		if o.failed() {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > 1<<40 || n < -1<<40 {
			c.Unknown("%s: client %d has a number at %s that is no whole number below 2^40: %q: it is not judged", t.key, o.asked().Process, o.began(), text)
			return s, false
		}
		if o.asked().F == FCount {
			s.reads = append(s.reads, amount{operation: o, n: n})
		} else if n != 0 {
			s.adds = append(s.adds, amount{operation: o, n: n})
		}
	}
	return s, true
}

// same returns the amount of all increments, if it is one.
func (s *sums) same() (d int64, ok bool) {
	for i := range s.adds {
		if s.adds[i].n != s.adds[0].n {
			return 0, false
		}
		d = s.adds[i].n
	}
	return d, true
}

// running is what was added up to a place, by increments in the order of their places.
type running struct {
	places   []uint64
	up, down []int64 // sums of the first so many that are positive, and negative
}

func runningBy(adds []amount, place func(*operation) uint64) running {
	sorted := slices.Clone(adds)
	slices.SortFunc(sorted, func(a, b amount) int { return cmp.Compare(place(a.operation), place(b.operation)) })
	r := running{up: []int64{0}, down: []int64{0}}
	for i, a := range sorted {
		r.places = append(r.places, place(a.operation))
		r.up, r.down = append(r.up, r.up[i]+max(a.n, 0)), append(r.down, r.down[i]+min(a.n, 0))
	}
	return r
}

// before returns the sums of those before a place.
func (r *running) before(place uint64) (up, down int64) {
	n, _ := slices.BinarySearch(r.places, place)
	return r.up[n], r.down[n]
}

// bounds holds every read to what must and what may have been added.
func (c *Counter) bounds(s sums) bool {
	calls := runningBy(s.adds, func(o *operation) uint64 { return o.call })
	ends := runningBy(s.adds, func(o *operation) uint64 { return o.ret })
	for _, r := range s.reads {
		mustUp, mustDown := ends.before(r.call)
		mayUp, mayDown := calls.before(r.ret)
		if r.n < mustUp+mayDown || r.n > mayUp+mustDown {
			c.outside(s, r, mustUp+mayDown, mayUp+mustDown)
			return false
		}
	}
	return true
}

// outside reports a read that is outside of its bounds, with what makes the bound.
func (c *Counter) outside(s sums, r amount, low, high int64) {
	shown := []*operation{r.operation}
	small := r.n < low
	enough := low // or high: what is shown comes to, without those that need not be
	if !small {
		enough = high
	}
	for _, a := range s.adds {
		must := (a.n > 0) == small
		if !(must && a.ret < r.call || !must && a.call < r.ret) {
			continue
		}
		if must && (small && enough-a.n > r.n || !small && enough-a.n < r.n) {
			enough -= a.n
			continue
		}
		shown = append(shown, a.operation)
	}
	who := fmt.Sprintf("%s: client %d read %d by %s", s.key, r.asked().Process, r.n, r.ended())
	if small {
		c.violate(verdict.NotLinearizable, fmt.Sprintf("%s, but what had been added by %s, when it began, is at least %d", who, r.began(), low), shown...)
	} else {
		c.violate(verdict.NotLinearizable, fmt.Sprintf("%s, but what may have been added by then is at most %d", who, high), shown...)
	}
}

// walk decides a counter of which all increments are d.
func (c *Counter) walk(s sums, d int64) {
	type end struct {
		place uint64
		amount
	}
	var ends []end
	for _, a := range slices.Concat(s.adds, s.reads) {
		if d != 0 && a.n%d != 0 {
			c.violate(verdict.NotLinearizable, fmt.Sprintf("%s: client %d read %d by %s, but all increments are %d", s.key, a.asked().Process, a.n, a.ended(), d), a.operation)
			return
		}
		ends = append(ends, end{a.call, a})
		if a.ret != never {
			ends = append(ends, end{a.ret, a})
		}
	}
	if d == 0 {
		return // nothing was added, and all reads are within their bounds
	}
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.place, b.place) })
	var ready turns
	happened := make(map[*operation]bool)
	count := int64(0)
	next := func() bool {
		t := ready.next()
		if t == nil {
			return false
		}
		t.done, happened[t.operation] = true, true
		count++
		return true
	}
	waiting := make(map[*operation]*turn)
	for _, e := range ends {
		increments, begins := e.asked().F == FIncrement, e.place == e.call
		switch {
		case increments && begins:
			t := &turn{operation: e.operation, to: e.ret}
			waiting[e.operation] = t
			heap.Push(&ready, t)
		case increments:
			if t := waiting[e.operation]; !t.done {
				t.done = true
				count++
			}
		case begins && count > e.n/d:
			c.apart(s, e.amount, true)
			return
		case !begins:
			for count < e.n/d && next() {
			}
			if count < e.n/d {
				c.apart(s, e.amount, false)
				return
			}
		}
	}
}

// apart reports a read that does not fit what others read, and the increments between
// them: with the other read that takes the fewest of those, if one is enough.
func (c *Counter) apart(s sums, r amount, lost bool) {
	c.relative = true
	var least []*operation
	var other *amount
	for i := range s.reads {
		o := &s.reads[i]
		if o.operation == r.operation || lost && o.ret > r.call {
			continue
		}
		var between []*operation
		sum := o.n
		for _, a := range s.adds {
			within, touches := a.call > o.ret && a.ret < r.call, a.call < r.ret && a.ret > o.call
			if lost && within || !lost && touches {
				between, sum = append(between, a.operation), sum+a.n
			}
		}
		wrong := lost && abs(r.n) < abs(sum) || !lost && abs(r.n) > abs(sum)
		if wrong && (other == nil || len(between) < len(least)) {
			least, other = between, o
		}
	}
	who := fmt.Sprintf("%s: client %d read %d by %s", s.key, r.asked().Process, r.n, r.ended())
	if other == nil {
		for _, a := range slices.Concat(s.adds, s.reads) {
			if a.call < r.ret {
				least = append(least, a.operation)
			}
		}
		c.violate(verdict.NotLinearizable, who+": no order of what was read and added before agrees with that"+verdict.NotMinimal, least...)
		return
	}
	which := "no more than %s may have come between"
	if lost {
		which = "%s certainly came between"
	}
	c.violate(verdict.NotLinearizable, fmt.Sprintf("%s and client %d read %d by %s, but "+which+verdict.NotMinimal,
		who, other.asked().Process, other.n, other.ended(), count.Many(len(least), "increment")), slices.Concat(least, []*operation{other.operation, r.operation})...)
}

func abs(n int64) int64 { return max(n, -n) }

// search looks for an order of increments that differ.
func (c *Counter) search(s sums, b *verdict.Budget) {
	all := slices.Concat(s.adds, s.reads)
	slices.SortStableFunc(all, func(a, b amount) int { return cmp.Compare(a.call, b.call) })
	part := counted{all}
	switch v, why := part.check(b); v {
	case verdict.Unknown:
		c.Unknown("%s: every read is within its bounds; whether there is one order of all is not decided, since increments differ and %s", s.key, why)
	case verdict.Invalid:
		less := b.Part(16)
		bad := verdict.Shrink(part, func(p counted) bool {
			v, _ := p.check(less)
			return v == verdict.Invalid
		})
		b.Total += less.Total
		var shown []*operation
		for _, a := range bad.all {
			shown = append(shown, a.operation)
		}
		c.violate(verdict.NotLinearizable, s.key+": "+verdict.NoOrder(len(shown)), shown...)
	}
}

// counted is a part of what was done to a counter.
type counted struct{ all []amount }

// check decides the part.
func (p counted) check(b *verdict.Budget) (verdict.Verdict, string) {
	operations := make([]porcupine.Operation, len(p.all))
	for i, a := range p.all {
		ret := int64(verdict.Forever)
		if a.ret != never {
			ret = int64(a.ret)
		}
		operations[i] = porcupine.Operation{Input: a, Call: int64(a.call), Return: ret}
	}
	return b.Decide(operations, func(purse *verdict.Purse) porcupine.Model {
		return porcupine.Model{
			Init: func() any { return int64(0) },
			Step: func(state, input, _ any) (bool, any) {
				a := input.(amount)
				switch {
				case !purse.Spend():
					return false, state
				case a.asked().F == FCount:
					return a.n == state.(int64), state
				}
				purse.Remember(8)
				return true, state.(int64) + a.n
			},
			Hash: func(state any) uint64 { return uint64(state.(int64)) * 0x9e3779b97f4a7c15 },
		}
	})
}

// Size is how many operations there are.
func (p counted) Size() int { return len(p.all) }

// Ends lists when the operations ended that did.
func (p counted) Ends() []int64 {
	var ends []int64
	for _, a := range p.all {
		if a.ret != never {
			ends = append(ends, int64(a.ret))
		}
	}
	return ends
}

// Until leaves out later calls, and the answers to come.
func (p counted) Until(end int64) counted {
	var out counted
	for _, a := range p.all {
		if int64(a.call) > end {
			continue
		}
		if a.ret != never && int64(a.ret) > end {
			if a.asked().F == FCount {
				continue
			}
			early := *a.operation
			early.ret, early.Done.Op = never, nil
			a.operation = &early
		}
		out.all = append(out.all, a)
	}
	return out
}

// Without leaves out a read: the rest does not miss it.
func (p counted) Without(i int) (counted, bool) {
	return counted{slices.Delete(slices.Clone(p.all), i, i+1)}, p.all[i].asked().F == FCount
}
