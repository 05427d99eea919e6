package coverage

import "math/bits"

// shape is an abstract state: of each member its role, how far its term is behind the
// latest (0, 1, 2 for more, 3 unknown), whether its log lags, and so that only a
// snapshot helps, and whether it stands still; and which links are cut altogether.
type shape struct {
	members []uint16
	cut     []uint64 // from whom nothing reaches it, a bit a member
}

// sample notes the state that the cluster is in, if it is another than before.
func (w *watch) sample() {
	same := len(w.shape.members) == len(w.members)
	if !same {
		w.shape = shape{make([]uint16, len(w.members)), make([]uint64, len(w.members))}
	}
	lead, latest := w.leader(), uint64(0)
	for i := range w.members {
		latest = max(latest, w.members[i].term)
	}
	for i := range w.members {
		code := w.code(i, lead, latest)
		if cut := w.members[i].deafTo; w.shape.members[i] != code || w.shape.cut[i] != cut {
			same = false
			w.shape.members[i], w.shape.cut[i] = code, cut
		}
	}
	if !same {
		w.tally.States.see(w.shape.hash(w.parted))
	}
}

// code is what a shape has of a member. It is written to files: no code may change.
func (w *watch) code(i, lead int, latest uint64) uint16 {
	m := &w.members[i]
	code := w.role(i).code() << 2
	switch {
	case !m.told:
		code |= 3
	default:
		code |= uint16(min(latest-m.term, 2))
	}
	code <<= 2
	if w.lags(m) {
		code |= 1
		if w.unhelped(m, lead) {
			code |= 2
		}
	}
	code <<= 1
	if m.paused {
		code |= 1
	}
	return code
}

func (r Role) code() uint16 {
	switch r {
	case Down:
		return 1
	case Leader:
		return 2
	case Deposed:
		return 3
	case Joining:
		return 4
	case Candidate:
		return 5
	case Voter:
		return 6
	case Lagging:
		return 7
	case Follower:
		return 8
	}
	return 0
}

// hash returns a number of 48 bits that is the same however members are named: that of
// all members' codes and, three links far, of whom they are cut off from. States that
// this does not tell apart, such as two rings and one of the same members, count as one.
func (s shape) hash(parted bool) uint64 {
	colors := make([]uint64, len(s.members), 2*len(s.members))
	next := colors[len(s.members):cap(colors)]
	for i, c := range s.members {
		colors[i] = mix(uint64(c) + 1)
	}
	for range 3 {
		if !parted {
			break
		}
		for i := range colors {
			var from, to uint64
			for j := range colors {
				if s.cut[i]>>j&1 == 1 {
					from += mix(colors[j] ^ 0x5bd1e995)
				}
				if s.cut[j]>>i&1 == 1 {
					to += mix(colors[j] ^ 0xc2b2ae35)
				}
			}
			next[i] = mix(colors[i] ^ mix(from) ^ bits.RotateLeft64(mix(to), 21))
		}
		copy(colors, next)
	}
	var sum uint64
	for _, c := range colors {
		sum += mix(c)
	}
	return mix(sum^uint64(len(colors))) >> 16
}

// mix is the finalizer of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
