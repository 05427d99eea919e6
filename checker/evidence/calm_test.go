package evidence

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What calm tells of stalls in any order, one within another too, is what going through
// the time step by step tells.
func TestCalmIsWhatStepsTell(t *testing.T) {
	t.Parallel()
	const election, steps = grain, 200 // a step is a grain
	rapid.Check(t, func(t *rapid.T) {
		var c calm
		stalled, refused := make([]bool, steps), make([]bool, steps)
		ends := rapid.SliceOfN(rapid.IntRange(1, steps), 0, 6).Draw(t, "ends")
		slices.Sort(ends)
		for _, end := range ends {
			took := rapid.IntRange(1, 60).Draw(t, "took")
			c.stall(time.Duration(end)*grain, time.Duration(took)*grain, election)
			for i := max(0, end-took); i < min(steps, end+4); i++ {
				stalled[i] = true
			}
		}
		tries := rapid.SliceOfN(rapid.IntRange(0, steps-1), 0, 20).Draw(t, "tries")
		slices.Sort(tries)
		for _, at := range tries { // in the middle of a step
			c.failed(time.Duration(at)*grain + grain/2)
			refused[at] = true
		}
		var all, longest, piece, asked time.Duration
		for i := range steps {
			if stalled[i] {
				piece = 0
				continue
			}
			if refused[i] {
				asked = max(asked, piece+grain/2)
			}
			piece += grain
			all += grain
			longest = max(longest, piece)
		}
		require.Equal(t, all, c.all(0, steps*grain))
		require.Equal(t, longest, c.longest(0, steps*grain))
		require.Equal(t, asked, c.refused(0, steps*grain))
		require.Equal(t, slices.Contains(stalled, true), c.stalled(0, steps*grain))
	})
}
