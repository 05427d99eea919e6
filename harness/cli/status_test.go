package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness"
)

func progress(at time.Duration, phase string) harness.Progress {
	return harness.Progress{
		At: at, Phase: phase, Term: 3, Leader: "n2", PerSec: 41.6, Done: 1, Steps: 4,
		Faults: []string{"kill n1", "pause n3"},
	}
}

// Where there is no terminal, a line comes at every change of phase and every few
// seconds.
func TestPlainStatus(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newStatus(&out)
	s.update(harness.Progress{At: 200 * time.Millisecond})
	for at := time.Second; at <= 12*time.Second; at += 200 * time.Millisecond {
		s.update(progress(at, "faults"))
	}
	s.update(progress(13*time.Second, "healed"))
	s.done()
	require.Equal(t, `  0.2s  start   no leader yet     0 ok/s
  1.0s  faults  term 3, leader n2    42 ok/s  step 1/4  kill n1; pause n3
  6.0s  faults  term 3, leader n2    42 ok/s  step 1/4  kill n1; pause n3
 11.0s  faults  term 3, leader n2    42 ok/s  step 1/4  kill n1; pause n3
 13.0s  healed  term 3, leader n2    42 ok/s  step 1/4  kill n1; pause n3
`, out.String())
}

// On a terminal one line is rewritten, never longer than the terminal is wide,
// and gone before anything else is printed.
func TestTerminalStatus(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newStatus(&out)
	s.width = 30
	s.update(progress(time.Second, "faults"))
	s.line("seed %d: valid", 7)
	s.done()
	const rewrite = "\r\x1b[K"
	shown, after, _ := strings.Cut(strings.TrimPrefix(out.String(), rewrite), rewrite)
	require.Equal(t, "  1.0s  faults  term 3, leade", shown)
	require.Equal(t, "seed 7: valid\n", after)
}
