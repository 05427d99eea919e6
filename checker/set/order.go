package set

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// judge decides whether the additions and reads of a key have an order.
//
// Something that only grows has, whatever order its operations take, a history in
// layers. Sort the reads by how much they show: each must show all that the one
// before it shows (for a list: begin with it). A value that a read shows and the one
// before it does not was added after all reads like the one before and before
// all like this. So the layers are: the additions that the smallest reads show; the
// smallest reads; what the next larger ones show in addition; those reads; and so
// on; last, what was acknowledged and no read shows. (An unanswered addition that no
// read shows may never happen, and is left out.) For a list each place is a
// layer of its own.
//
// Every linearization has the operations in the order of the layers, because each
// read has to come after what it shows and before what it does not. So there is
// none if some operation returned before one of an earlier layer was called. If
// there is no such pair, there is one: layer after layer, by call in each. This is
// exact, and takes the time to read the lists and to sort.
//
// Of a value that was added to a set more than once, one addition belongs to the
// layer, and nothing restrains it less than that it is the one asked for first. The
// others are repeats, in that layer or any later one. A repeat contradicts the order
// if it returned before an operation of an earlier layer was called. If not, it
// can go to the last layer of which an operation had returned before it was called:
// whatever was called after it returned is not in an earlier one, since else
// those two would be a pair. For lists see place.go.
func (s *Checker) judge(c *collection) {
	sound := s.impossible(c)
	if c.broken || s.premature(c) {
		return
	}
	spans, ok := s.layers(c)
	if !ok || !s.inOrder(c, spans) || !sound {
		return
	}
	if c.ordered() && len(c.again) > 0 {
		s.place(c)
	}
}

// inOrder looks for an operation that returned before one of an earlier layer was
// called, and reports it.
func (s *Checker) inOrder(c *collection, spans []span) bool {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.call, b.call))
	})
	var latest *span // the one of the layers before that was called last
	for i := 0; i < len(spans); {
		layer, last := spans[i].layer, latest
		for ; i < len(spans) && spans[i].layer == layer; i++ {
			x := &spans[i]
			if latest != nil && x.ret < latest.call {
				s.misplaced(c, x, latest)
				return false
			}
			if !x.repeat && (last == nil || x.call > last.call) {
				last = x
			}
		}
		latest = last
	}
	return true
}

// span is an operation with its place in the order.
type span struct {
	call, ret int64
	layer     int32
	index     int32 // of the addition, or in reads
	read      bool
	repeat    bool // it may also be in any later layer
}

// premature reports a list that had something before anything was asked to be
// appended, and tells whether it had. Reads so early are not known to be of a list when
// they return. What is impossible has been told.
func (s *Checker) premature(c *collection) (is bool) {
	for i := range c.reads[:c.early] {
		r := &c.reads[i]
		if !c.ordered() || len(r.list) == 0 {
			continue
		}
		is = true
		if place := slices.IndexFunc(r.list, func(id int32) bool { return !c.values[id].invented }); place >= 0 {
			s.unasked(c, &c.values[r.list[place]], r, place)
			break
		}
	}
	return is
}

// impossible reports values that are there though they cannot be, and such as are
// there too often, and takes them out of what reads of sets show. It returns whether
// there are none.
func (s *Checker) impossible(c *collection) (sound bool) {
	sound = true
	for i := range c.reads {
		r := &c.reads[i]
		if i > 0 && len(r.list) > 0 && len(c.reads[i-1].list) == len(r.list) && &c.reads[i-1].list[0] == &r.list[0] {
			r.shows = c.reads[i-1].shows
			continue // the same as the one before
		}
		c.round++
		bad := 0
		for place, id := range r.list {
			a := &c.values[id]
			if a.round != c.round {
				a.copies = 0
			}
			if a.copies++; s.wrong(c, r, place) {
				sound = false
				bad++
			} else if a.round == c.round {
				bad++
			} else {
				a.round, a.place = c.round, int32(place)
			}
		}
		if bad > 0 && !c.ordered() {
			r.shows = c.clean(r.list)
		}
	}
	return sound
}

// wrong reports a value that a read shows at this place, and that cannot be
// there; it returns whether that is so.
func (s *Checker) wrong(c *collection, r *reading, place int) bool {
	a := &c.values[r.list[place]]
	switch {
	case a.asked == 0:
		s.Violate("a value that nobody added",
			fmt.Sprintf("%s: %q is there, but no client had added it", c.key, c.words[a.id]), c.readBy(r, place)...)
		a.invented = true
	case a.asked == a.failed:
		s.Violate("a value whose addition failed",
			fmt.Sprintf("%s: %q is there, but adding it certainly failed", c.key, c.words[a.id]),
			append(c.ends(a), c.readBy(r, place)...)...)
		a.invented = true
	case a.copies > 1 && !c.offered(a, r):
		added := "once"
		if a.twice() {
			added = fmt.Sprintf("at most %s by then", count.Times(a.copies-1))
		}
		s.Violate("a value that is there twice",
			fmt.Sprintf("%s: %q was added %s and is there %s, at places %d and %d", c.key, c.words[a.id], added, count.Times(a.copies), a.place+1, place+1),
			append(c.offers(a, r), c.readBy(r, r.places(a.id)[:a.copies]...)...)...)
		return true
	}
	return a.invented
}

// offered tells whether a value was asked for, before a read returned, as often as the
// read shows it.
func (c *collection) offered(a *addition, r *reading) bool {
	if !a.twice() {
		return false
	}
	if c.calls == nil {
		c.calls = make([][]uint64, len(c.values))
		for n := range int32(len(c.values) + len(c.again)) {
			if x := c.addition(n); c.values[x.id].twice() && x.outcome != verdict.Failed {
				c.calls[x.id] = append(c.calls[x.id], x.invoke.Seq)
			}
		}
	}
	calls := c.calls[a.id]
	return int(a.copies) <= len(calls) && calls[a.copies-1] < r.done.Seq
}

// offers returns the additions of a value that had been asked for when a read
// returned, or else the first.
func (c *collection) offers(a *addition, r *reading) []history.Event {
	var events []history.Event
	for n := range int32(len(c.values) + len(c.again)) {
		if x := c.addition(n); x.id == a.id && x.outcome != verdict.Failed && x.invoke.Seq < r.done.Seq {
			events = append(events, c.ends(x)...)
		}
	}
	if events == nil {
		return c.ends(a)
	}
	return events
}

// clean returns the list without invented values and copies.
func (c *collection) clean(list []int32) []int32 {
	c.round++
	var out []int32
	for _, id := range list {
		if a := &c.values[id]; !a.invented && a.round != c.round {
			a.round = c.round
			out = append(out, id)
		}
	}
	return out
}

// layers gives every operation its layer. It reports false once reads have no
// order, which it has then reported as a violation.
func (s *Checker) layers(c *collection) ([]span, bool) {
	first := make([]int32, len(c.values)) // the layer of the smallest read that shows the value, less one; 0 for none
	spans := make([]span, 0, len(c.values)+len(c.reads))
	bySize := make([]int32, len(c.reads))
	for i := range bySize {
		bySize[i] = int32(i)
	}
	slices.SortStableFunc(bySize, func(i, j int32) int { return cmp.Compare(len(c.reads[i].shows), len(c.reads[j].shows)) })
	for place, id := range c.longest {
		if first[id] == 0 {
			first[id] = 2*int32(place) + 1
		}
	}
	layer, shown := int32(0), int32(0) // of the read before: its layer, and how many different values it shows
	for n, i := range bySize {
		r := &c.reads[i]
		switch {
		case c.ordered():
			layer = 2 * int32(len(r.shows))
		case n > 0 && slices.Equal(c.reads[bySize[n-1]].shows, r.shows):
		default:
			fresh := raise(r.shows, first, layer+1)
			if int32(len(r.shows))-fresh < shown {
				s.incomparable(c, &c.reads[bySize[n-1]], r)
				return nil, false
			}
			if fresh > 0 {
				layer, shown = layer+2, shown+fresh
			}
		}
		spans = append(spans, span{call: int64(r.invoke.Seq), ret: int64(r.done.Seq), layer: layer, index: i, read: true})
	}
	last := max(layer, 2*int32(len(c.longest))) + 1
	return c.additions(spans, first, last), true
}

// additions adds the spans of additions that are known to have happened, first
// telling the layers of their values.
func (c *collection) additions(spans []span, first []int32, last int32) []span {
	settled := make([]bool, len(c.values)) // which value has one that is no repeat
	for n := range int32(len(c.values) + len(c.again)) {
		a := c.addition(n)
		v := &c.values[a.id]
		if v.asked == 0 || v.invented || a.outcome == verdict.Failed || v.twice() && c.ordered() {
			continue
		}
		x := span{call: int64(a.invoke.Seq), ret: verdict.Forever, layer: first[a.id], index: n, repeat: settled[a.id]}
		settled[a.id] = true
		if a.outcome == verdict.OK {
			x.ret = int64(a.done.Seq)
		}
		if x.layer == 0 {
			x.layer = last
		}
		if x.layer < last && !x.repeat || x.ret != verdict.Forever {
			spans = append(spans, x)
		}
	}
	return spans
}

// raise gives the values of a list that have no layer this one, and returns how
// many these are.
func raise(list, first []int32, layer int32) (fresh int32) {
	for _, id := range list {
		if first[id] == 0 {
			first[id] = layer
			fresh++
		}
	}
	return fresh
}
