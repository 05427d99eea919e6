package mutants

import (
	"bytes"
	"math/rand/v2"
)

// lines are a text, line by line, each with its end.
type lines [][]byte

func split(text []byte) lines { return bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n")) }

func (l lines) join() []byte { return append(bytes.TrimRight(bytes.Join(ended(l), nil), "\n"), '\n') }

func ended(l lines) lines {
	out := make(lines, len(l))
	for i, line := range l {
		out[i] = append(bytes.TrimRight(line, "\n"), '\n')
	}
	return out
}

// pick returns one of the places where ok is true, -1 if there is none.
func (l lines) pick(r *rand.Rand, ok func(i int) bool) int {
	var places []int
	for i := range l {
		if ok(i) {
			places = append(places, i)
		}
	}
	if len(places) == 0 {
		return -1
	}
	return places[r.IntN(len(places))]
}

func (l lines) without(i int) lines { return append(l[:i:i], l[i+1:]...) }

func (l lines) twice(i int) lines {
	return append(append(l[:i+1:i+1], l[i]), l[i+1:]...)
}

// moved puts line i where line to is.
func (l lines) moved(i, to int) lines {
	line := l[i]
	rest := l.without(i)
	return append(append(rest[:to:to], line), rest[to:]...)
}

// anywhere are mutators for texts of any kind.
func anywhere() []mutator {
	on := func(do func(r *rand.Rand, l lines) lines) func(*rand.Rand, []byte) []byte {
		return func(r *rand.Rand, text []byte) []byte { return do(r, split(text)).join() }
	}
	return []mutator{
		{"a line moved", unsaid, on(func(r *rand.Rand, l lines) lines { return l.moved(r.IntN(len(l)), r.IntN(len(l))) })},
		{"two lines swapped", unsaid, on(func(r *rand.Rand, l lines) lines {
			i, j := r.IntN(len(l)), r.IntN(len(l))
			l[i], l[j] = l[j], l[i]
			return l
		})},
		{"a line twice", unsaid, on(func(r *rand.Rand, l lines) lines { return l.twice(r.IntN(len(l))) })},
		{"a line removed", unsaid, on(func(r *rand.Rand, l lines) lines { return l.without(r.IntN(len(l))) })},
		{"cut short", unsaid, func(r *rand.Rand, text []byte) []byte { return text[:r.IntN(len(text))] }},
		{"a byte changed", unsaid, func(r *rand.Rand, text []byte) []byte {
			text[r.IntN(len(text))] = byte(r.Uint32())
			return text
		}},
		{"some bytes removed", unsaid, func(r *rand.Rand, text []byte) []byte {
			i := r.IntN(len(text))
			j := min(len(text), i+1+r.IntN(20))
			return append(text[:i:i], text[j:]...)
		}},
		{"some bytes twice", unsaid, func(r *rand.Rand, text []byte) []byte {
			i := r.IntN(len(text))
			j := min(len(text), i+1+r.IntN(20))
			return append(append(text[:j:j], text[i:j]...), text[j:]...)
		}},
	}
}
