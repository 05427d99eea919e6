package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
)

// A line every ten seconds, however often the run tells how it stands.
func TestTelling(t *testing.T) {
	var said []string
	p := &telling{say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }}
	for at := time.Duration(0); at <= 25*time.Second; at += 200 * time.Millisecond {
		p.update(engine.Progress{At: at, Phase: "faults", OK: 17, PerSec: 3, Steps: 4, Done: 1, Faults: []string{"kill n1"}})
	}
	require.Equal(t, []string{
		"10s: faults, 17 operations succeeded, 3 a second, 1 of 4 steps done: kill n1",
		"20s: faults, 17 operations succeeded, 3 a second, 1 of 4 steps done: kill n1",
	}, said)
}
