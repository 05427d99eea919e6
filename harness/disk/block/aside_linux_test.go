package block

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// The first thread of a process never ends: what was open when something was called aside
// there would be for ever, a loop device that somebody waits for among it.
func TestAsideIsNotTheFirstThread(t *testing.T) {
	var wg sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) { // so many at once that it is asked, too
		wg.Go(func() {
			for range 20 {
				first := false
				assert.NoError(t, Aside(func() error {
					first = unix.Gettid() == unix.Getpid()
					return nil
				}))
				assert.False(t, first)
			}
		})
	}
	wg.Wait()
}
