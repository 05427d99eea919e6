package register

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// values numbers strings, from 0 on in the order of their first use; the empty
// string is number 0. It holds no pointers to them, so that a million cost the
// garbage collector nothing, and no string that it was given is kept alive.
type values struct {
	// table is open addressing with linear probing: a string is in the first free
	// slot from where its hash points to. Its size is a power of two.
	table []valueSlot
	ends  []int // where in text the value ends that the next begins after
	text  []byte
}

// valueSlot is one place of the table, free if it is zero. The part of the hash settles
// nearly every comparison without a look at the text, and is enough to find a
// place in a larger table.
type valueSlot struct {
	hash uint32
	next uint32 // the string's number plus one
}

func newValues() *values {
	v := &values{table: make([]valueSlot, 16)}
	v.id("")
	return v
}

// len returns how many numbers there are.
func (v *values) len() int { return len(v.ends) }

// get returns the string of a number.
func (v *values) get(id uint32) string { return string(v.bytes(id)) }

func (v *values) bytes(id uint32) []byte {
	from := 0
	if id > 0 {
		from = v.ends[id-1]
	}
	return v.text[from:v.ends[id]]
}

// id returns the number of a string.
func (v *values) id(s string) uint32 {
	if s == "" && len(v.ends) > 0 {
		return 0
	}
	hash := uint32(xxhash.Sum64String(s))
	mask := uint32(len(v.table) - 1)
	at := hash & mask
	for ; v.table[at].next != 0; at = (at + 1) & mask {
		if e := v.table[at]; e.hash == hash && string(v.bytes(e.next-1)) == s {
			return e.next - 1
		}
	}
	id := uint32(len(v.ends))
	v.table[at] = valueSlot{hash, id + 1}
	v.text = append(spare(v.text, len(s)), s...)
	v.ends = append(spare(v.ends, 1), len(v.text))
	if 4*len(v.ends) > 3*len(v.table) {
		v.grow()
	}
	return id
}

// grow doubles the table.
func (v *values) grow() {
	table := make([]valueSlot, 2*len(v.table))
	mask := uint32(len(table) - 1)
	for _, e := range v.table {
		if e.next == 0 {
			continue
		}
		at := e.hash & mask
		for table[at].next != 0 {
			at = (at + 1) & mask
		}
		table[at] = e
	}
	v.table = table
}

// spare makes room for more by doubling: append adds a quarter to what is long, and
// copies it that much more often.
func spare[T any](s []T, more int) []T {
	if cap(s)-len(s) < more {
		s = slices.Grow(s, max(len(s), more, 16))
	}
	return s
}
