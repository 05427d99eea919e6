package evidence

import "time"

// calm is the time in which the machine was healthy: without stalls of the harness,
// each of which may have cost the members their leader, and four election timeouts
// after it. The zero value knows of no stall.
type calm struct {
	stalls [][2]time.Duration // from, until it is got over; in order
}

// stall notes a stall that ended at the given time.
func (c *calm) stall(at, took, election time.Duration) {
	c.stalls = append(c.stalls, [2]time.Duration{at - took, at + 4*election})
}

// longest is the longest calm time between from and to.
func (c *calm) longest(from, to time.Duration) (longest time.Duration) {
	c.each(from, to, func(d time.Duration) { longest = max(longest, d) })
	return longest
}

// all is the calm time between from and to, taken together.
func (c *calm) all(from, to time.Duration) (sum time.Duration) {
	c.each(from, to, func(d time.Duration) { sum += d })
	return sum
}

func (c *calm) each(from, to time.Duration, take func(time.Duration)) {
	for _, s := range c.stalls {
		if s[0] >= to {
			break
		}
		if s[0] > from {
			take(s[0] - from)
		}
		from = max(from, s[1])
	}
	if to > from {
		take(to - from)
	}
}
