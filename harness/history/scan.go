package history

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The functions of this file take one token of JSON each, where it stands in b,
// and return the place behind it. They take eight bytes at a time, so the last
// eight bytes of b must be zeros: no token has one. A token that they do not take
// leads there, where nothing else is taken either, so whoever takes many looks
// once, at the end.

func nowhere(b []byte) int { return len(b) - 8 }

// word is the eight bytes at b[i]. (That the slice cannot be empty spares the
// processor some work.)
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : i+8]) }

// every is a word of eight times the same byte.
func every(c byte) uint64 { return uint64(c) * 0x0101010101010101 }

// tops are the highest bits of the bytes of a word.
const tops = 0x8080808080808080

// zero marks, in the highest bit of each byte, the bytes of w that are zero. Above
// the lowest one that is, it may mark others.
func zero(w uint64) uint64 { return (w - 0x0101010101010101) & ^w & tops }

// literal takes s.
func literal(b []byte, i int, s string) int {
	if end := i + len(s); end <= len(b) && string(b[i:end:end]) == s {
		return end
	}
	return nowhere(b)
}

// digits counts the digits that w begins with.
func digits(w uint64) int {
	w ^= every('0')
	return bits.TrailingZeros64((w+every(128-10)|w)&tops) >> 3
}

// number is the value of the first digits of w, up to eight.
func number(w uint64, digits int) uint64 {
	half := uint(32-4*digits) & 63
	w = (w ^ every('0')) << half << half // zeros lead, nothing follows
	w = w*10 + w>>8
	const pair = 0x000000ff000000ff
	return (w&pair*(100+1000000<<32) + w>>16&pair*(1+10000<<32)) >> 32
}

// unsigned takes a number as JSON has it: no sign, no leading zero, no fraction.
func unsigned(b []byte, i int) (uint64, int) {
	w := word(b, i)
	if one, two := w&0xff-'0', w>>8&0xff-'0'; one <= 9 && two > 9 {
		return one, i + 1 // there are very many
	}
	count := digits(w)
	if count == 0 || count > 1 && b[i] == '0' {
		return 0, nowhere(b)
	}
	if count < 8 {
		return number(w, count), i + count
	}
	count = digits(word(b, i+8))
	n := number(w, count)*100_000_000 + number(word(b, i+count), 8)
	if count < 8 {
		return n, i + 8 + count
	}
	for i += 16; ; i++ {
		d := uint64(b[i] - '0')
		if d > 9 {
			return n, i
		}
		over, m := bits.Mul64(n, 10)
		m, carry := bits.Add64(m, d, 0)
		if over+carry > 0 {
			return 0, nowhere(b)
		}
		n = m
	}
}

// signed takes a number that may have a sign. The smallest of all it does not
// take.
func signed(b []byte, i int) (int64, int) {
	if b[i] != '-' {
		n, i := unsigned(b, i)
		if n > math.MaxInt64 {
			return 0, nowhere(b)
		}
		return int64(n), i
	}
	n, i := unsigned(b, i+1)
	if n > math.MaxInt64 {
		return 0, nowhere(b)
	}
	return -int64(n), i
}

func boolean(b []byte, i int) (bool, int) {
	if b[i] == 't' {
		return true, literal(b, i, "true")
	}
	return false, literal(b, i, "false")
}

func position(b []byte, i int) (at Pos, _ int) {
	i = literal(b, i, `{"term":`)
	at.Term, i = unsigned(b, i)
	i = literal(b, i, `,"index":`)
	at.Index, i = unsigned(b, i)
	return at, literal(b, i, `}`)
}

// stops marks the lowest byte of w, in its highest bit, that is not one of a plain
// string, ASCII without escapes. Above that, it may mark others.
func stops(w uint64) uint64 {
	control := (w - every(' ')) & ^w
	return (zero(w^every('"')) | zero(w^every('\\')) | control | w) & tops
}
