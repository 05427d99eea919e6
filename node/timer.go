package node

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
)

// electionTimer returns a function that draws election timeouts evenly from
// [n, 2n) ticks. The draws are fixed by seed, id and inc, and each process of
// each member has a stream of its own: two members with the same seed do not
// stand at the same moments forever.
func electionTimer(n int, seed uint64, id string, inc uint64) func() int {
	h := fnv.New64a()
	fmt.Fprintf(h, "election/%s/%d", id, inc)
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	return func() int { return n + r.IntN(n) }
}
