package verdict

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// Values numbers strings, from 0 on in the order of their first use; the empty
// string is number 0. It holds no pointers to them, so that a million cost the
// garbage collector nothing, and no string that it was given is kept alive.
type Values struct {
	// table is open addressing with linear probing: the number of a string, plus one,
	// is in the first free slot from where its hash points to. Its size is a power of
	// two.
	table []uint32
	known Pages[value]
	text  [][]byte // in pieces, which never move
}

// value is a string. The part of its hash settles nearly every comparison without a
// look at the text, and is enough to find a place in a larger table.
type value struct {
	hash  uint32
	piece uint32 // of the text
	to    uint32 // where it ends there, behind the one before
}

// pieceSize is how much text is allotted at once.
const pieceSize = 64 << 10

// NewValues returns the numbers of the empty string alone.
func NewValues() *Values {
	v := &Values{table: make([]uint32, 16)}
	v.ID("")
	return v
}

// Len returns how many numbers there are.
func (v *Values) Len() int { return v.known.Len() }

// Get returns the string of a number.
func (v *Values) Get(id uint32) string { return string(v.bytes(id)) }

func (v *Values) bytes(id uint32) []byte {
	it, from := v.known.At(int(id)), uint32(0)
	if id > 0 {
		if before := v.known.At(int(id) - 1); before.piece == it.piece {
			from = before.to
		}
	}
	return v.text[it.piece][from:it.to]
}

// ID returns the number of a string.
func (v *Values) ID(s string) uint32 {
	if s == "" && v.known.Len() > 0 {
		return 0
	}
	hash := uint32(xxhash.Sum64String(s))
	mask := uint32(len(v.table) - 1)
	at := hash & mask
	for ; v.table[at] != 0; at = (at + 1) & mask {
		id := v.table[at] - 1
		if v.known.At(int(id)).hash == hash && string(v.bytes(id)) == s {
			return id
		}
	}
	id := uint32(v.known.Len())
	v.table[at] = id + 1
	it := v.known.Add()
	it.hash = hash
	v.keep(it, s)
	if 4*(int(id)+1) > 3*len(v.table) {
		v.grow()
	}
	return id
}

// keep copies a string.
func (v *Values) keep(it *value, s string) {
	last := len(v.text) - 1
	if last < 0 || cap(v.text[last])-len(v.text[last]) < len(s) {
		size := len(s)
		if last >= 0 { // few keys have much text
			size = max(size, min(2*cap(v.text[last]), pieceSize))
		}
		v.text, last = append(v.text, make([]byte, 0, size)), last+1
	}
	piece := v.text[last]
	it.piece, it.to = uint32(last), uint32(len(piece)+len(s))
	v.text[last] = append(piece, s...)
}

// grow doubles the table.
func (v *Values) grow() {
	table := make([]uint32, 2*len(v.table))
	mask := uint32(len(table) - 1)
	for id := range v.known.Len() {
		at := v.known.At(id).hash & mask
		for table[at] != 0 {
			at = (at + 1) & mask
		}
		table[at] = uint32(id) + 1
	}
	v.table = table
}

// Spare makes room for more by doubling: append adds a quarter to what is long, and
// copies it that much more often.
func Spare[T any](s []T, more int) []T {
	if cap(s)-len(s) < more {
		s = slices.Grow(s, max(len(s), more, 16))
	}
	return s
}
