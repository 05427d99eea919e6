package reproduce

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

func step(t *testing.T, text string) nemesis.Step {
	s, err := nemesis.ParseStep(text)
	require.NoError(t, err)
	return s
}

// A step that repeats is moved as a whole, goes on for as long as the run where it is
// to strike again and again, and is not joined with another one.
func TestStepsThatRepeat(t *testing.T) {
	repeats := step(t, "at 5s every 2s±1s until 20s for 500ms kill several staggered")
	for delta, want := range map[time.Duration]string{
		-4 * time.Second: "at 1s every 2s±1s until 16s for 500ms kill several staggered",
		-time.Hour:       "at 0s every 2s±1s until 1ms for 500ms kill several staggered",
		time.Second:      "at 6s every 2s±1s until 21s for 500ms kill several staggered",
	} {
		moved := shift([]nemesis.Step{repeats}, delta)[0]
		require.Equal(t, want, moved.String())
		require.NoError(t, moved.Check(nemesis.Setting{}))
	}
	more := amplified(repeats, 150*time.Millisecond)
	require.Equal(t, "maybe at 0s every 2s±1s for 500ms kill several staggered", more.String())
	require.NoError(t, more.Check(nemesis.Setting{}))

	once := step(t, "at 6s for 500ms kill several staggered")
	_, joined := merge(repeats, once, time.Second)
	require.False(t, joined)
	_, joined = merge(once, once, time.Second)
	require.True(t, joined)
}
