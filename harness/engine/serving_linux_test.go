package engine_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// A member's server is hit wherever its starter has put it.
func TestServerOfAnotherSession(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"waited for": `setsid "$0" "$@" & wait`,
		"daemon":     `setsid "$0" "$@" & exit 0`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := steady(t, configFor(t))
			cfg.Target = wrapped{Target: cfg.Target, command: func(m target.Member, c target.Command) target.Command {
				c.Args = append([]string{"-c", script, c.Path}, c.Args...)
				c.Path = "sh"
				return c
			}}
			var err error
			cfg.For = 1500 * time.Millisecond
			cfg.Plan, err = plan("at 100ms for 400ms pause n1\nat 600ms for 200ms kill n2\nat 1s for 200ms kill all")
			require.NoError(t, err)
			for _, end := range healed(validEvents(t, cfg)) {
				require.True(t, end.Bit)
			}
			requireNoneLeft(t, cfg.Results)
		})
	}
}

// Who accepts where a killed member did makes the run unknown, and says who it is;
// that the member cannot come up is not its fault.
func TestSomebodyServesForTheKilled(t *testing.T) {
	t.Parallel()
	cfg := steady(t, configFor(t))
	cfg.Settle = 12 * time.Second
	addr := make(chan string, 10)
	cfg.Target = wrapped{Target: cfg.Target, command: func(m target.Member, c target.Command) target.Command {
		if m.Name == "n2" {
			addr <- m.PeerAddr
		}
		return c
	}}
	var taking sync.WaitGroup
	defer taking.Wait()
	taking.Go(func() {
		at := <-addr
		awaited := false // the member itself
		for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if conn, err := net.Dial("tcp", at); err == nil {
				awaited = true
				conn.Close()
			} else if !awaited {
				continue
			} else if l, err := net.Listen("tcp", at); err == nil {
				t.Cleanup(func() { l.Close() })
				return
			}
		}
	})
	var err error
	cfg.For = 3500 * time.Millisecond
	cfg.Plan, err = plan("at 100ms for 3s kill n2") // long enough to take its place on a busy machine
	require.NoError(t, err)
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, result.Report.Verdict, result.Report.String())
	require.Contains(t, result.Report.String(), "n2 was ended, and yet somebody accepts at its private address")
	end := healed(read(t, result.Dir))[1]
	require.False(t, end.Bit)
	require.Len(t, result.Left, 1, "as long as the test holds it")
	require.EqualValues(t, 1, end.Evidence["still-served"])
	require.Equal(t, history.FaultHeal, end.What)
}
