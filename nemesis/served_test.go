package nemesis_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

// haunted is a system in which somebody serves in the place of a member.
type haunted struct {
	*fake
	member string
	since  time.Duration
}

func (h haunted) Serves(_ context.Context, node string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if node != h.member || h.state[node] == "" || time.Since(h.start) < h.since {
		return ""
	}
	return node + " is " + h.state[node] + ", and yet somebody serves"
}

func (h haunted) Runs(node string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.state[node] != "down"
}

func (h haunted) Ended(node string) string {
	if h.Runs(node) || node != "n3" {
		return ""
	}
	return "it ended by itself (exit status 3), 0.500s into the run"
}

// Who ended by himself is said to, in the reason why nobody kills him; whom a fault took down
// is not.
func TestWhoEndedByItselfIsTold(t *testing.T) {
	p := play(t, "at 1s for 1s kill n3\nat 2s for 5s kill n1\nat 3s for 1s kill n1", func(f *fake, o *nemesis.Options) func(func()) {
		f.state["n3"] = "down"
		o.System = haunted{f, "", 0}
		return func(func()) { time.Sleep(10 * time.Second); require.NoError(t, f.Start(t.Context(), "n3")) }
	})
	require.Contains(t, p.lines(), "1 skipped: n3 is already down (n3: it ended by itself (exit status 3), 0.500s into the run)")
	require.Contains(t, p.lines(), "3 skipped: n1 is already down")
}

// What was hit must not serve: a fault of which one member does is not taken for
// one that bit.
func TestWhoWasHitServes(t *testing.T) {
	tests := []struct {
		plan  string
		since time.Duration
		want  string
	}{
		{plan: "at 1s for 1s kill n1", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s for 1s kill n1", since: 2 * time.Second, want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s for 1s kill n1", since: 3 * time.Second, want: "bit=true"},
		{plan: "at 1s for 1s kill n1 n2", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s for 1s kill n2", want: "bit=true"},
		{plan: "at 1s for 1s pause n1", want: "bit=false: n1 is paused, and yet somebody serves"},
		{plan: "at 1s for 1s pause n1", since: 2 * time.Second, want: "bit=false: n1 is paused, and yet somebody serves"},
		{plan: "at 1s for 1s pause n2", want: "bit=true"},
		{plan: "at 1s restart n1", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s for 1s restart-storm n1 every 300ms", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s rolling-restart every 300ms", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s replace n1", want: "bit=false: n1 is down, and yet somebody serves"},
		{plan: "at 1s for 1s remove n1", want: "bit=false: n1 is down, and yet somebody serves"},
	}
	for _, tt := range tests {
		t.Run(tt.plan, func(t *testing.T) {
			p := play(t, tt.plan, func(f *fake, o *nemesis.Options) func(func()) {
				o.System = haunted{f, "n1", tt.since}
				return nil
			})
			require.NoError(t, p.err)
			require.Equal(t, []string{"1 heal " + tt.want}, p.lines()[1:])
		})
	}
}
