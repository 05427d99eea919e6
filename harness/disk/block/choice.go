package block

import "math/rand/v2"

// Choice says whether what a write did to a sector is on the medium after a power failure.
// The sector is told by the byte at which it begins. Choices are asked for the latest write
// first, of a write sector by sector; of an earlier write only what no later one that was
// kept covers. Any answer is legal: a disk may hold each sector back as long as it likes.
type Choice func(w Write, at int64) bool

// Nothing keeps nothing: the disk is as it was at the last flush.
func Nothing(Write, int64) bool { return false }

// Everything keeps everything: the disk had just written all of its cache.
func Everything(Write, int64) bool { return true }

// Some keeps a part that the seed draws: an eighth, a half or seven eighths of the writes,
// each as a whole or, three times as often, torn: every unit of so many bytes by itself. The same seed
// keeps the same part of the same writes.
func Some(seed uint64, unit int64) Choice {
	rng := rand.New(rand.NewPCG(seed, 0x64697363))
	eighths := []int{1, 4, 7}[rng.IntN(3)]
	torn := rng.IntN(4) > 0
	unit = max(unit, Sector)
	number, part, kept := -1, int64(-1), false
	return func(w Write, at int64) bool {
		if w.Number != number || torn && at/unit != part {
			number, part, kept = w.Number, at/unit, rng.IntN(8) < eighths
		}
		return kept
	}
}
