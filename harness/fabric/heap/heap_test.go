package heap

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

type number struct{ value, place int }

func (n *number) Before(o *number) bool { return n.value < o.value }
func (n *number) Place() *int           { return &n.place }

func byValue(a, b *number) int { return a.value - b.value }

// Whatever is put, moved, taken or ordered anew, the heap has the same items as
// a plain list of them, and the smallest first.
func TestHeapIsASortedList(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		var h Heap[*number]
		var list []*number
		for range 300 {
			switch {
			case len(list) == 0 || random.IntN(3) == 0:
				n := &number{value: random.IntN(40)}
				h.Put(n)
				list = append(list, n)
			case random.IntN(3) == 0:
				n := list[random.IntN(len(list))]
				n.value = random.IntN(40)
				h.Put(n)
			case random.IntN(2) == 0:
				i := random.IntN(len(list))
				h.Take(list[i])
				h.Take(list[i]) // no more there
				list = slices.Delete(list, i, i+1)
			default:
				for _, n := range list {
					n.value = random.IntN(40)
				}
				n := &number{value: random.IntN(40)}
				h, list = append(h, n), append(list, n)
				h.Order()
			}
			require.Len(t, h, len(list))
			if len(list) > 0 {
				require.Equal(t, slices.MinFunc(list, byValue).value, h[0].value)
			}
		}
		slices.SortFunc(list, byValue)
		for _, n := range list {
			first := h[0]
			require.Equal(t, n.value, first.value)
			require.Contains(t, list, first)
			h.Take(first)
		}
		require.Empty(t, h)
	}
}
