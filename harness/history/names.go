package history

import (
	"math/bits"
	"strings"
)

// names keeps one copy of each of the strings that were read last, for most come
// back: members, keys, values. The copies are made in blocks, one allocation for
// many of them; what is kept of a block keeps all of it.
type names struct {
	kept  [1024]kept
	block strings.Builder
}

// kept is a string, and what tells it from most others: all of its bytes, if they
// are fewer than eight, else a number that is larger than any of these.
type kept struct {
	key  uint64
	text string
}

const (
	blockSize = 4 << 10
	// scatter moves what tells words apart to their highest bits: 2^64 divided by
	// the golden ratio.
	scatter = 0x9e3779b97f4a7c15
)

// text takes a string of ASCII without escapes.
func (n *names) text(b []byte, i int) (string, int) {
	if b[i] != '"' {
		return "", nowhere(b)
	}
	i++
	w := word(b, i)
	stop := stops(w)
	if stop == 0 {
		return n.long(b, i, w)
	}
	size := uint(bits.TrailingZeros64(stop)) / 8
	end := i + int(size)
	if b[end] != '"' {
		return "", nowhere(b)
	}
	key := w & (1<<(8*size&63) - 1)
	k := &n.kept[key*scatter>>54]
	if k.key != key {
		k.key, k.text = key, n.copy(b[i:end])
	}
	return k.text, end + 1
}

// long takes the rest of a string that is longer than seven bytes, the first
// being those of w.
func (n *names) long(b []byte, i int, w uint64) (string, int) {
	end := i + 8
	for {
		stop := stops(word(b, end))
		if stop != 0 {
			end += bits.TrailingZeros64(stop) / 8
			break
		}
		end += 8
	}
	if b[end] != '"' {
		return "", nowhere(b)
	}
	key := bits.RotateLeft64(w*scatter, 32) + word(b, end-8)*scatter + uint64(end-i) | 1<<63
	k := &n.kept[key*scatter>>54]
	if k.key != key || k.text != string(b[i:end]) {
		k.key, k.text = key, n.copy(b[i:end])
	}
	return k.text, end + 1
}

// copy returns a string of the bytes.
func (n *names) copy(b []byte) string {
	if len(b) > blockSize/16 {
		return string(b)
	}
	if n.block.Cap()-n.block.Len() < len(b) {
		n.block.Reset()
		n.block.Grow(blockSize)
	}
	from := n.block.Len()
	n.block.Write(b)
	return n.block.String()[from:]
}
