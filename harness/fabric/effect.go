package fabric

import (
	"math/rand/v2"
	"sync"
	"time"
)

// effect is one rule on one link. Its draws and its budget are shared by the
// connections of the link.
type effect struct {
	of     *Applied
	action Action // Cut with a class is Hold
	rule   Rule

	mu     sync.Mutex
	random *rand.Rand
	bucket bucket // Throttle
}

func newEffect(a *Applied, seed, number uint64, l Link) *effect {
	e := &effect{of: a, action: a.rule.Action, rule: a.rule, random: randomStream(seed, number, l)}
	if e.action == Cut && e.rule.Class != "" {
		e.action = Hold
	}
	if e.action == Throttle {
		e.bucket = newBucket(e.rule.Rate)
	}
	return e
}

// limits tells whether the effect throttles the whole link.
func (e *effect) limits() bool { return e.action == Throttle && e.rule.Class == "" }

// covers tells whether the effect is meant for the item at all.
func (e *effect) covers(it *item) bool {
	switch e.action {
	case Drop, Duplicate, Reorder, Hold:
		return it.lossy && (e.rule.Class == "" || e.rule.Class == it.class)
	}
	return e.rule.Class == "" || it.frame && e.rule.Class == it.class
}

// touches draws whether the effect applies to the next item, and counts it.
func (e *effect) touches() bool {
	if c := e.rule.Chance; c > 0 && c < 1 {
		e.mu.Lock()
		hit := e.random.Float64() < c
		e.mu.Unlock()
		if !hit {
			return false
		}
	}
	return e.rule.Count == 0 || e.of.touched.Add(1) <= int64(e.rule.Count)
}

// draw returns a delay from [Delay-Jitter, Delay+Jitter].
func (e *effect) draw() time.Duration {
	d, j := e.rule.Delay, e.rule.Jitter
	if j == 0 {
		return d
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return d - j + time.Duration(e.random.Int64N(int64(2*j)+1))
}

// overtakers draws how many frames go ahead of a reordered one.
func (e *effect) overtakers() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return 1 + e.random.IntN(maxOvertakers)
}

// peek tells how many of want bytes may leave now, or else when to ask again.
func (e *effect) peek(want int, now time.Duration) (n int, at time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bucket.peek(want, now)
}

func (e *effect) spend(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bucket.spend(n)
}

// reserve spends n bytes and returns how long they have to wait for it.
func (e *effect) reserve(n int, now time.Duration) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bucket.refill(now)
	e.bucket.spend(n)
	return e.bucket.debt()
}

// bucket is a token bucket of bytes. It may go into debt: several connections
// look before they spend.
type bucket struct {
	rate   float64 // bytes a second
	size   float64 // the largest burst: 20 ms worth, at least a byte
	tokens float64
	filled time.Duration
}

func newBucket(rate int64) bucket {
	size := max(float64(rate)/50, 1)
	return bucket{rate: float64(rate), size: size, tokens: size}
}

func (b *bucket) refill(now time.Duration) {
	if now > b.filled {
		b.tokens = min(b.size, b.tokens+b.rate*(now-b.filled).Seconds())
		b.filled = now
	}
}

func (b *bucket) peek(want int, now time.Duration) (n int, at time.Duration) {
	b.refill(now)
	need := min(float64(want), b.size)
	if b.tokens >= need {
		return min(want, int(b.tokens)), 0
	}
	wait := time.Duration((need - b.tokens) / b.rate * float64(time.Second))
	return 0, now + wait + 1
}

func (b *bucket) spend(n int) { b.tokens -= float64(n) }

// debt is how long it takes until the tokens are back at zero.
func (b *bucket) debt() time.Duration {
	if b.tokens >= 0 {
		return 0
	}
	return time.Duration(-b.tokens / b.rate * float64(time.Second))
}
