package evidence

import "time"

// calm is the time in which the machine was healthy: without stalls of the harness,
// each of which may have cost the members their leader, and four election timeouts
// after it. The zero value knows of no stall.
type calm struct {
	stalls [][2]time.Duration // from, until it is got over; in order
	ended  []time.Duration    // when operations ended without success; one for each grain
}

// grain is how exactly calm remembers when operations ended.
const grain = 50 * time.Millisecond

// stall notes a stall that ended at the given time. It may contain others: a run that
// was held tells so at the end.
func (c *calm) stall(at, took, election time.Duration) {
	from, until := at-took, at+4*election
	for n := len(c.stalls) - 1; n >= 0 && c.stalls[n][0] >= from; n-- {
		until = max(until, c.stalls[n][1])
		c.stalls = c.stalls[:n]
	}
	c.stalls = append(c.stalls, [2]time.Duration{from, until})
}

// failed notes that an operation ended without success.
func (c *calm) failed(at time.Duration) {
	if n := len(c.ended) - 1; n >= 0 && c.ended[n]/grain == at/grain {
		c.ended[n] = at
		return
	}
	c.ended = append(c.ended, at)
}

// refused is the longest calm time between from and to at whose end operations were
// still being tried.
func (c *calm) refused(from, to time.Duration) (longest time.Duration) {
	next := 0
	c.each(from, to, func(from, to time.Duration) {
		for ; next < len(c.ended) && c.ended[next] <= to; next++ {
			longest = max(longest, c.ended[next]-from)
		}
	})
	return longest
}

// longest is the longest calm time between from and to.
func (c *calm) longest(from, to time.Duration) (longest time.Duration) {
	c.each(from, to, func(from, to time.Duration) { longest = max(longest, to-from) })
	return longest
}

// all is the calm time between from and to, taken together.
func (c *calm) all(from, to time.Duration) (sum time.Duration) {
	c.each(from, to, func(from, to time.Duration) { sum += to - from })
	return sum
}

// stalled tells whether there was another time than calm between from and to.
func (c *calm) stalled(from, to time.Duration) bool { return c.all(from, to) < to-from }

func (c *calm) each(from, to time.Duration, take func(from, to time.Duration)) {
	for _, s := range c.stalls {
		if s[0] >= to {
			break
		}
		if s[0] > from {
			take(from, s[0])
		}
		from = max(from, s[1])
	}
	if to > from {
		take(from, to)
	}
}
