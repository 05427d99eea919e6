package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A member that was stopped for long finds one tick waiting: a burst of them
// would make it stand for election before it has read what its leader sent.
func TestTicksDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks, stop := realClock{}.Ticks(5 * time.Millisecond)
		defer stop()
		for range 3 {
			<-ticks
		}
		time.Sleep(time.Second)
		<-ticks
		select {
		case <-ticks:
			require.Fail(t, "a second tick was waiting")
		default:
		}
	})
}
