package nemesis_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// What a power failure keeps is drawn if nobody says, from what the disks can, and is
// in the line that says what came to be, which does it again.
func TestPowerFailureSaysWhatIsKept(t *testing.T) {
	kept := make(map[string]int)
	for seed := range uint64(60) {
		can := func(f *fake, o *nemesis.Options) func(func()) {
			o.Seed, o.Keeps = seed, []string{nemesis.KeepNames, nemesis.KeepSome}
			return nil
		}
		p := play(t, "at 1s for 1s power-failure several", can)
		require.NoError(t, p.err)
		_, keep, found := strings.Cut(p.history[0].Resolved, " keep ")
		require.True(t, found, p.history[0].Resolved)
		what, drawn, _ := strings.Cut(keep, " ")
		require.Equal(t, what == nemesis.KeepSome, drawn != "")
		kept[what]++
		require.Equal(t, p.calls, play(t, p.history[0].Resolved, nil).calls)
	}
	require.Len(t, kept, 2)
	require.Greater(t, kept[nemesis.KeepNames], 15)
	require.Greater(t, kept[nemesis.KeepSome], 15)

	p := play(t, "at 1s for 1s power-failure n1\nat 3s for 1s power-failure n1 keep some\nat 5s for 1s power-failure n1 keep names", nil)
	require.NoError(t, p.err)
	require.NotContains(t, p.history[0].Resolved, nemesis.KeepSome, "which few disks can")
	require.Regexp(t, `keep some \d+$`, p.history[2].Resolved)
	require.Equal(t, "at 5s for 1s power-failure n1 keep names", p.history[4].Resolved)
}

// A power failure bites if a disk lost what was not synced, and not if it kept that.
func TestPowerFailureBites(t *testing.T) {
	for _, plan := range []string{"at 1s for 1s power-failure n1 n2 keep nothing", "at 1s for 1s power-failure n1 n2 keep nothing staggered 1s 500ms"} {
		for want, cuts := range map[string]map[string]int64{
			"true map[canaries-lost:2 pids-gone:2 starts:2]":                     nil,
			"true map[blocks-lost:9 pids-gone:2 starts:2]":                       {"blocks-lost": 9},
			"false map[canaries-lost:1 canaries-survived:1]":                     {"canaries-lost": 1, "canaries-survived": 1},
			"false map[canaries-lost:0]":                                         {"canaries-lost": 0},
			"true map[canaries-lost:2 canaries-survived:0 pids-gone:2 starts:2]": {"canaries-lost": 2, "canaries-survived": 0},
			"false map[canaries-lost:1 disks-empty:1]":                           {"canaries-lost": 1, "disks-empty": 1},
			"true map[canaries-lost:2 disks-empty:1 pids-gone:2 starts:2]":       {"canaries-lost": 2, "disks-empty": 1},
		} {
			p := play(t, plan, func(f *fake, _ *nemesis.Options) func(func()) { f.cuts = cuts; return nil })
			require.NoError(t, p.err)
			end := p.report.Ends[0]
			require.Equal(t, want, fmt.Sprint(end.Bit, " ", end.Evidence), plan)
		}
	}
}

// Nothing else happens to a member while the power fails, and whoever it cannot be
// taken from is as before.
func TestPowerFailureIsOneDeed(t *testing.T) {
	slow := func(f *fake, _ *nemesis.Options) func(func()) {
		f.slow["cut power"] = 2 * time.Second
		return nil
	}
	p := play(t, "at 1s for 2s power-failure n1 n3 keep nothing\nat 2s for 1s kill n3\nat 2.1s for 2s pause n2\nat 2.2s for 2s power-failure n2 n1 keep names", slow)
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s inject", "1s cut power n1 n3 keep nothing", "2s inject", "2.1s inject", "2.1s pause n2", "2.2s inject",
		"3s cut power n1 n2 keep names", "5s start n1", "5s start n3"}, p.calls[:9])
	require.Contains(t, p.lines(), "2 skipped: n3 is already down")
	require.Contains(t, p.lines(), "4 heal bit=true: n1 is already down")

	quiet := play(t, "at 1s for 2s power-failure n1 n3 keep nothing quiet\n", nil)
	require.Equal(t, "1s cut power n1 n3 keep nothing quiet", quiet.calls[1])
	require.Contains(t, quiet.lines(), "1 inject: at 1s for 2s power-failure n1 n3 keep nothing quiet")

	partly := func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["blackout n2"] = errors.New("n2 keeps its power")
		return nil
	}
	for _, plan := range []string{"at 1s for 2s power-failure n1 n2 n3 keep nothing", "at 1s for 2s power-failure n1 n2 n3 keep nothing staggered 1s 1s 2s"} {
		p := play(t, plan, partly)
		require.NoError(t, p.err)
		require.Equal(t, "1 heal bit=true: n2 keeps its power", p.lines()[1])
		require.Equal(t, int64(2), p.report.Ends[0].Evidence["starts"])
	}
	p = play(t, "at 1s for 2s power-failure n2 keep nothing", partly)
	require.NoError(t, p.err)
	require.Equal(t, "1 skipped: n2 keeps its power", p.lines()[1])
}

// What heals at a member whose disk takes long to come back waits for it.
func TestHealsBesideALongPowerFailure(t *testing.T) {
	p := play(t, "at 500ms for 1s clock n1 +1m\nat 500ms for 1s deaf n2\nat 1s for 2s power-failure n1 n2 keep nothing", func(f *fake, o *nemesis.Options) func(func()) {
		f.slow["cut power"] = 30 * time.Second
		return nil
	})
	require.NoError(t, p.err)
	require.Empty(t, p.report.Unhealed)
	require.Equal(t, 3, p.report.Count(history.FaultHeal))

	p = play(t, "at 500ms for 1s clock n1 +1m\nat 1s for 2s power-failure n1 keep nothing", func(f *fake, o *nemesis.Options) func(func()) {
		f.slow["cut power"] = 70 * time.Second
		return nil
	})
	require.ErrorContains(t, p.err, "at 500ms for 1s clock n1 +1m: not healed: wait for what else is done to n1: context deadline exceeded")
}

// One that still waits for another when the faults are over says so.
func TestPowerTooLate(t *testing.T) {
	p := play(t, "at 1s for 5s power-failure n1 keep nothing\nat 1500ms for 1s power-failure n1 n2 keep nothing\nat 1600ms for 1s kill n1", func(f *fake, o *nemesis.Options) func(func()) {
		f.slow["cut power"], o.Until = 3*time.Second, 1900*time.Millisecond
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, 1, p.report.Count(history.FaultHeal))
	for _, step := range []string{"2 skipped", "3 skipped"} {
		require.Contains(t, p.lines(), step+": wait for what else is done to n1: the faults are over")
	}
}

// Members that lost their power come back one by one, at the times that are drawn.
func TestPowerReturnsStaggered(t *testing.T) {
	p := play(t, "at 1s for 4s power-failure n1 n2 n3 keep names staggered 3s 1s 2s", nil)
	require.NoError(t, p.err)
	require.Equal(t, []string{"1s inject", "1s cut power n1 n2 n3 keep names", "2s start n2", "3s start n3", "4s start n1"}, p.calls)
	drawn := play(t, "at 1s for 4s power-failure several staggered", nil)
	require.NoError(t, drawn.err)
	require.Equal(t, drawn.calls, play(t, drawn.history[0].Resolved, nil).calls)
}

// Whatever goes wrong when the power fails, everybody runs in the end.
func TestPowerFailureHeals(t *testing.T) {
	plan := `
		at 1s for 2s power-failure n1 n2 n3 keep nothing
		at 2s for 4s pause n4
		at 5s for 9s power-failure n4 n5 keep names staggered 1s 2s
		at 7s for 9s power-failure n1 keep some 3
	`
	for _, call := range []string{"cut power n1 n2 n3 keep nothing", "blackout n2", "blackout n4", "start n1", "start n5"} {
		for _, panics := range []bool{false, true} {
			p := play(t, plan, func(f *fake, _ *nemesis.Options) func(func()) {
				if f.refuse[call] = errors.New("planned"); panics {
					f.panics[call] = true
				}
				return f.relent(call, 12*time.Second)
			})
			require.Empty(t, p.report.Unhealed)
			if panics && call != "start n5" { // which is tried again at the end of the fault
				require.ErrorContains(t, p.err, "panic: planned: "+call)
			}
		}
	}
	p := play(t, plan, func(*fake, *nemesis.Options) func(func()) {
		return func(cancel func()) { time.Sleep(5500 * time.Millisecond); cancel() }
	})
	require.Error(t, p.err)
	require.Equal(t, 3, p.report.Count(history.FaultHeal))
}

// A system without disks that lose power does not do it.
func TestPowerFailureIsNotAvailable(t *testing.T) {
	p := play(t, "at 1s for 1s power-failure n1 keep nothing", func(f *fake, o *nemesis.Options) func(func()) {
		o.System = struct{ nemesis.System }{f}
		return nil
	})
	require.Equal(t, "1 skipped: power-failure: the system does not offer this", p.lines()[1])
	for _, tt := range []struct {
		offer nemesis.Offer
		step  string
		want  string // "" for a step that is possible
	}{
		{nemesis.Offer{Keeps: []string{"nothing", "names"}}, "at 1s for 1s power-failure n1", ""},
		{nemesis.Offer{Keeps: []string{"nothing", "names"}}, "at 1s for 1s power-failure n1 keep names", ""},
		{nemesis.Offer{Keeps: []string{"nothing", "names"}}, "at 1s for 1s power-failure n1 keep some staggered", "cannot keep some, but nothing, names"},
		{nemesis.Offer{}, "at 1s for 1s power-failure n1", "lose no power: give each member one of its own with --disk"},
		{nemesis.Offer{Unable: map[string]string{"power-failure": "use --disk ext4"}}, "maybe at 1s for 1s power-failure n1 staggered", "power-failure: use --disk ext4"},
	} {
		_, err := nemesis.ParseFor("p", tt.step, nemesis.Setting{Nodes: members(3), System: &tt.offer})
		if tt.want == "" {
			require.NoError(t, err, tt.step)
		} else {
			require.ErrorContains(t, err, tt.want)
		}
	}
	for step, want := range map[string]bool{"power-failure n1": true, "power-failure n1 keep some staggered": true, "kill n1": false, "kill n1 staggered": false} {
		s, err := nemesis.ParseStep("at 1s for 1s " + step)
		require.NoError(t, err)
		require.Equal(t, want, nemesis.OnPower(s.Fault))
	}
}
