package engine

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
)

// Stream derives a named generator from the run's seed. A new name never shifts
// the others. With real processes a seed fixes the inputs of a run, not how they
// interleave; the plan is saved for that reason.
func Stream(seed uint64, name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, name)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
