package fabric

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func rulesFor(rules ...Rule) *ruleSet {
	rs := noRules
	for i, r := range rules {
		a := &Applied{rule: r}
		e := newEffect(a, 1, uint64(i), ab)
		a.tally = newTally(e.action)
		rs = rs.with(e)
	}
	return rs
}

func TestJitterNeverReorders(t *testing.T) {
	rs := rulesFor(Rule{Action: Delay, Delay: 10, Jitter: 10}, Rule{Action: Delay, Delay: 5, Jitter: 5, Chance: 0.5})
	var q queue
	for i := range 1000 {
		q.admit(&item{bytes: []byte{byte(i)}, arrived: time.Duration(i)}, rs)
	}
	last := time.Duration(0)
	for i := range 1000 {
		it := q.first()
		require.Equal(t, byte(i), it.bytes[0])
		require.GreaterOrEqual(t, it.due, last)
		require.GreaterOrEqual(t, it.due, time.Duration(i))
		last = it.due
		q.take(it)
	}
	require.True(t, q.empty())
}

// Whatever rules come and go, every lossy frame leaves as often as evidence
// says, other frames leave in order, and a close leaves last.
func TestQueueKeepsItsBooks(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		full := rulesFor(
			Rule{Action: Drop, Chance: 0.2}, Rule{Action: Duplicate, Chance: 0.2}, Rule{Action: Reorder, Chance: 0.3, Delay: 20},
			Rule{Action: Delay, Class: "vote", Delay: 9, Jitter: 9}, Rule{Action: Delay, Delay: 3, Jitter: 3},
			Rule{Action: Hold, Chance: 0.1}, Rule{Action: Drop, Chance: 0.1},
		)
		rs, now := full, time.Duration(1)
		var q queue
		var lossy, order int
		for i := range 300 {
			now += time.Duration(random.IntN(4))
			it := &item{frame: true, arrived: now, bytes: []byte{byte(i)}, class: "order"}
			if random.IntN(2) == 0 {
				it.class, it.lossy = "vote", true
				lossy++
			} else {
				it.bytes[0] = byte(order)
				order++
			}
			q.admit(it, rs)
			if random.IntN(100) == 0 {
				next := rulesSubset(full, random)
				q.replace(rs, next)
				rs = next
			}
		}
		q.admit(&item{kind: fin, arrived: now}, rs)
		q.replace(rs, noRules)
		require.Empty(t, q.held)

		var leftLossy, leftOrder int
		for !q.empty() {
			q.pick(now+1000, 1<<20)
			require.NotEmpty(t, q.picked)
			if q.picked[0].kind == fin {
				require.Len(t, q.written(0, nil), 1)
				require.True(t, q.empty(), "the close leaves last")
				continue
			}
			n := 1 + random.IntN(len(q.picked))
			for _, it := range q.written(n, nil) {
				if it.lossy {
					leftLossy++
					continue
				}
				require.Equal(t, byte(leftOrder), it.bytes[0])
				leftOrder++
			}
		}
		doubled := full.effects[1].of.tally.evidence()[FramesDuplicated]
		require.Equal(t, order, leftOrder)
		require.Equal(t, lossy+int(doubled), leftLossy+len(q.dropped))
		require.Zero(t, q.size)
		require.Empty(t, q.aside)
	}
}

func rulesSubset(rs *ruleSet, random *rand.Rand) *ruleSet {
	var effects []*effect
	for _, e := range rs.effects {
		if random.IntN(2) == 0 {
			effects = append(effects, e)
		}
	}
	return newRuleSet(effects)
}

func TestBucket(t *testing.T) {
	b := newBucket(1000) // bursts of 20
	n, _ := b.peek(100, 1)
	require.Equal(t, 20, n)
	b.spend(n)
	n, at := b.peek(5, 1)
	require.Zero(t, n)
	require.InDelta(t, 5*time.Millisecond, at, float64(time.Microsecond))
	n, _ = b.peek(5, at)
	require.Equal(t, 5, n)

	slow := newBucket(1) // less than a byte in 20 ms, yet it moves
	n, _ = slow.peek(9, 1)
	require.Equal(t, 1, n)
	slow.spend(1)
	_, at = slow.peek(9, 1)
	require.InDelta(t, time.Second, at, float64(time.Millisecond))
}
