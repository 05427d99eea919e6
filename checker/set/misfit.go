package set

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// misplacing reports why the appends of a list whose values repeat do not fit its
// places, with what is left of the reads.
func (s *Checker) misplacing(c *collection, p *placement, why *misfit) {
	later := "a read that was asked for later"
	values := []int32{why.value}
	for _, a := range p.appends {
		if a.call == why.blocker {
			later = fmt.Sprintf("an append of %q that was asked for later", c.words[a.value])
			values = append(values, a.value)
		}
	}
	evidence := c.placed(p, values)
	if why.value < 0 {
		s.Violate("a list out of order", fmt.Sprintf("%s: a read had returned by %s, but shows what has to be behind %s",
			c.key, c.when(p, why.by), later), evidence...)
		return
	}
	value, appends := c.words[why.value], count.Many(len(why.crowd), "append")
	switch {
	case why.by == 0:
		s.Violate("a value that is there twice", fmt.Sprintf("%s: %q is there at least %s, but only %s of it had been asked for",
			c.key, value, count.Times(why.places), appends), evidence...)
	case why.blocker < 0:
		s.Violate("an acknowledged value is lost", fmt.Sprintf("%s: %s of %q had been acknowledged by %s, but a later read shows it only %s",
			c.key, appends, value, c.when(p, why.by), count.Times(why.places)), evidence...)
	default:
		s.Violate("a list out of order", fmt.Sprintf("%s: %s of %q had been acknowledged by %s, but it is there only %s before %s",
			c.key, appends, value, c.when(p, why.by), count.Times(why.places), later), evidence...)
	}
}

// placed returns the appends of some values and what is left of the reads, in which long
// ones show these values alone.
func (c *collection) placed(p *placement, values []int32) []history.Event {
	const long = 64
	var evidence []history.Event
	for _, r := range p.reads[max(0, len(p.reads)-verdict.MaxShown):] {
		read := &c.reads[r.index]
		places := read.places(values...)
		if len(read.list) <= long {
			places = read.places(read.list...)
		}
		evidence = append(evidence, c.readBy(read, places...)...)
	}
	for _, a := range p.appends {
		if slices.Contains(values, a.value) && len(evidence) < 2*verdict.MaxProven {
			evidence = append(evidence, c.ends(c.addition(a.index))...)
		}
	}
	return evidence
}

// when is the time of the return of an operation.
func (c *collection) when(p *placement, ret int64) string {
	for _, a := range p.appends {
		if a.ret == ret {
			return verdict.Seconds(c.addition(a.index).done.At)
		}
	}
	for _, r := range p.reads {
		if r.ret == ret {
			return verdict.Seconds(c.reads[r.index].done.At)
		}
	}
	return "then"
}
