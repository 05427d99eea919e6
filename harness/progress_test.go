package harness

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
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
	p.update(engine.Progress{At: 30 * time.Second, Phase: engine.PhasePrepare, Doing: "a.yaml:9: n1 answered http status 403"})
	require.Equal(t, "30s: prepare: a.yaml:9: n1 answered http status 403", said[2])
}

// A test that its own binary runs is run again by that, with its kinds of flags.
func TestCommandsOfABinary(t *testing.T) {
	dir, err := results.Create(t.TempDir(), "", time.Now())
	require.NoError(t, err)
	require.Contains(t, commands("TestA/b", dir, flagShrink), "smaller: go test github.com/usurper/usurper/harness -run '^TestA$/^b$' -count 1 -v -chaos.shrink="+dir.String())
	require.NoError(t, flag.Set("test.paniconexit0", "false"))
	t.Cleanup(func() { flag.Set("test.paniconexit0", "true") })
	self, err := os.Executable()
	require.NoError(t, err)
	require.Contains(t, commands("TestA/b", dir, flagShrink), "smaller: "+self+" -test.run '^TestA$/^b$' -test.count 1 -test.v -chaos.shrink="+dir.String())
}
