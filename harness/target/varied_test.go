package target_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

// What checkers are told of the timers holds for every member: none is shorter, no
// heartbeat rarer.
func TestDrawnTimersKeepWhatIsStated(t *testing.T) {
	const unit = time.Millisecond
	different := make(map[time.Duration]bool)
	for seed := range uint64(500) {
		for _, asked := range []struct{ election, heartbeat time.Duration }{
			{150 * unit, 30 * unit}, {8 * unit, 4 * unit}, {1000 * unit, 100 * unit}, {2 * unit, unit},
		} {
			election, beat := target.DrawTimers(target.Draws(seed, "n1"), asked.election, asked.heartbeat, unit)
			require.GreaterOrEqual(t, election, asked.election)
			require.LessOrEqual(t, election, asked.election*3/2)
			require.LessOrEqual(t, beat, asked.heartbeat)
			require.GreaterOrEqual(t, beat, asked.heartbeat/2)
			require.Zero(t, election%unit+beat%unit)
			different[election] = true
		}
	}
	require.Greater(t, len(different), 100)
	require.NotEqual(t, target.Draws(1, "n1").Uint64(), target.Draws(1, "n2").Uint64())
	require.Equal(t, target.Draws(1, "n1").Uint64(), target.Draws(1, "n1").Uint64())
}
