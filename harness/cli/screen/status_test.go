package screen

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/text"
)

func progress(at time.Duration, phase string) engine.Progress {
	return engine.Progress{
		At: at, Phase: phase, PerSec: 41.6, Done: 1, Steps: 4,
		Leader: history.Leadership{Node: "n2", Term: 3, By: history.BySelf},
		Faults: []string{"pause n3", "delay append 80ms n2 > *"},
		Members: []engine.MemberProgress{
			{Name: "n1", Down: true},
			{Name: "n2", Role: "leader", Term: 3, Cut: []string{"clients", "n1"}},
			{Name: "n3", Role: "follower", Term: 3, Paused: true},
			{Name: "n4", Role: "follower", Term: 3, Cut: []string{"n1", "n2", "n3"}},
		},
	}
}

// Where there is no terminal, a line comes at every change of phase and every few
// seconds.
func TestPlainStatus(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := NewStatus(&out)
	s.Update(engine.Progress{At: 200 * time.Millisecond})
	for at := time.Second; at <= 12*time.Second; at += 200 * time.Millisecond {
		s.Update(progress(at, "faults"))
	}
	s.Update(engine.Progress{At: 13 * time.Second, Phase: "healed", Untold: true})
	s.Done()
	require.Equal(t, `  0.2s  start   no leader yet  0 ok/s
  1.0s  faults  1/4  pause n3; delay append 80ms n2 > *  leader n2 of term 3 (said by itself)  42 ok/s
  6.0s  faults  1/4  pause n3; delay append 80ms n2 > *  leader n2 of term 3 (said by itself)  42 ok/s
 11.0s  faults  1/4  pause n3; delay append 80ms n2 > *  leader n2 of term 3 (said by itself)  42 ok/s
 13.0s  healed  0 ok/s
`, out.String())
}

// What does not fit is left out from the least important on; the latest fault stays
// whole as long as it can.
func TestFitProgress(t *testing.T) {
	t.Parallel()
	p := progress(time.Second, "faults")
	for width, want := range map[int]string{
		120: "  1.0s  faults  1/4  pause n3; delay append 80ms n2 > *  leader n2 of term 3 (said by itself)  42 ok/s",
		90:  "  1.0s  faults  1/4  pause n3 +1  leader n2 of term 3 (said by itself)  42 ok/s",
		60:  "  1.0s  faults  pause n3 +1  leader n2 of term 3  42 ok/s",
		50:  "  1.0s  faults  pause n3 +1  leader n2 of term 3",
		30:  "  1.0s  faults  pause n3 +1",
		20:  "1.0s  faults  pause…",
	} {
		require.Equal(t, want, fitProgress(p, width))
	}
	require.Equal(t, "  1.0s  prepare  a.yaml:9: n1 answered…", fitProgress(engine.Progress{At: time.Second, Phase: engine.PhasePrepare, Doing: "a.yaml:9: n1 answered http status 403"}, 39))
	p.Faults = []string{"failpoint \x1b[31mé界 panic"}
	for width := 1; width < 120; width++ {
		line := fitProgress(p, width)
		require.LessOrEqual(t, text.Columns(line), width, line)
		require.NotContains(t, line, "\x1b")
	}
}

func TestMembersOf(t *testing.T) {
	t.Parallel()
	p := progress(time.Second, "faults")
	require.Equal(t, []string{
		"  n1 down                        n2 leader 3 cut: clients n1",
		"  n3 paused follower 3           n4 follower 3 cut off",
	}, membersOf(p.Members, 79))
	for width := 10; width < 120; width++ {
		for _, line := range membersOf(p.Members, width) {
			require.LessOrEqual(t, text.Columns(line), width, line)
		}
	}
}

// On a terminal lines are rewritten, never longer than the terminal is wide just
// then, and gone before anything else is printed.
func TestTerminalStatus(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := NewStatus(&out)
	width, height := 30, 5
	s.Size = func() (int, int) { return width, height }
	said := func(do func()) string {
		out.Reset()
		do()
		return out.String()
	}
	low := func() { s.Update(progress(time.Second, "faults")) }
	require.Equal(t, "  1.0s  faults  pause n3 +1", said(low))
	require.Equal(t, "\r\x1b[J  1.0s  faults  pause n3 +1", said(low))
	width, height = 80, 24
	require.Equal(t, 2, strings.Count(said(low), "\n"), "room for the members")
	require.True(t, strings.HasPrefix(said(low), "\r\x1b[2A\x1b[J"))
	width = 40 // the terminal has broken the lines of before
	require.True(t, strings.HasPrefix(said(low), "\r\x1b[5A\x1b[J"), out.String())
	require.Regexp(t, `^\r\x1b\[\dA\x1b\[Jseed 7: valid\n$`, said(func() { s.Line("seed %d: valid", 7) }))
	require.Empty(t, said(s.Done))
}

// What takes time is said with the seconds that it has taken so far.
func TestBusy(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := NewStatus(&out)
	s.Size = func() (int, int) { return 80, 24 }
	say, done := s.Busy()
	say("building etcd")
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.Contains(out.String(), "s  building etcd")
	}, 30*time.Second, 10*time.Millisecond)
	done()
	done()
	s.Line("ready")
	require.True(t, strings.HasPrefix(out.String(), "building etcd\n"))
	require.Regexp(t, `    [1-9]\d*s  building etcd\r\x1b\[Jready\n$`, out.String())
}
