package nemesis_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// n1 leads from the start.
func led(f *fake, _ *nemesis.Options) func(func()) {
	return func(func()) { f.tell(leader("n1", 3)) }
}

// What each fault does to the system, and when; the inject event comes first.
func TestFaultsAct(t *testing.T) {
	tests := []struct {
		plan string
		want []string
	}{
		{"at 1s for 2s partition leader | n2 n3", []string{
			"1s inject", "1s cut n1>n2 n1>n3 n2>n1 n3>n1", "3s remove cut"}},
		{"at 1s for 2s partition n1 | n2 | n3", []string{
			"1s inject", "1s cut n1>n2 n1>n3 n2>n1 n2>n3 n3>n1 n3>n2", "3s remove cut"}},
		{"at 1s for 2s partition ring n1 n2 n3 n4 n5", []string{
			"1s inject", "1s cut n1>n3 n1>n4 n2>n4 n2>n5 n3>n1 n3>n5 n4>n1 n4>n2 n5>n2 n5>n3", "3s remove cut"}},
		{"at 1s for 1s isolate n5", []string{
			"1s inject", "1s cut n1>n5 n2>n5 n3>n5 n4>n5 n5>n1 n5>n2 n5>n3 n5>n4", "2s remove cut"}},
		{"at 1s for 1s cut n1 > n2 n1", []string{"1s inject", "1s cut n1>n2", "2s remove cut"}},
		{"at 1s for 1s delay append 80ms+-40ms 25% first 3 n1 <> n2", []string{
			"1s inject", "1s delay append 80ms 40ms 0.25 3 n1>n2 n2>n1", "2s remove delay"}},
		{"at 1s for 1s throttle 10KB/s n1>n2", []string{"1s inject", "1s throttle 10000 n1>n2", "2s remove throttle"}},
		{"at 1s reset n1 > n2", []string{"1s inject", "1s reset n1>n2", "1s remove reset"}},
		{"at 1s for 1s hold vote-response followers > leader", []string{
			"1s inject", "1s hold vote-response n2>n1 n3>n1 n4>n1 n5>n1", "2s remove hold"}},
		{"at 1s kill leader", []string{"1s inject", "1s kill n1", "20s start n1"}},
		{"at 1s for 1s pause n1 n2", []string{"1s inject", "1s pause n1", "1s pause n2", "2s resume n1", "2s resume n2"}},
		{"at 1s for 1s power-failure n2 n1 keep names", []string{
			"1s inject", "1s cut power n1 n2 keep names", "2s start n1", "2s start n2"}},
		{"at 1s for 1s slow-sync n2 n1 200ms+-100ms wal", []string{
			"1s inject", "1s slow-sync n1 wal 200ms 100ms", "1s slow-sync n2 wal 200ms 100ms", "2s remove slow-sync", "2s remove slow-sync"}},
		{"at 1s for 1s full n1", []string{"1s inject", "1s full n1 0s 0s", "2s remove full"}},
		{`at 1s for 1s lost-write n1 "*.log"`, []string{"1s inject", "1s lost-write n1 *.log 0s 0s", "2s remove lost-write"}},
		{"at 1s for 1s bit-rot n1 flip wal 3", []string{"1s inject", "1s kill n1", "1s rot n1", "2s start n1"}},
		{"at 1s for 1s clock n1 n2 -30s", []string{
			"1s inject", "1s clock n1 -30s", "1s clock n2 -30s", "2s remove clock", "2s remove clock"}},
		{"at 1s for 1s slow n1 5%", []string{"1s inject", "1s slow n1 5%", "2s remove slow"}},
		{"at 1s for 1s starve n1 64MB", []string{"1s inject", "1s starve n1 64MB", "2s remove starve"}},
		{"at 1s for 1s starve n1 110%", []string{"1s inject", "1s starve n1 110%", "2s remove starve"}},
		{"at 1s for 1s freeze n1", []string{"1s inject", "1s freeze n1", "2s remove freeze"}},
		{"at 1s for 1s deaf n1", []string{"1s inject", "1s deafen n1", "2s kill n1", "2s start n1"}},
		{"at 1s restart n2", []string{"1s inject", "1s kill n2", "1s start n2"}},
		{"at 1s for 700ms restart-storm n2 every 300ms", []string{
			"1s inject", "1s kill n2", "1s start n2", "1.3s kill n2", "1.3s start n2", "1.6s kill n2", "1.6s start n2"}},
		{"at 1s rolling-restart n3 n4 every 500ms", []string{
			"1s inject", "1s kill n3", "1s start n3", "1.5s kill n4", "1.5s start n4"}},
	}
	for _, tt := range tests {
		t.Run(tt.plan, func(t *testing.T) {
			p := play(t, tt.plan, led)
			require.NoError(t, p.err)
			require.Equal(t, tt.want, p.calls)
			require.Len(t, p.history, 2)
			require.True(t, p.history[1].Bit)
		})
	}
}

// Every example of the catalogue runs, on a cluster in which all its triggers
// come.
func TestExamplesRun(t *testing.T) {
	for _, e := range nemesis.Catalog() {
		t.Run(e.Name, func(t *testing.T) {
			p := play(t, e.Example, func(f *fake, o *nemesis.Options) func(func()) {
				o.Until = time.Minute
				return func(func()) {
					time.Sleep(time.Second)
					f.tell(leader("n1", 3))
					f.tell(candidate("n2", 4))
					f.tell(vote("n3", "n2", 4))
				}
			})
			require.NoError(t, p.err)
			require.Equal(t, 1, p.report.Count(history.FaultHeal), p.lines())
			resolved, err := nemesis.ParseStep(p.history[0].Resolved)
			require.NoError(t, err)
			require.Equal(t, p.history[0].Resolved, resolved.String())
			require.NoError(t, resolved.Check(nemesis.Setting{Nodes: p.nodes}))
			require.NotEmpty(t, p.history[0].Nodes)
			require.True(t, slices.IsSorted(p.history[0].Nodes))
		})
	}
}

func TestOverlap(t *testing.T) {
	tests := []struct {
		name, plan   string
		calls, lines []string
	}{
		{"two kills", "at 1s for 4s kill n1\nat 2s for 1s kill n1",
			[]string{"1s inject", "1s kill n1", "5s start n1"},
			[]string{"1 inject: at 1s for 4s kill n1", "2 skipped: n1 is already down", "1 heal bit=true"}},
		{"a kill of two, one of them down", "at 1s for 4s kill n1\nat 2s for 1s kill n1 n2",
			[]string{"1s inject", "1s kill n1", "2s inject", "2s kill n2", "3s start n2", "5s start n1"},
			[]string{"1 inject: at 1s for 4s kill n1", "2 inject: at 2s for 1s kill n1 n2", "2 heal bit=true: n1 is already down", "1 heal bit=true"}},
		{"a pause of a killed one", "at 1s for 4s kill n1\nat 2s for 1s pause n1",
			[]string{"1s inject", "1s kill n1", "5s start n1"},
			[]string{"1 inject: at 1s for 4s kill n1", "2 skipped: n1 is already down", "1 heal bit=true"}},
		{"a kill of a paused one", "at 1s for 4s pause n1\nat 2s for 1s kill n1",
			[]string{"1s inject", "1s pause n1", "2s inject", "2s kill n1", "3s start n1"},
			[]string{"1 inject: at 1s for 4s pause n1", "2 inject: at 2s for 1s kill n1", "2 heal bit=true", "1 heal bit=true"}},
		{"two pauses", "at 1s for 2s pause n1\nat 2s for 2s pause n1",
			[]string{"1s inject", "1s pause n1", "2s inject", "4s resume n1"},
			[]string{"1 inject: at 1s for 2s pause n1", "2 inject: at 2s for 2s pause n1", "1 heal bit=true", "2 heal bit=true"}},
		{"a pause on both sides of a kill", "at 1s for 5s pause n1\nat 2s for 1s kill n1\nat 4s for 4s pause n1",
			[]string{"1s inject", "1s pause n1", "2s inject", "2s kill n1", "3s start n1", "4s inject", "4s pause n1", "8s resume n1"},
			nil},
		{"a power failure of two, one of them down", "at 1s for 4s kill n1\nat 2s for 1s power-failure n1 n2 keep nothing",
			[]string{"1s inject", "1s kill n1", "2s inject", "2s cut power n1 n2 keep nothing", "3s start n2", "5s start n1"},
			[]string{"1 inject: at 1s for 4s kill n1", "2 inject: at 2s for 1s power-failure n1 n2 keep nothing", "2 heal bit=true: n1 is already down", "1 heal bit=true"}},
		{"a power failure of who is down", "at 1s for 4s power-failure n1 keep names\nat 2s for 1s power-failure n1 keep nothing\nat 3s for 1s kill n1",
			[]string{"1s inject", "1s cut power n1 keep names", "5s start n1"},
			[]string{"1 inject: at 1s for 4s power-failure n1 keep names", "2 skipped: n1 is already down", "3 skipped: n1 is already down", "1 heal bit=true"}},
		{"a power failure of a paused one", "at 1s for 4s pause n1\nat 2s for 1s power-failure n1 keep some 7",
			[]string{"1s inject", "1s pause n1", "2s inject", "2s cut power n1 keep some 7", "3s start n1"},
			[]string{"1 inject: at 1s for 4s pause n1", "2 inject: at 2s for 1s power-failure n1 keep some 7", "2 heal bit=true", "1 heal bit=true"}},
		{"a kill of one that is constrained", "at 1s for 5s slow n1 5%\nat 1500ms for 4s full n1\nat 2s for 1s kill n1",
			[]string{"1s inject", "1s slow n1 5%", "1.5s inject", "1.5s full n1 0s 0s", "2s inject", "2s kill n1", "3s start n1", "5.5s remove full", "6s remove slow"},
			nil},
		{"a kill of a frozen one", "at 1s for 5s freeze n1\nat 2s for 1s kill n1\nat 4s for 1s freeze n1",
			[]string{"1s inject", "1s freeze n1", "2s inject", "2s remove freeze", "2s kill n1", "3s start n1", "4s inject", "4s freeze n1", "5s remove freeze"},
			[]string{"1 inject: at 1s for 5s freeze n1", "2 inject: at 2s for 1s kill n1", "2 heal bit=true", "3 inject: at 4s for 1s freeze n1", "3 heal bit=true", "1 heal bit=true"}},
		{"a power failure of a frozen one", "at 1s for 5s freeze n1\nat 2s for 1s power-failure n1 n2 keep names",
			[]string{"1s inject", "1s freeze n1", "2s inject", "2s remove freeze", "2s cut power n1 n2 keep names", "3s start n1", "3s start n2"},
			nil},
		{"a pause of a frozen one", "at 1s for 5s freeze n1\nat 2s for 1s pause n1\nat 3s for 1s clock n1 +1h\nat 4s for 1s freeze n1",
			[]string{"1s inject", "1s freeze n1", "2s inject", "3s inject", "4s inject", "6s remove freeze"},
			[]string{"1 inject: at 1s for 5s freeze n1", "2 inject: at 2s for 1s pause n1", "2 skipped: pause n1: does not go with what is in force there: freeze",
				"3 inject: at 3s for 1s clock n1 +1h", "3 skipped: clock n1: does not go with what is in force there: freeze",
				"4 inject: at 4s for 1s freeze n1", "4 skipped: freeze n1: does not go with what is in force there: freeze", "1 heal bit=true"}},
		{"a freeze of a paused one", "at 1s for 5s pause n1\nat 2s for 1s freeze n1",
			[]string{"1s inject", "1s pause n1", "2s inject", "6s resume n1"},
			nil},
		{"two clocks", "at 1s for 5s clock n1 +1h\nat 2s for 1s clock n1 +2h\nat 3s for 1s slow n1 5%\nat 7s for 1s clock n1 +1h",
			[]string{"1s inject", "1s clock n1 +1h", "2s inject", "3s inject", "3s slow n1 5%", "4s remove slow", "6s remove clock", "7s inject", "7s clock n1 +1h", "8s remove clock"},
			nil},
		{"a kill of a deaf one", "at 1s for 5s deaf n1\nat 2s for 1s kill n1",
			[]string{"1s inject", "1s deafen n1", "2s inject", "2s kill n1", "3s start n1"},
			nil},
		{"the end of deafness while it is down", "at 1s for 2s deaf n1\nat 2s for 2s kill n1",
			[]string{"1s inject", "1s deafen n1", "2s inject", "2s kill n1", "4s start n1"},
			nil},
		{"rot of one that is down", "at 1s for 2s kill n1\nat 2s for 3s bit-rot n1 n2 zero 4",
			[]string{"1s inject", "1s kill n1", "2s inject", "2s kill n2", "2s rot n2", "3s start n1", "5s start n2"},
			[]string{"1 inject: at 1s for 2s kill n1", "2 inject: at 2s for 3s bit-rot n1 n2 zero 4", "1 heal bit=true", "2 heal bit=true: zero of n2: , drawn by 4; n1 is already down"}},
		{"a storm over a kill", "at 1s for 1s kill n1\nat 1500ms for 1s restart-storm n1 n2 every 400ms",
			[]string{"1s inject", "1s kill n1", "1.5s inject", "1.5s kill n2", "1.5s start n2", "1.9s kill n2", "1.9s start n2",
				"2s start n1", "2.3s kill n1", "2.3s kill n2", "2.3s start n1", "2.3s start n2"},
			nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, tt.plan, nil)
			require.NoError(t, p.err)
			require.Equal(t, tt.calls, p.calls)
			if tt.lines != nil {
				require.Equal(t, tt.lines, p.lines())
			}
		})
	}
}

// A kill takes the leader away until another one is seen; late events of its
// term do not bring it back.
func TestKilledLeaderIsNoTarget(t *testing.T) {
	p := play(t, "at 1s for 1s kill leader\nat 3s for 1s pause leader\nat 5s for 1s pause leader", func(f *fake, _ *nemesis.Options) func(func()) {
		return func(func()) {
			f.tell(leader("n1", 3))
			time.Sleep(2 * time.Second)
			f.tell(leader("n1", 3))
			f.tell(history.Raft{Node: "n1", What: history.RaftCommit, Term: 3, Index: 9, Lead: true})
			time.Sleep(2 * time.Second)
			f.tell(leader("n2", 4))
		}
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{
		"1 inject: at 1s for 1s kill n1", "1 heal bit=true",
		"2 no-target: no such target just now: leader: no leader is known (waited 500ms)",
		"3 inject: at 5s for 1s pause n2", "3 heal bit=true",
	}, p.lines())
}

// A step whose word means nobody waits for somebody, up to half of its time, and
// then lasts as long as it was to. What it draws is what it would have drawn.
func TestStepsWaitForWhomTheyName(t *testing.T) {
	later := func(f *fake, _ *nemesis.Options) func(func()) {
		return func(func()) {
			time.Sleep(1300 * time.Millisecond)
			f.tell(candidate("n2", 3))
			time.Sleep(100 * time.Millisecond)
			f.tell(leader("n2", 3))
		}
	}
	soon := func(f *fake, _ *nemesis.Options) func(func()) {
		return func(func()) { f.tell(leader("n2", 3)) }
	}
	for plan, want := range map[string][]string{
		"at 1s for 1s pause leader":         {"1 inject: at 1.4s for 1s pause n2", "1 heal bit=true"},
		"at 1s for 800ms isolate candidate": {"1 inject: at 1.3s for 800ms isolate n2", "1 heal bit=true"},
		"at 1s restart leader":              {"1 inject: at 1.4s restart n2", "1 heal bit=true"},
		"at 1s for 700ms pause leader":      {"1 no-target: no such target just now: leader: no leader is known (waited 350ms)"},
	} {
		t.Run(plan, func(t *testing.T) {
			p := play(t, plan, later)
			require.NoError(t, p.err)
			require.Equal(t, want, p.lines())
		})
	}
	drawn := func(setup func(*fake, *nemesis.Options) func(func())) string {
		p := play(t, "at 1s for 1s partition one follower | leader", setup)
		require.NoError(t, p.err)
		_, text, _ := strings.Cut(p.lines()[0], "partition ")
		return text
	}
	require.Equal(t, drawn(soon), drawn(later))
}

func TestTriggers(t *testing.T) {
	events := func(f *fake, _ *nemesis.Options) func(func()) {
		return func(func()) {
			for term := range uint64(4) { // leaders n1, n2, n3, n4 at 1 s, 2 s, 3 s, 4 s
				time.Sleep(time.Second)
				node := f.nodes[term]
				f.tell(candidate(node, term+1))
				f.tell(vote("n5", node, term+1))
				f.tell(leader(node, term+1))
				tap := leader(node, term+1) // the tap tells it, too
				tap.Source, tap.Stage = history.Tap, history.Sent
				f.tell(tap)
			}
		}
	}
	tests := []struct {
		name, plan string
		want       []string
	}{
		{"once", "on leader for 100ms pause leader",
			[]string{"1 inject: at 1s for 100ms pause n1", "1 heal bit=true"}},
		{"three times", "on leader times 3 for 100ms pause leader",
			[]string{"1 inject: at 1s for 100ms pause n1", "1 heal bit=true", "1 inject: at 2s for 100ms pause n2", "1 heal bit=true", "1 inject: at 3s for 100ms pause n3", "1 heal bit=true"}},
		{"not while it is in force", "on leader times 2 for 1500ms pause it",
			[]string{"1 inject: at 1s for 1.5s pause n1", "1 heal bit=true", "1 inject: at 3s for 1.5s pause n3", "1 heal bit=true"}},
		{"by whom", "on leader by n3 for 100ms pause it",
			[]string{"1 inject: at 3s for 100ms pause n3", "1 heal bit=true"}},
		{"in a part of the run", "on leader from 1500ms until 2s500ms times 5 for 100ms pause it",
			[]string{"1 inject: at 2s for 100ms pause n2", "1 heal bit=true"}},
		{"after a while", "on candidate after 300ms for 100ms isolate candidate",
			[]string{"1 inject: at 1.3s for 100ms isolate n1", "1 heal bit=true"}},
		{"who votes", "on vote-granted by n5 from 1500ms for 100ms kill voter",
			[]string{"1 inject: at 2s for 100ms kill n5", "1 heal bit=true"}},
		{"never", "on install for 1s kill it",
			[]string{"1 not-fired: no such event came"}},
		{"too late", "on leader by n4 until 2s for 1s kill it",
			[]string{"1 not-fired: no such event came"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, tt.plan, events)
			require.NoError(t, p.err)
			require.Equal(t, tt.want, p.lines())
		})
	}
}

func TestOtherEnds(t *testing.T) {
	p := play(t, `
		at 1s for 1s drop append 10% * > *   # not supported
		at 2s for 1s pause leader            # nobody leads
		maybe at 3s for 900ms cut n1 > n2       # does not bite
		at 4s for 1s kill n3                 # fails
		at 30s for 1s kill n1                # after the end
		at 19s for 5s kill n2                # cut short by the end
	`, func(f *fake, _ *nemesis.Options) func(func()) {
		f.idle = true
		f.refuse["kill n3"] = errors.New("no such process")
		f.refuse["drop append 0.1 n1>n2 n1>n3 n1>n4 n1>n5 n2>n1 n2>n3 n2>n4 n2>n5 n3>n1 n3>n2 n3>n4 n3>n5 n4>n1 n4>n2 n4>n3 n4>n5 n5>n1 n5>n2 n5>n3 n5>n4"] = errors.New("no decoder")
		return nil
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{
		"1 inject: at 1s for 1s drop append 10% n1 n2 n3 n4 n5 > n1 n2 n3 n4 n5", "1 skipped: no decoder",
		"2 no-target: no such target just now: leader: no leader is known (waited 500ms)",
		"3 inject: maybe at 3s for 900ms cut n1 > n2", "3 heal bit=false",
		"4 inject: at 4s for 1s kill n3", "4 skipped: kill n3: no such process",
		"6 inject: at 19s for 5s kill n2",
	}, p.lines()[:8])
	require.ElementsMatch(t, []string{"5 not-fired: the faults ended before it was due", "6 heal bit=true"}, p.lines()[8:])
	require.True(t, p.history[4].Optional)
	require.Equal(t, 2, p.report.Count(history.FaultSkipped))
	require.Len(t, p.report.Ends, 6)
	require.Empty(t, p.report.Unhealed)
}

// A cancelled run heals what is in force and says so in the history.
func TestCancelHeals(t *testing.T) {
	p := play(t, `
		at 1s for 9s kill n1
		at 1s for 9s pause n2
		at 1s for 9s isolate n3
		at 1s for 9s restart-storm n4 every 1s
		at 1s rolling-restart n5 every 3s
		on leader for 1s kill leader
		at 8s for 1s kill n1
	`, func(*fake, *nemesis.Options) func(func()) {
		return func(cancel func()) { time.Sleep(2500 * time.Millisecond); cancel() }
	})
	require.ErrorIs(t, p.err, context.Canceled)
	require.Equal(t, 5, p.report.Count(history.FaultHeal))
	require.Equal(t, 2, p.report.Count(history.FaultNotStarted), "they were still to come")
	require.True(t, strings.HasPrefix(p.calls[len(p.calls)-1], "2.5s "), p.calls)
}

// A fault that panics, in whatever it does, is an error of the execution; all
// others go on and are healed, and so is what it left behind.
func TestPanicHeals(t *testing.T) {
	for _, call := range []string{"kill n1", "start n1", "pause n1", "resume n1", "cut n1>n2", "remove cut"} {
		t.Run(call, func(t *testing.T) {
			p := play(t, `
				at 1s for 2s restart-storm n1 every 1500ms
				at 5s for 2s pause n1
				at 8s for 2s cut n1 > n2
				at 1s for 12s kill n2
			`, func(f *fake, _ *nemesis.Options) func(func()) {
				f.panics[call] = true
				return f.relent(call, 11*time.Second) // the final attempt succeeds
			})
			require.ErrorContains(t, p.err, "panic: planned: "+call)
			require.Empty(t, p.report.Unhealed)
			require.Contains(t, p.lines(), "4 heal bit=true")
		})
	}
}

// Healing is tried again until it works or its own time is out.
func TestHealingPersists(t *testing.T) {
	p := play(t, "at 1s for 2s kill n1", func(f *fake, _ *nemesis.Options) func(func()) {
		f.refuse["start n1"] = errors.New("port taken")
		return f.relent("start n1", 5*time.Second)
	})
	require.NoError(t, p.err)
	require.Equal(t, []string{"1 inject: at 1s for 2s kill n1", "1 heal bit=true"}, p.lines())
}

func TestUnhealedIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("n1", "n2", "n3")
		f.refuse["start n1"] = errors.New("port taken")
		plan, err := nemesis.Parse("p", "at 1s for 1s kill n1")
		require.NoError(t, err)
		report, err := nemesis.Execute(t.Context(), nemesis.Options{System: f, Record: f.record, Patience: time.Second}, plan)
		require.ErrorContains(t, err, "not everything is healed: start n1: port taken")
		require.Equal(t, []string{"start n1: port taken"}, report.Unhealed)
		require.Equal(t, "1 heal bit=true: not healed: start n1: port taken", f.lines()[1])
	})
}

// What random words draw depends on seed and step number alone.
func TestSeedStability(t *testing.T) {
	resolved := func(plan string, seed uint64) map[int]string {
		p := play(t, plan, func(_ *fake, o *nemesis.Options) func(func()) { o.Seed = seed; return nil })
		out := make(map[int]string)
		for _, e := range p.history {
			out[e.Step] = e.Resolved
		}
		return out
	}
	plan := "at 1s for 1s partition halves\nat 3s for 1s isolate one\nat 5s for 1s partition ring\n"
	first := resolved(plan, 7)
	require.Equal(t, first, resolved(plan, 7))
	require.NotEqual(t, first, resolved(plan, 8))
	longer := resolved(plan+"at 500ms restart one\nat 2s for 1s isolate minority\n", 7)
	for step, text := range first {
		require.Equal(t, text, longer[step])
	}
}

// A plan may grow while it runs.
func TestStepsArriveLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake("n1", "n2", "n3")
		steps := func(yield func(nemesis.Step) bool) {
			for range 3 {
				time.Sleep(time.Second)
				if !yield(nemesis.Step{Fault: nemesis.Restart{Who: "n1"}}) {
					return
				}
			}
		}
		report, err := nemesis.ExecuteSteps(t.Context(), nemesis.Options{System: f, Record: f.record}, steps)
		require.NoError(t, err)
		require.Equal(t, 3, report.Count(history.FaultHeal))
		require.Equal(t, 3*time.Second, time.Since(f.start))
	})
}
