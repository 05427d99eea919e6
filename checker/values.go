package checker

import "github.com/cespare/xxhash/v2"

// values numbers strings, from 0 on in the order of their first use; the empty
// string is number 0. It holds no pointers to them, so that a million cost the
// garbage collector nothing, and no string that it was given is kept alive.
type values struct {
	ids    map[uint64]uint32 // by hash; a string whose place is taken is at a later one
	ends   []int             // where in text the value ends that the next begins after
	text   []byte
	recent [8]uint32 // numbers last asked for: most reads find a value just written
	at     int
}

func newValues() *values {
	v := &values{ids: make(map[uint64]uint32)}
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
	for _, id := range v.recent {
		if int(id) < len(v.ends) && string(v.bytes(id)) == s {
			return id
		}
	}
	h := xxhash.Sum64String(s)
	id, ok := v.ids[h]
	for ; ok && string(v.bytes(id)) != s; id, ok = v.ids[h] {
		h++
	}
	if !ok {
		id = uint32(len(v.ends))
		v.ids[h] = id
		v.text = append(v.text, s...)
		v.ends = append(v.ends, len(v.text))
	}
	v.recent[v.at] = id
	v.at = (v.at + 1) % len(v.recent)
	return id
}
