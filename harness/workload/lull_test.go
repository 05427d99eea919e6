package workload

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Lull
		l.begin()
		l.begin()
		start := time.Now()
		go func() {
			time.Sleep(10 * time.Millisecond)
			l.end()
			time.Sleep(10 * time.Millisecond)
			l.end()
		}()
		left, resume := l.Hold(time.Second)
		require.Zero(t, left)
		require.Equal(t, 20*time.Millisecond, time.Since(start), "as soon as all is answered")

		begun := make(chan struct{})
		go func() {
			l.begin()
			close(begun)
		}()
		other, again := l.Hold(time.Second)
		require.Zero(t, other)
		resume()
		resume()
		synctest.Wait()
		select {
		case <-begun:
			t.Fatal("it began while somebody held it back")
		default:
		}
		again()
		<-begun
		left, resume = l.Hold(100 * time.Millisecond)
		require.Equal(t, 1, left, "what has no answer in time is left")
		require.Equal(t, 120*time.Millisecond, time.Since(start))
		l.end()
		resume()
		l.begin()
		l.end()

		var none *Lull
		none.begin()
		none.end()
	})
}
