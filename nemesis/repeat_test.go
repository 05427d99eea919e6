package nemesis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// minute lets a plan without an end go on for a minute.
func minute(_ *fake, o *nemesis.Options) func(func()) {
	o.Until = time.Minute
	return nil
}

// A step that repeats fires again at drawn moments until its end, never before its last
// time is over, and each time is a step of its own that can be carried out again.
func TestRepeat(t *testing.T) {
	p := play(t, "at 1s every 2s±1s until 20s for 1500ms kill one", minute)
	require.NoError(t, p.err)
	var last, over time.Duration
	for i, f := range p.history {
		switch f.What {
		case history.FaultInject:
			step, err := nemesis.ParseStep(f.Resolved)
			require.NoError(t, err)
			require.Equal(t, nemesis.Repeat{}, step.Repeat)
			require.GreaterOrEqual(t, step.At, over, "the last one is over")
			require.Less(t, step.At, 20*time.Second)
			if i > 0 {
				require.GreaterOrEqual(t, step.At-last, time.Second)
				require.LessOrEqual(t, step.At-last, 3*time.Second)
			}
			last, over = step.At, step.At+1500*time.Millisecond
		case history.FaultHeal:
			require.Equal(t, "at 1s every 2s±1s until 20s for 1.5s kill one", f.Text)
		}
	}
	require.Greater(t, last, 16*time.Second)
	require.GreaterOrEqual(t, p.report.Count(history.FaultHeal), 6)

	again := play(t, "at 1s every 2s±1s until 20s for 1500ms kill one", minute)
	require.Equal(t, p.calls, again.calls, "the seed draws the moments")
	other := play(t, "at 2s restart n1\nat 1s every 2s±1s until 20s for 1500ms kill one", minute)
	require.NotEqual(t, p.calls, other.calls, "as another step has others")

	late := play(t, "at 2m every 1s restart one", minute)
	require.Equal(t, 1, late.report.Count(history.FaultNotFired), "the faults end before it begins")
	endless := play(t, "at 58100ms every 500ms restart one", minute)
	require.Equal(t, 4, endless.report.Count(history.FaultHeal))
	require.Equal(t, history.FaultHeal, endless.history[len(endless.history)-1].What)
}

// Members of a staggered fault go at once, and each comes back at a moment of its own,
// whatever else fails, and all of them once it ends.
func TestStaggered(t *testing.T) {
	p := play(t, "at 1s for 4s kill n1 n2 n3 staggered", nil)
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s kill n1", "1s kill n2", "1s kill n3"}, p.calls[1:4])
	step, err := nemesis.ParseStep(p.history[0].Resolved)
	require.NoError(t, err)
	back := step.Fault.(nemesis.Staggered).Back
	require.Len(t, back, 3)
	for i, n := range []string{"n1", "n2", "n3"} {
		require.Greater(t, back[i], time.Duration(0))
		require.LessOrEqual(t, back[i], 4*time.Second)
		require.Contains(t, p.calls, (time.Second+back[i]).String()+" start "+n)
	}
	require.Equal(t, nemesis.Evidence{"pids-gone": 3, "starts": 3}, nemesis.Evidence(p.report.Ends[0].Evidence))

	again := play(t, p.history[0].Resolved, nil)
	require.Equal(t, p.calls, again.calls, "what it came to be does it again")

	for plan, want := range map[string][]string{
		"at 1s for 4s pause n1 n2 staggered 3s 1s": {"1s inject", "1s pause n1", "1s pause n2", "2s resume n2", "4s resume n1"},
		"at 1s for 2s kill n1 n2 staggered 5s 1s":  {"1s inject", "1s kill n1", "1s kill n2", "2s start n2", "3s start n1"},
		"at 1s for 4s kill n1 n2 staggered 2s 2s\nat 2s for 500ms kill n1": {"1s inject", "1s kill n1", "1s kill n2",
			"3s start n1", "3s start n2"},
		"at 1s for 4s kill n1 n2 staggered 1s 3s\nat 2500ms for 5s kill n1": {"1s inject", "1s kill n1", "1s kill n2",
			"2s start n1", "2.5s inject", "2.5s kill n1", "4s start n2", "7.5s start n1"},
	} {
		p := play(t, plan, nil)
		require.NoError(t, p.err, plan)
		require.Equal(t, want, p.calls, plan)
	}

	stubborn := play(t, "at 1s for 4s kill n1 n2 staggered 1s 2s", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["start n1"] = errors.New("planned")
		return f.relent("start n1", 4*time.Second)
	})
	require.NoError(t, stubborn.err)
	require.Contains(t, stubborn.calls, "5s start n1", "at the end, since it failed before")

	short := play(t, "at 58s for 30s kill n1 n2 staggered 1s 20s", minute)
	require.NoError(t, short.err)
	require.Contains(t, short.calls, "59s start n1")
	require.Contains(t, short.calls, "1m0s start n2", "all is healed once the faults are over")
}

// Several members are one to all, but for those whom other words of the fault need.
func TestSeveral(t *testing.T) {
	counts := make(map[int]int)
	for seed := range uint64(200) {
		seeded := func(_ *fake, o *nemesis.Options) func(func()) { o.Seed = seed; return nil }
		p := play(t, "at 1s for 1s kill several", seeded)
		counts[len(p.history[0].Nodes)]++
		for _, plan := range []string{"at 1s for 1s partition several | rest", "at 1s for 1s cut several > one", "at 1s for 1s partition n1 n2 | several | rest"} {
			p := play(t, plan, seeded)
			require.Equal(t, history.FaultInject, p.history[0].What, "%s: %s", plan, p.history[0].Reason)
		}
	}
	for n := 1; n <= 5; n++ {
		require.Greater(t, counts[n], 20, "%v", counts)
	}
	require.Len(t, counts, 5)
	_, err := nemesis.ParseFor("p", "at 1s for 1s partition several | rest", nemesis.Setting{Nodes: members(1)})
	require.ErrorContains(t, err, "it can hit nobody")
	plan, err := nemesis.Parse("p", "at 1s every 1s restart one\nat 9s every 1s until 12s for 2s kill one")
	require.NoError(t, err)
	require.True(t, plan.Endless())
	require.Equal(t, 14*time.Second, plan.End())
	require.True(t, strings.Contains(plan.String(), "until 12s"))
}

// A step may wait for a client to be told that its write is done, and do so again and
// again: each time it strikes the member that said so, or whom it names, and then lets
// its pause go by before it looks out again.
func TestAcknowledged(t *testing.T) {
	answers := func(_ *fake, o *nemesis.Options) func(func()) {
		o.Until, o.View = time.Minute, nemesis.NewView()
		return func(func()) {
			for i := range 300 {
				time.Sleep(100 * time.Millisecond)
				o.View.Acknowledged([]string{"n1", "n2", "n3"}[i%3])
			}
		}
	}
	once := play(t, "on acknowledged by n2 from 1s kill it", answers)
	require.NoError(t, once.err)
	require.Equal(t, []string{"1.1s inject", "1.1s kill n2"}, once.calls[:2])
	require.Len(t, once.history, 2)

	p := play(t, "on acknowledged every 2s±1s until 20s for 500ms kill it", answers)
	require.NoError(t, p.err)
	var last time.Duration
	fired := 0
	for _, f := range p.history {
		if f.What != history.FaultInject {
			continue
		}
		step, err := nemesis.ParseStep(f.Resolved)
		require.NoError(t, err)
		require.Zero(t, step.Trigger)
		require.Zero(t, step.Repeat)
		answered := []string{"n1", "n2", "n3"}[(step.At.Round(100*time.Millisecond)/(100*time.Millisecond)-1)%3]
		require.Equal(t, []string{answered}, f.Nodes)
		if fired++; fired > 1 {
			require.GreaterOrEqual(t, step.At-last, time.Second)
			require.LessOrEqual(t, step.At-last, 3100*time.Millisecond)
		}
		last = step.At
	}
	require.Less(t, last, 20*time.Second)
	require.GreaterOrEqual(t, fired, 7)
	require.Equal(t, p.calls, play(t, "on acknowledged every 2s±1s until 20s for 500ms kill it", answers).calls)

	quiet := play(t, "on acknowledged every 1s restart it", minute)
	require.Equal(t, 1, quiet.report.Count(history.FaultNotFired), "nobody was told anything")
}
