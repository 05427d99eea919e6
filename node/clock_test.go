package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const tickLength = 5 * time.Millisecond

// A member that was stopped for long is told of no burst of ticks: it would stand
// for election before it has read what its leader sent.
func TestTicksDoNotPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks := realClock{}.Ticks(tickLength)
		defer ticks.Stop()
		for _, n := range []int{1, 1, 12} {
			ticks.Rest(n)
			<-ticks.Due()
			require.Equal(t, n-1, ticks.Passed(true))
		}
		ticks.Rest(12)
		time.Sleep(time.Second)
		<-ticks.Due()
		require.Zero(t, ticks.Passed(true), "it is not known when it was stopped")
		ticks.Rest(1)
		before := time.Now()
		<-ticks.Due()
		require.Equal(t, tickLength, time.Since(before), "a second tick was waiting")
	})
}

// Whoever comes a little late has rested as long as it meant to, and no longer.
func TestTicksThatAreLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks := realClock{}.Ticks(tickLength)
		defer ticks.Stop()
		ticks.Rest(10)
		time.Sleep(13 * tickLength)
		<-ticks.Due()
		require.Equal(t, 9, ticks.Passed(true))
		require.Zero(t, ticks.Passed(false))
	})
}

// What comes between two ticks finds those told of that have passed, and moves none.
func TestTicksOfWhoIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		ticks := realClock{}.Ticks(tickLength)
		defer ticks.Stop()
		told := 0
		for i, wait := range []time.Duration{1, 4, 7, 12, 2, 3, 19, 1, 5} {
			ticks.Rest(12)
			time.Sleep(wait * time.Millisecond)
			told += ticks.Passed(false)
			require.Equal(t, int(time.Since(begun)/tickLength), told, "wait %d", i)
		}
		ticks.Rest(2)
		<-ticks.Due()
		told += ticks.Passed(true) + 1
		require.Equal(t, time.Duration(told)*tickLength, time.Since(begun))

		ticks.Rest(3)
		time.Sleep(4 * tickLength) // and it is woken before it looks at the clock
		require.Equal(t, 2, ticks.Passed(false))
		ticks.Rest(1)
		<-ticks.Due()
		require.Zero(t, ticks.Passed(true))
	})
}
