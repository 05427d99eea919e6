package largepages

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// maxLarge bounds the heap that is asked for large pages.
const maxLarge = 1 << 30

// Ask lets the heap grow into large pages, as far as a check of the file may
// need. What checkers keep is written once, and where the kernel gives large pages to
// none but those who ask (the default of many), the faults of small ones take a fifth
// of the time of a check. It changes nothing else: memory that is not used stays
// untouched, and where there are no large pages the heap has small ones.
func Ask(file string) {
	info, err := os.Stat(file)
	if err != nil || info.Size() < 8<<20 {
		return
	}
	heap := make([]byte, min(info.Size(), maxLarge))
	_ = unix.Madvise(heap, unix.MADV_HUGEPAGE) // its addresses keep the advice
	runtime.GC()                               // and are free again
}
