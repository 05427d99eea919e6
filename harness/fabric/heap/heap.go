// Package heap is a priority queue whose items know their place in it, so that
// any of them can be moved or taken out.
package heap

import "container/heap"

// Item is what a Heap holds.
type Item[T any] interface {
	comparable
	// Before tells whether the item comes before another one. When the answer has
	// changed, the heap has to be told (Put, Order).
	Before(other T) bool
	// Place is where the heap notes the item's place. It means nothing to others.
	Place() *int
}

// Heap is items of which the first comes before all others, the rest in no order
// that means anything. The zero value is an empty one. An item is in one heap at
// most.
type Heap[T Item[T]] []T

// Put adds an item, or moves the one that is there to where it now belongs.
func (h *Heap[T]) Put(x T) {
	if h.has(x) {
		heap.Fix((*order[T])(h), *x.Place())
	} else {
		heap.Push((*order[T])(h), x)
	}
}

// Take takes an item out, if it is there.
func (h *Heap[T]) Take(x T) {
	if h.has(x) {
		heap.Remove((*order[T])(h), *x.Place())
	}
}

// Order makes a heap of items that were appended to it or have changed.
func (h *Heap[T]) Order() {
	for i, x := range *h {
		*x.Place() = i
	}
	heap.Init((*order[T])(h))
}

func (h *Heap[T]) has(x T) bool {
	i := *x.Place()
	return i < len(*h) && (*h)[i] == x
}

// order implements heap.Interface.
type order[T Item[T]] []T

func (o order[T]) Len() int           { return len(o) }
func (o order[T]) Less(i, j int) bool { return o[i].Before(o[j]) }
func (o order[T]) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	*o[i].Place(), *o[j].Place() = i, j
}

func (o *order[T]) Push(x any) {
	item := x.(T)
	*item.Place() = len(*o)
	*o = append(*o, item)
}

func (o *order[T]) Pop() any {
	last := len(*o) - 1
	x := (*o)[last]
	clear((*o)[last:])
	*o = (*o)[:last]
	return x
}
