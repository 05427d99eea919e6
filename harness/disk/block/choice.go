package block

import "math/rand/v2"

// Change is what one write made of one sector: something else than it held before.
type Change struct {
	Write int   // in the order in which they came; 0 is the oldest that can vanish
	At    int64 // the byte at which the sector begins
}

// Choice says which changes are on the medium after a power failure. They come in the order
// of the writes, and of one write in that of the disk. A sector holds what the latest of its
// changes made that was kept. Any answer is legal: a disk may hold each sector back as long
// as it likes.
type Choice func(changes []Change) (kept []bool)

// Nothing keeps nothing: the disk is as it was at the last flush.
func Nothing(changes []Change) []bool { return make([]bool, len(changes)) }

// Everything keeps everything: the disk had just written all of its cache.
func Everything(changes []Change) []bool { return draw{kept: make([]bool, len(changes))}.all() }

// Some keeps a part that the seed draws, in one of the shapes in which disks leave things:
// it was in the midst of a write, or had written whatever it liked. Changes of one write
// within so many bytes are kept together. The same seed keeps the same part of the same
// writes.
func Some(seed uint64, unit int64) Choice {
	return func(changes []Change) []bool {
		d := draw{rng: rand.New(rand.NewPCG(seed, 0x64697363)), kept: make([]bool, len(changes))}
		d.split(changes, max(unit, Sector))
		switch d.rng.IntN(8) {
		case 0:
			d.writes(d.eighths(), 0, len(d.begins))
		case 1, 2, 3:
			d.midst()
		case 4:
			d.hole()
		default:
			d.scattered()
		}
		return d.kept
	}
}

// draw is a choice in the making.
type draw struct {
	rng    *rand.Rand
	kept   []bool
	parts  []int // where each begins among the changes, and their end
	begins []int // where each write begins among the parts, but not their end
}

// split finds what is kept together.
func (d *draw) split(changes []Change, unit int64) {
	for i, c := range changes {
		first := i == 0 || changes[i-1].Write != c.Write
		if first {
			d.begins = append(d.begins, len(d.parts))
		}
		if first || changes[i-1].At/unit != c.At/unit {
			d.parts = append(d.parts, i)
		}
	}
	d.parts = append(d.parts, len(changes))
}

// keep keeps parts, or not.
func (d draw) keep(from, to int, kept bool) {
	for i := d.parts[from]; i < d.parts[to]; i++ {
		d.kept[i] = kept
	}
}

// of returns which parts a write consists of.
func (d draw) of(write int) (from, to int) {
	if write+1 == len(d.begins) {
		return d.begins[write], len(d.parts) - 1
	}
	return d.begins[write], d.begins[write+1]
}

func (d draw) all() []bool {
	for i := range d.kept {
		d.kept[i] = true
	}
	return d.kept
}

// eighths is how many of eight are kept.
func (d draw) eighths() int { return []int{1, 4, 7}[d.rng.IntN(3)] }

// scattered keeps each part or not: a disk that writes in any order it likes.
func (d draw) scattered() {
	eighths := d.eighths()
	for p := range len(d.parts) - 1 {
		d.keep(p, p+1, d.rng.IntN(8) < eighths)
	}
}

// writes keeps each of some writes as a whole, or not.
func (d draw) writes(eighths, from, to int) {
	for w := from; w < to; w++ {
		first, end := d.of(w)
		d.keep(first, end, d.rng.IntN(8) < eighths)
	}
}

// midst leaves one write cut off, if there is one of several parts: it was under way. What
// came before it is there and what came after it is not, or it was one of a queue.
func (d draw) midst() {
	if len(d.begins) == 0 {
		return
	}
	var long []int
	for w := range d.begins {
		if from, to := d.of(w); to-from > 1 {
			long = append(long, w)
		}
	}
	torn := d.rng.IntN(len(d.begins))
	if len(long) > 0 {
		torn = long[d.rng.IntN(len(long))]
	}
	if d.rng.IntN(2) == 0 {
		d.writes(8, 0, torn)
	} else {
		d.writes(d.eighths(), 0, len(d.begins))
	}
	from, to := d.of(torn)
	at := from + 1
	if to-at > 1 {
		at += d.rng.IntN(to - at)
	}
	d.keep(from, at, true)
	d.keep(at, to, false)
}

// hole lacks one part.
func (d draw) hole() {
	d.all()
	if n := len(d.parts) - 1; n > 0 {
		p := d.rng.IntN(n)
		d.keep(p, p+1, false)
	}
}
