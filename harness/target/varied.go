package target

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"
)

// Varied is a Target whose members differ from each other.
type Varied interface {
	// Variation says in a few words how a member is run otherwise than was asked for;
	// "" for not at all. The same options give the same words.
	Variation(member string) string
}

// Variation says how a member of t is run otherwise than was asked for, "" for not at
// all.
func Variation(t Target, member string) string {
	if v, ok := t.(Varied); ok {
		return v.Variation(member)
	}
	return ""
}

// Draws is the stream from which a target draws how a member differs. That of one
// member does not depend on which others there are.
func Draws(seed uint64, member string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, "vary "+member)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// DrawTimers draws timers for a member. What is said of those that were asked for holds
// for it too: its election timer is no shorter than T, and by half longer at most, its
// heartbeats come no less often, and twice as often at most. Both are multiples of unit,
// as T and heartbeat are.
func DrawTimers(r *rand.Rand, t, heartbeat, unit time.Duration) (election, beat time.Duration) {
	election = t + time.Duration(r.Int64N(int64(t/2/unit)+1))*unit
	beat = heartbeat - time.Duration(r.Int64N(int64(heartbeat/2/unit)+1))*unit
	return election, beat
}
