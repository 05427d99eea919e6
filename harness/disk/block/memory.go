package block

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// memory returns zeros that take no memory until they are written to. They are no part of
// the heap, whose size says when there is garbage to collect.
func memory(size int64) ([]byte, error) {
	m, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of address space for a disk: %w", size, err)
	}
	return m, nil
}

// forget makes whole pages zeros again and gives their memory back.
func forget(m []byte) {
	if runtime.GOOS != "linux" || unix.Madvise(m, unix.MADV_DONTNEED) != nil {
		clear(m)
	}
}

// bitmap is a set of small numbers.
type bitmap []uint64

func newBitmap(n int64) bitmap    { return make(bitmap, (n+63)/64) }
func (b bitmap) has(i int64) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitmap) add(i int64)      { b[i/64] |= 1 << (i % 64) }
func (b bitmap) remove(i int64)   { b[i/64] &^= 1 << (i % 64) }
