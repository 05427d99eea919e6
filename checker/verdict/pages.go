package verdict

// Pages is a long list in pieces: it grows without a copy of what it has, and
// little of it is unused. The zero value is empty.
type Pages[T any] struct {
	list [][]T
}

const (
	pageBits = 12
	pageSize = 1 << pageBits
)

// Len returns how many there are.
func (p *Pages[T]) Len() int {
	if len(p.list) == 0 {
		return 0
	}
	last := len(p.list) - 1
	return last<<pageBits + len(p.list[last])
}

// At returns one, counted from 0. It stays where it is only once pageSize have
// been added.
func (p *Pages[T]) At(i int) *T { return &p.list[i>>pageBits][i&(pageSize-1)] }

// Add appends one and returns it, which is zero.
func (p *Pages[T]) Add() *T {
	last := len(p.list) - 1
	switch {
	case last < 0:
		p.list, last = [][]T{nil}, 0 // most lists are short
	case len(p.list[last]) == pageSize:
		p.list, last = append(p.list, make([]T, 0, pageSize)), last+1
	}
	var it T
	p.list[last] = append(p.list[last], it)
	return &p.list[last][len(p.list[last])-1]
}
